"""Output at 80 columns and less, with long and wide names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import pytest

from lab.terminal import Terminal
from runner.cli.layout import width_of
from runner.cli.main import _run
from runner.errors import ExitCode
from runner.inspect.check import Check
from runner.model import Outcome
from tests.cli.open_runs import finish_run, start_run
from tests.cli.workspaces import ROOT, write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.record import Ledger

LONG = "northwind-traders-international-web-shop-for-the-nordics-26"
INVENTORY = f"""\
hosts:
  web-server-number-one-in-the-cellar-of-the-old-town-hall: {{address: 127.0.0.1, port: 1, user: deploy}}
clients:
  northwind-traders-international-limited-company:
    name: 北风贸易国际有限公司
    sites:
      {LONG}:
        url: https://www.{LONG}.example/with/a/long/path
        host: web-server-number-one-in-the-cellar-of-the-old-town-hall
        path: /srv/shop
        kind: static
      short:
        url: https://short.example
        host: web-server-number-one-in-the-cellar-of-the-old-town-hall
        path: /srv/short
        kind: static
windows:
  the-weekly-window-of-the-northwind-traders-and-their-friends:
    {{playbook: nightly, day: tuesday, at: "02:00", sites: [all]}}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with long names, which is also the current folder."""
    monkeypatch.chdir(tmp_path)
    write_workspace(tmp_path, INVENTORY)
    title = "夜间维护窗口 包括所有插件和主题的更新以及备份和健康检查 每个星期二凌晨两点开始"
    text = f"name: {title}\nsteps:\n  - shell: {{run: 'true'}}\n  - backup: {{include: [files]}}\n"
    (tmp_path / "playbooks/nightly.yaml").write_text(text)
    return tmp_path


@pytest.fixture
def printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[int, str], list[str]]:
    """Run a command as on a terminal of some width and return the lines of its data."""

    def lines(columns: int, words: str) -> list[str]:
        monkeypatch.setattr("runner.cli.output.terminal_width", lambda _: columns)
        _run(words.split())
        return click.unstyle(capsys.readouterr().out).splitlines()

    return lines


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize(
    "words", ["list sites", "list playbooks", "list steps", "list hosts", "schedule next --count 2", "show"]
)
def test_tables_fit_the_terminal(
    words: str, columns: int, ledger: Ledger, printed: Callable[[int, str], list[str]]
) -> None:
    start_run(ledger, "nightly-20261128-0100-aaaa", sites=LONG)
    finish_run(ledger, "nightly-20261128-0100-aaaa", Outcome.FAILED, LONG)
    lines = printed(columns, words)
    assert lines
    assert [line for line in lines if width_of(line) > columns and " " in line.strip()] == []


def test_names_are_complete_on_a_wide_terminal(
    workspace: Path, printed: Callable[[int, str], list[str]]
) -> None:
    lines = printed(1000, "list sites")
    assert len(lines) == 3
    assert f"https://www.{LONG}.example/with/a/long/path" in lines[1]


def test_doctor_indents_continued_lines(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, printed: Callable[[int, str], list[str]]
) -> None:
    long = "the page answers with another status than usual " * 4
    check = Check(about=LONG, finding=long, code=ExitCode.FAILED, hint=f"look at it: {long}")
    monkeypatch.setattr("runner.inspect.doctor.examine", lambda *_: [check])
    lines = printed(80, "doctor")
    assert lines[0].startswith(f"!!  {LONG}: ")
    assert all(width_of(line) <= 80 for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()).endswith(long.strip())


def test_plan_of_an_unreachable_site_fits(workspace: Path, printed: Callable[[int, str], list[str]]) -> None:
    lines = printed(80, f"plan nightly -l {LONG}")
    first = next(number for number, line in enumerate(lines) if line.startswith("  ! "))
    assert all(line.startswith("  ") for line in lines[1:first])
    assert all(line.startswith("    ") for line in lines[first + 1 :])


def test_real_terminal_is_measured(workspace: Path) -> None:
    argv = [sys.executable, "-m", "runner", "list", "sites"]
    with Terminal(argv, folder=workspace, env={"PYTHONPATH": str(ROOT)}, columns=70) as terminal:
        terminal.wait_for_exit()
        lines = click.unstyle(terminal.output.decode()).splitlines()
    assert len(lines) > 3
    assert all(width_of(line) <= 70 for line in lines)
