"""`schedule pause` and `schedule resume`, and what `schedule next` and `schedule list` show of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from runner.cli.main import _run
from runner.record import Ledger
from tests.cli.workspaces import INVENTORY

WINDOW = '{playbook: weekly, day: daily, at: "02:00", timezone: UTC, sites: [all]}'


@pytest.fixture(autouse=True)
def _in_december(workspace: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SITECREW_OPERATOR", "ada")
    inventory = INVENTORY.replace(
        "    name: Acme Bakery\n", "    name: Acme Bakery\n    timezone: Asia/Tokyo\n"
    )
    assert "Tokyo" in inventory
    text = inventory.partition("windows:")[0] + f"windows:\n  night: {WINDOW}\n"
    (workspace / "inventory.yaml").write_text(text)
    with time_machine.travel(datetime(2026, 12, 1, 18, tzinfo=UTC), tick=False):
        yield


def test_pause_records_who_until_and_why(workspace: Path, capsys: pytest.CaptureFixture[str]):
    assert _run(["schedule", "pause", "acme", "--until", "2026-12-24", "--why", "Sale"]) == 0
    assert capsys.readouterr().out == "acme is paused until 2026-12-24: Sale\n"
    with Ledger.open(f"sqlite:///{workspace}/.sitecrew/ledger.db", read_only=True) as ledger:
        (one,) = ledger.pauses.in_force()
    assert (one.client, one.operator, one.why, one.resumed) == ("acme", "ada", "Sale", None)
    assert one.ends == datetime(2026, 12, 24, 15, tzinfo=UTC), "the end of the day in Tokyo"


def test_next_marks_windows_in_pause(capsys: pytest.CaptureFixture[str]):
    _run(["schedule", "pause", "acme", "--until", "2026-12-02", "--why", "Sale"])
    capsys.readouterr()
    _run(["schedule", "next", "--json"])
    found = [one for one in json.loads(capsys.readouterr().out) if one["client"] == "acme"]
    assert [(one["starts"], one["paused"]) for one in found[:2]] == [
        ("2026-12-02T02:00:00Z", {"until": "2026-12-02", "why": "Sale"}),
        ("2026-12-03T02:00:00Z", None),
    ]
    _run(["schedule", "next"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "acme" in line]
    assert [line[-1] for line in lines[:2]] == ["2026-12-02", lines[1][-1]]
    assert lines[1][-1] != "2026-12-02"


def test_list_prints_pauses_in_force(capsys: pytest.CaptureFixture[str]):
    _run(["schedule", "pause", "acme", "--until", "2026-12-24"])
    capsys.readouterr()
    assert _run(["schedule", "list"]) == 0
    assert capsys.readouterr().err.splitlines()[0] == "acme is paused until 2026-12-24"


def test_second_pause_replaces_first(capsys: pytest.CaptureFixture[str]):
    _run(["schedule", "pause", "acme", "--until", "2026-12-24"])
    _run(["schedule", "pause", "acme", "--until", "2026-12-03"])
    assert "this replaces the pause until 2026-12-24" in capsys.readouterr().err


def test_resume_ends_pause_once(capsys: pytest.CaptureFixture[str]):
    _run(["schedule", "pause", "acme", "--until", "2026-12-24"])
    assert _run(["schedule", "resume", "acme"]) == 0
    assert "acme: ended the pause until 2026-12-24" in capsys.readouterr().out
    assert _run(["schedule", "resume", "acme"]) == 2
    assert "acme is not paused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pause", "acme"], "missing option --until"),
        (["pause", "acne", "--until", "2026-12-24"], "did you mean acme?"),
        (["pause", "acme", "--until", "2026-12-01"], "today is 2026-12-02 in Asia/Tokyo"),
        (["pause", "acme", "--until", "tomorrow"], "is not a date"),
        (["pause", "acme", "--until", "2026-12-24", "--why", "a\nb"], "--why"),
        (["resume", "acne"], "did you mean acme?"),
    ],
)
def test_wrong_pause_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert _run(["schedule", *words]) == 2
    assert message in capsys.readouterr().err


def test_past_date_is_a_warning_of_validate(workspace: Path, capsys: pytest.CaptureFixture[str]):
    file = workspace / "inventory.yaml"
    file.write_text(file.read_text().replace("day: daily", "date: [2026-11-02, 2026-10-05]"))
    assert _run(["validate"]) == 0
    assert "warning: window night does not open again: 2026-11-02 has passed" in capsys.readouterr().err
    assert _run(["list", "windows"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "2026-10-05, 2026-11-02 02:00" in shown.out
