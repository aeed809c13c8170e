"""`exec`: selection, quoting, and how unreachable hosts and wrong options are reported."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

from lab.terminal import Terminal
from runner.cli.exec import _playbook, _text
from runner.cli.main import _run
from tests.cli.workspaces import ROOT, sitecrew

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("df -h | tail -1",), "df -h | tail -1"),
        (("echo", "a b", "$HOME", "it's"), "echo 'a b' '$HOME' 'it'\"'\"'s'"),
        (("wp", "plugin", "list", "--format=json"), "wp plugin list --format=json"),
    ],
)
def test_only_several_arguments_are_quoted(command: tuple[str, ...], text: str) -> None:
    assert _text(command) == text


def test_title_of_long_command_is_one_short_line() -> None:
    book = _playbook("echo one\n" + "echo more;" * 50, None, become=False)
    assert book.title.startswith("echo one echo more;")
    assert len(book.title) == 120
    assert book.steps[0].options.run.count("more") == 50  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--", "uptime"], "-l all"),
        (["uptime", "-l", "all"], "write -l before the command"),
        (["--exclude", "acme-docs", "uptime"], "-l all"),
        (["-l", "all"], "missing argument COMMAND"),
        (["-l", "all", "--", " "], "the command is empty"),
        (["-l", "all", "--timeout", "90", "uptime"], "add a unit"),
        (["-l", "all", "--timeout", "0s", "uptime"], "at least 1s"),
        (["-l", "acme-shopp", "uptime"], "did you mean acme-shop?"),
    ],
)
def test_mistake_is_refused_before_anything_runs(
    workspace: Path, words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["exec", *words]) == 2
    printed = capsys.readouterr()
    assert hint in printed.err
    assert printed.out == ""
    assert not (workspace / ".sitecrew").exists()


def test_unreachable_sites_are_printed_and_recorded(workspace: Path) -> None:
    ended = sitecrew(workspace, "exec", "-l", "all", "--one-per-host", "--", "echo", "a b")
    assert ended.returncode == 4
    assert ended.stdout.startswith("== acme-shop  unreachable: web1: 127.0.0.1 port 1 refused the connection")
    assert "acme-docs" not in ended.stdout
    assert "to resume it: sitecrew resume exec-" in ended.stderr
    [run] = json.loads(sitecrew(workspace, "list", "runs", "--playbook", "exec", "--json").stdout)
    assert (run["trigger"], run["title"], run["outcome"]) == ("exec", "echo 'a b'", "unreachable")
    shown = sitecrew(workspace, "show").stdout.splitlines()
    assert shown[1] == "  $ echo 'a b'"
    assert "no run was interrupted" in sitecrew(workspace, "resume").stderr
    assert sitecrew(workspace, "ledger", "verify").returncode == 0


@pytest.mark.parametrize(
    ("options", "answer", "code"), [((), "n", 3), ((), "y", 4), (("--yes",), None, 4)], ids=str
)
def test_several_sites_are_confirmed_on_terminal(
    workspace: Path, options: tuple[str, ...], answer: str | None, code: int
) -> None:
    words = [sys.executable, "-m", "runner", "exec", "-l", "all", *options, "uptime"]
    with Terminal(words, folder=workspace, columns=100, rows=30, env={"PYTHONPATH": str(ROOT)}) as terminal:
        if answer:
            terminal.wait_for(re.escape("Run it on 2 sites on 1 host (acme-shop, acme-docs)? [y/N]"))
            terminal.type_line(answer)
        assert terminal.wait_for_exit() == code
        assert ("nothing was run" in terminal.text) is (answer == "n")
        assert ("== acme-docs  unreachable" in terminal.text) is (answer != "n")
    assert (workspace / ".sitecrew").exists() is (answer != "n")
