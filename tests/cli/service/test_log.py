"""The log of `serve` and `tick`: text, JSON lines, priorities for the journal, without secrets."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.cli.log import Level, Log, LogEvent, level_of
from runner.errors import LedgerError
from runner.model import Outcome, RunEvent

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 11, 28, 2, 0, 1, tzinfo=UTC)


def event(name: str, site: str | None = None, run: str = "weekly-1", **data: object) -> RunEvent:
    return RunEvent(event=name, at=AT, run=run, site=site, step=None, data=data)


def hidden(text: str) -> str:
    return text.replace("hunter2", "***")


def log(*, as_json: bool = False, quiet: bool = False) -> Log:
    return Log(as_json=as_json, quiet=quiet, verbose=0, redact=hidden)


FINISHED = event("site.finished", "acme-shop", outcome=Outcome.FAILED.value, why="login hunter2\nrefused")


def test_json_lines_have_level_message_and_window(capsys: pytest.CaptureFixture[str]) -> None:
    found = log(as_json=True)
    found(event("window.run", window="weekly", why=""))
    found(FINISHED)
    found.write(LogEvent.PROBLEM, "the password hunter2 is wrong", Level.WARNING, final=False)
    found.error(LedgerError("disk full", hint="free some space"))
    printed = capsys.readouterr()
    assert printed.err == ""
    window, site, problem, error = map(json.loads, printed.out.splitlines())
    assert window["message"] == "window weekly: starts run weekly-1"
    assert site["at"] == "2026-11-28T02:00:01Z"
    assert (site["level"], site["window"], site["site"]) == ("error", "weekly", "acme-shop")
    assert site["message"] == "acme-shop: failed (login *** refused)"
    assert site["why"] == "login ***\nrefused"
    assert (problem["event"], problem["level"], problem["final"]) == ("serve.problem", "warning", False)
    assert problem["message"] == "the password *** is wrong"
    assert (error["event"], error["hint"], error["code"]) == ("error", "free some space", 1)


def test_text_in_a_file_has_date_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    log()(FINISHED)
    printed = capsys.readouterr().err
    local = AT.astimezone()
    assert printed == f"{local:%Y-%m-%d %H:%M:%S}  acme-shop: failed (login *** refused)\n"


def test_journal_gets_priorities_instead_of_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "journal").open("w+") as journal:
        monkeypatch.setattr(sys, "stderr", journal)
        status = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        found = log()
        found(FINISHED)
        found.write(LogEvent.STARTED, "3 windows", next=None)
        found.write(LogEvent.PROBLEM, "locked", Level.WARNING)
    assert (tmp_path / "journal").read_text().splitlines() == [
        "<3>acme-shop: failed (login *** refused)",
        "<6>3 windows",
        "<4>locked",
    ]


def test_quiet_log_has_problems_and_failures_only(capsys: pytest.CaptureFixture[str]) -> None:
    found = log(quiet=True)
    found.write(LogEvent.STARTED, "3 windows", next=None)
    found.write(LogEvent.PROBLEM, "locked", Level.WARNING)
    found(event("site.finished", "acme-docs", outcome=Outcome.OK.value, why=""))
    found(FINISHED)
    printed = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[1] for line in printed] == ["locked", "acme-shop: failed (login *** refused)"]


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (event("window.missed", window="weekly", why=""), Level.WARNING),
        (event("step.started", "acme-shop"), Level.DEBUG),
        (event("run.finished", outcome=Outcome.UNDONE.value), Level.WARNING),
        (event("run.finished", outcome=Outcome.LOST.value), Level.ERROR),
        (event("run.finished", outcome=Outcome.OK.value), Level.INFO),
    ],
    ids=str,
)
def test_level_of_event(found: RunEvent, level: Level) -> None:
    assert level_of(found) is level


def test_every_event_is_documented() -> None:
    page = (ROOT / "docs/json.md").read_text()
    assert [name for name in LogEvent if f"\n| `{name}` |" not in page] == []
