"""Errors of the command line: one style for all, and JSON with --json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.terminal import Terminal
from runner.cli.main import _run
from tests.cli.workspaces import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MISTAKES = {
    "plan nightly --forsk 2": "error: there is no option --forsk\n  see: sitecrew plan -h\n",
    "plan nightly --limt x": (
        "error: there is no option --limt\n  did you mean --limit?\n  see: sitecrew plan -h\n"
    ),
    "plan": "error: missing argument PLAYBOOK\n  see: sitecrew plan -h\n",
    "run nightly -f 0": "error: -f/--forks: 0 is not in the range x>=1\n  see: sitecrew run -h\n",
    "list runes": "error: there is no command 'runes'\n  did you mean runs?\n  see: sitecrew list -h\n",
    "rum nightly": "error: there is no command 'rum'\n  did you mean run?\n",
    "frobnicate": "error: there is no command 'frobnicate'\n  see: sitecrew -h\n",
    "run nightli": "error: there is no playbook 'nightli'\n  did you mean nightly?\n",
    "completion ksh": (
        "error: SHELL: 'ksh' is not one of 'bash', 'zsh', 'fish'\n  see: sitecrew completion -h\n"
    ),
    "plan nightly extra": "error: got unexpected extra argument (extra)\n  see: sitecrew plan -h\n",
    "plan nightly -l": "error: option '-l' requires an argument\n  see: sitecrew plan -h\n",
}


@pytest.mark.parametrize(("words", "printed"), MISTAKES.items(), ids=MISTAKES)
@pytest.mark.usefixtures("workspace")
def test_every_mistake_has_the_same_style(
    words: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(words.split()) == 2
    assert capsys.readouterr() == ("", printed)


@pytest.mark.parametrize("words", MISTAKES)
@pytest.mark.usefixtures("workspace")
def test_mistakes_are_json_with_json(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    first, *rest = words.split()
    code = _run(
        [first, *rest[:1], "--json", *rest[1:]] if first != "completion" else [*words.split(), "--json"]
    )
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    found = json.loads(printed.err)
    assert list(found) == ["error", "hint", "code"]
    assert found["code"] == 2
    assert found["error"]
    assert "sitecrew" in found["hint"] or "did you mean" in found["hint"]


def test_json_after_double_dash_is_an_argument(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["plan", "--", "--json"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_mistakes_in_files_are_listed_in_json(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "playbooks/nightly.yaml").write_text("name: Nightly\nsteps:\n  - shel: {run: 'true'}\n")
    assert _run(["plan", "nightly", "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    found = json.loads(printed.err)
    assert found["error"] == "1 mistake found"
    [mistake] = found["errors"]
    assert (mistake["file"], mistake["line"], mistake["column"]) == ("playbooks/nightly.yaml", 3, 5)
    assert mistake["message"]


def test_crash_is_one_json_object(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("no reason")

    monkeypatch.setattr("runner.plan.select", fail)
    assert _run(["list", "sites", "--json"]) == 1
    found = json.loads(capsys.readouterr().err)
    assert "ZeroDivisionError: no reason" in found["error"]
    assert str(workspace / ".sitecrew/logs") in found["hint"]
    assert found["code"] == 1


def test_messages_are_wrapped_at_words_on_a_terminal(workspace: Path) -> None:
    import sys

    with Terminal(
        [
            sys.executable,
            "-m",
            "runner",
            "plan",
            "nightly",
            "-l",
            "a-site-that-is-not-there-and-has-a-long-name",
        ],
        folder=workspace,
        env={"PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        columns=50,
    ) as terminal:
        terminal.wait_for_exit()
        lines = terminal.text.splitlines()
    assert lines[0].startswith("error: ")
    assert all(len(line) <= 50 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])
    assert "a-site-that-is-not-there-and-has-a-long-name" in " ".join(lines)
