"""Help, suggestions for mistakes, and what goes to stdout and stderr."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS, _run
from tests.cli.workspaces import ROOT, sitecrew

COMMANDS_OF_GROUPS = {
    "list": ("clients", "holds", "hosts", "playbooks", "reports", "runs", "sites", "steps", "windows"),
    "schedule": ("next", "list"),
    "backup": ("list",),
    "service": ("print", "install", "uninstall"),
}
NAMES = [name for section in COMMANDS.values() for name in section]
WORDS = [(name,) for name in NAMES]
WORDS += [(name, inner) for name, inners in COMMANDS_OF_GROUPS.items() for inner in inners]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run([*words, "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Usage: sitecrew " + " ".join(words))
    assert "--help" in printed.out
    assert len(printed.out.splitlines()) > 4
    assert printed.err == ""


def test_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["--help"]) == 0
    printed = capsys.readouterr().out
    for name in NAMES:
        assert f"\n  {name} " in printed
    assert "11 locked" in " ".join(printed.split())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("rum nightly", "did you mean run?"),
        ("run nightli", "did you mean nightly?"),
        ("plan nightli", "did you mean nightly?"),
        ("run nightly -l acme-shopp", "did you mean acme-shop?"),
        ("run nightly -l acme", "did you mean client:acme?"),
        ("run nightly -l tag:quite", "did you mean tag:quiet?"),
        ("run nightly -l nonsense:x", "is not a selector"),
        ("run nightly -l tag:quiet --exclude acme-docs", "no site is selected"),
        ("run", "missing argument PLAYBOOK"),
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
def test_mistake_exits_with_2_and_a_suggestion(
    workspace: Path, words: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words.split()) == 2
    printed = capsys.readouterr()
    assert hint in printed.err
    assert printed.out == ""
    assert not (workspace / ".sitecrew/engine.db").exists()


@pytest.mark.parametrize(
    ("words", "out"),
    [
        ("list runs", ""),
        ("list runs --json", "[]\n"),
        ("schedule list", ""),
        ("schedule list --json", "[]\n"),
        ("backup list acme-shop", ""),
        ("backup list acme-shop --json", "[]\n"),
    ],
)
def test_list_without_ledger_is_empty(
    workspace: Path, words: str, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words.split()) == 0
    printed = capsys.readouterr()
    assert printed.out == out
    assert out or ("yet" in printed.err and "sitecrew " in printed.err)
    assert not (workspace / ".sitecrew").exists(), "reading commands write nothing"


@pytest.mark.parametrize(
    "words", ["show", "show --json", "show last", "show last --json", "logs last acme-shop"]
)
def test_run_without_ledger_is_refused(
    workspace: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "yet" in printed.err
    assert "sitecrew " in printed.err
    assert not (workspace / ".sitecrew").exists(), "reading commands write nothing"


@pytest.mark.parametrize("words", ["resume", "cancel", "run nightly -l @failed"])
@pytest.mark.usefixtures("workspace")
def test_missing_run_is_reported(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(words.split()) == 2
    printed = capsys.readouterr()
    assert "no run" in printed.err
    assert "sitecrew run" in printed.err


def test_missing_workspace_suggests_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(["list", "sites"]) == 2
    assert "sitecrew init" in capsys.readouterr().err


def test_init_creates_valid_workspace(
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


def test_mistake_is_shown_with_line_and_caret(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
def test_schema_is_json(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["schema", which]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


def in_terminal(folder: Path, *words: str, **env: str) -> str:
    """Run a command on a pseudo-terminal and return its output."""
    import pty

    ours, theirs = pty.openpty()
    printed = b""
    with subprocess.Popen(
        [sys.executable, "-m", "runner", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **env},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        with contextlib.suppress(OSError):  # the process has closed the terminal
            while data := os.read(ours, 65536):
                printed += data
    os.close(ours)
    return printed.decode()


def test_color_needs_terminal_and_no_no_color(workspace: Path) -> None:
    assert "\x1b[" in in_terminal(workspace, "list", "sites")
    assert "\x1b[" not in in_terminal(workspace, "list", "sites", NO_COLOR="1")
    assert "\x1b[" not in sitecrew(workspace, "list", "sites").stdout
    assert "\x1b[" not in in_terminal(workspace, "run", "nightli", NO_COLOR="1")
    assert "\x1b[" not in sitecrew(workspace, "run", "nightli").stderr


def test_closed_pipe_is_no_error(workspace: Path) -> None:
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
