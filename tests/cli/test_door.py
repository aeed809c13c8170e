"""The door: every command has help, mistakes have suggestions, stdout is data and stderr is talk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS, _run

ROOT = Path(__file__).parents[2]
INVENTORY = """\
hosts:
  web1: {address: 127.0.0.1, user: deploy}
clients:
  acme:
    name: Acme Bakery
    sites:
      acme-shop: {url: "https://shop.acme.example", host: web1, path: /srv/shop}
      acme-docs: {url: "https://docs.acme.example", host: web1, path: /srv/docs, kind: static, tags: [quiet]}
"""
COMMANDS_OF_GROUPS = {
    "list": ("sites", "playbooks", "steps", "runs"),
    "schedule": ("next", "list"),
    "backup": ("list",),
}
NAMES = [name for section in COMMANDS.values() for name in section]
WORDS = [(name,) for name in NAMES]
WORDS += [(name, inner) for name, inners in COMMANDS_OF_GROUPS.items() for inner in inners]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/nightly.yaml").write_text("name: Nightly\nsteps:\n  - shell: {run: 'true'}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run([*words, "--help"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("Usage: sitecrew " + " ".join(words))
    assert "--help" in said.out
    assert len(said.out.splitlines()) > 4
    assert said.err == ""


def test_the_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["--help"]) == 0
    said = capsys.readouterr().out
    for name in NAMES:
        assert f"\n  {name} " in said
    assert "11 locked" in " ".join(said.split())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("rum nightly", "Did you mean 'run'?"),
        ("run nightli", "did you mean nightly?"),
        ("plan nightli", "did you mean nightly?"),
        ("run nightly -l acme-shopp", "did you mean acme-shop?"),
        ("run nightly -l acme", "did you mean client:acme?"),
        ("run nightly -l tag:quite", "did you mean tag:quiet?"),
        ("run nightly -l nonsense:x", "is not a selector"),
        ("run nightly -l tag:quiet --exclude acme-docs", "no site is selected"),
        ("run", "Missing argument"),
        ("run nightly --forks 0", "--forks"),
        ("run nightly -e 1x=2", "write NAME=VALUE"),
        ("list runes", "runs"),
        ("trust web2", "did you mean web1?"),
        ("report acne --period 2026-11", "did you mean acme?"),
        ("report acme --period november", "2026-W48"),
        ("schedule next --from tomorrow", "2026-11-24T01:00:00Z"),
        ("backup list acme-shopp", "did you mean acme-shop?"),
    ],
)
def test_a_mistake_exits_with_2_and_says_what_was_probably_meant(
    workspace: Path, words: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words.split()) == 2
    said = capsys.readouterr()
    assert hint in said.err
    assert said.out == ""
    assert not (workspace / ".sitecrew/engine.db").exists()


@pytest.mark.parametrize(
    "words",
    ["list runs", "show", "show last", "logs last acme-shop", "schedule list", "backup list acme-shop"],
)
@pytest.mark.parametrize("json_", [False, True], ids=["text", "json"])
def test_a_workspace_without_a_ledger_gets_a_sentence(
    workspace: Path,
    words: str,
    json_: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    lists = {"list runs", "schedule list", "backup list acme-shop"}
    if json_ and words.startswith("logs"):
        pytest.skip("logs are text")
    code = _run([*words.split(), *(["--json"] if json_ else [])])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert not (workspace / ".sitecrew").exists(), "a command that reads writes nothing"
    if words in lists:
        assert code == 0
        assert said.out == ("[]\n" if json_ else "")
    else:
        assert code == 2
        assert said.out == ""
    if words not in lists or not json_:
        assert "yet" in said.err
        assert "sitecrew " in said.err


@pytest.mark.parametrize("words", ["resume", "cancel", "run nightly -l @failed"])
def test_what_needs_a_run_says_that_there_is_none(
    workspace: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workspace
    assert _run(words.split()) == 2
    said = capsys.readouterr()
    assert "no run" in said.err
    assert "sitecrew run" in said.err


def test_outside_of_any_workspace_the_way_in_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(["list", "sites"]) == 2
    assert "sitecrew init" in capsys.readouterr().err


def test_init_makes_a_workspace_that_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run(["init", str(tmp_path / "new")]) == 0
    assert _run(["-w", str(tmp_path / "new"), "validate"]) == 0
    assert "1 client, 1 site, 1 host, 1 window" in capsys.readouterr().out
    assert _run(["init", str(tmp_path / "new")]) == 2
    assert "is already a workspace" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "new/playbooks")
    assert _run(["validate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "errors": []}


def test_mistakes_are_shown_with_line_and_caret(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = workspace / "playbooks/nightly.yaml"
    path.write_text("name: Nightly\nsteps:\n  - shell: {run: 'true'}\n    timeout: 10 minutes\n")
    assert _run(["validate"]) == 2
    err = capsys.readouterr().err
    assert "playbooks/nightly.yaml:4:14: steps[0].timeout:" in err
    assert "              ^" in err
    assert "1 mistake found" in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["completion", shell]) == 0
    assert "_SITECREW_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize("which", ["inventory", "playbook", "settings"])
def test_a_schema_is_json(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["schema", which]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


def sitecrew(
    folder: Path, *words: str, terminal: bool = False, **env: str
) -> subprocess.CompletedProcess[str]:
    """A real process; with `terminal`, on a pseudo-terminal, whose output is all stdout."""
    command = [sys.executable, "-m", "runner", *words]
    if terminal:
        said: list[bytes] = []
        status = in_terminal(
            folder, command, said, {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **env}
        )
        return subprocess.CompletedProcess(command, status, b"".join(said).decode(), "")
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def in_terminal(folder: Path, command: list[str], said: list[bytes], env: dict[str, str]) -> int:
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other side is gone
                break
            if not data:
                break
            said.append(data)
    os.close(ours)
    return process.returncode


def test_colour_is_for_terminals_that_want_it(workspace: Path) -> None:
    assert "\x1b[" in sitecrew(workspace, "list", "sites", terminal=True).stdout
    assert "\x1b[" not in sitecrew(workspace, "list", "sites", terminal=True, NO_COLOR="1").stdout
    assert "\x1b[" not in sitecrew(workspace, "list", "sites").stdout
    assert "\x1b[" not in sitecrew(workspace, "run", "nightli", terminal=True, NO_COLOR="1").stdout
    assert "\x1b[" not in sitecrew(workspace, "run", "nightli").stderr


def test_a_reader_that_goes_away_is_no_error(workspace: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "runner", "schema", "playbook"],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
