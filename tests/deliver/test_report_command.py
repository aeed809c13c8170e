"""`report` for all clients, `--period` by default last month, and `list reports`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from runner.cli.main import _run
from runner.load import load_workspace
from runner.record import Ledger

SITE = '{{url: "https://{0}.example", host: web1, path: /srv/{0}, kind: static}}'
INVENTORY = f"""\
hosts:
  web1: {{address: 127.0.0.1, port: 1}}
clients:
  east:
    name: East
    timezone: Pacific/Kiritimati
    contacts: [{{name: Ann, email: ann@east.example}}]
    sites: {{east-shop: {SITE.format("east")}}}
  west:
    name: West
    timezone: Pacific/Honolulu
    contacts: [{{name: Bob, email: bob@west.example}}]
    sites: {{west-shop: {SITE.format("west")}}}
  mute: {{name: Mute, sites: {{mute-shop: {SITE.format("mute")}}}}}
  idle: {{name: Idle}}
"""
FIRST_OF_MONTH = datetime(2026, 12, 1, 5, tzinfo=UTC)
"""Still November in Honolulu, December in Kiritimati and UTC."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose sites are known since September, which is also the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    workspace = load_workspace(tmp_path, environ={})
    with Ledger.open(workspace.settings.ledger) as ledger:
        ledger.websites.sync(workspace.inventory, at=datetime(2026, 9, 2, tzinfo=UTC))
    return tmp_path


@pytest.fixture
def box(folder: Path, serve: Callable[[], Any]) -> Any:
    """The mail server of the workspace."""
    found = serve()
    settings = f"mail: {{host: 127.0.0.1, port: {found.port}, from: crew@agency.example, security: none}}\n"
    (folder / "sitecrew.yaml").write_text(settings)
    return found


def rows(printed: str) -> dict[str, tuple[str, ...]]:
    """Period and outcome by client."""
    return {words[0]: tuple(words[1:3]) for line in printed.splitlines() if (words := line.split())}


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert _run(["list", "reports", "--json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_last_month_is_that_of_each_client(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with time_machine.travel(FIRST_OF_MONTH, tick=False):
        assert _run(["report"]) == 0
        printed = capsys.readouterr().out
        assert rows(printed) == {
            "east": ("2026-11", "created"),
            "west": ("2026-10", "created"),
            "mute": ("2026-11", "created"),
            "idle": ("2026-11", "skipped"),
        }
        assert _run(["report", "west"]) == 0
    assert "reports/out/west-2026-10.html" in capsys.readouterr().out
    assert (folder / "reports/out/west-2026-10.html").is_file()


def test_client_newer_than_the_period_is_skipped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["report", "--period", "2026-08"]) == 0
    printed = capsys.readouterr().out
    assert {outcome for _, outcome in rows(printed).values()} == {"skipped"}
    assert "its first site is recorded since 2026-09-02, after the period" in printed
    assert _run(["report", "east", "--period", "2026-08"]) == 0, "a named client is reported"


def test_failure_of_one_client_does_not_stop_the_others(box: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["report", "--period", "2026-10", "--send", "-y"]) == 3
    printed = capsys.readouterr().out
    assert {name: row[1] for name, row in rows(printed).items()} == {
        "east": "sent",
        "west": "sent",
        "mute": "failed",
        "idle": "skipped",
    }
    assert "Mute has no contacts; set clients.mute.contacts" in printed
    assert [one.rcpt_tos for one in box.envelopes] == [["ann@east.example"], ["bob@west.example"]]


def test_reports_of_all_clients_are_sent_once(
    box: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", "--period", "2026-10", "--send", "-y"]
    _run(words)
    sent = {one["client"]: one for one in listed(capsys)}
    _run(words)
    assert "already sent" in capsys.readouterr().out
    assert len(box.envelopes) == 2
    _run(["report", "--period", "2026-10"])
    assert {one["client"]: one for one in listed(capsys) if one["sent"]} == {
        name: one for name, one in sent.items() if one["sent"]
    }, "the record of a sent report stays as it was sent"
    _run([*words, "--again"])
    assert len(box.envelopes) == 4


def test_sending_to_all_clients_asks(
    box: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["report", "--period", "2026-10", "--send"]
    assert _run(words) == 2
    assert "answer with -y" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert _run(words) == 0
    assert "Send the report for 2026-10 to 4 clients?" in capsys.readouterr().err
    assert box.envelopes == []
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert _run(words) == 3, "one client has no contacts"
    assert len(box.envelopes) == 2


def test_deferred_report_is_queued(box: Any, capsys: pytest.CaptureFixture[str]) -> None:
    box.answers["data"] = "451 later"
    assert _run(["report", "--period", "2026-10", "--send", "-y", "--json"]) == 3
    found = {one["client"]: one for one in json.loads(capsys.readouterr().out)}
    assert (found["east"]["outcome"], found["east"]["detail"]) == (
        "queued",
        "ann@east.example: queued: 451 later",
    )
    (east,) = (one for one in listed(capsys) if one["client"] == "east")
    assert (east["sent"], east["delivery"]["state"]) == (False, "queued")


def test_sending_to_all_clients_needs_a_mail_server(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["report", "--send", "-y"]) == 2
    assert "no mail server is set" in capsys.readouterr().err
    assert not (folder / "reports/out").exists()


def test_list_reports_shows_what_was_sent(box: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _run(["report", "--period", "2026-10"])
    _run(["report", "east", "--period", "2026-10", "--send"])
    found = {one["client"]: one for one in listed(capsys, "--period", "2026-10")}
    assert {name: (one["created"] is not None, one["sent"]) for name, one in found.items()} == {
        "east": (True, True),
        "west": (True, False),
        "mute": (True, False),
        "idle": (False, False),
    }
    assert found["east"]["final"] is True
    assert [one["client"] for one in listed(capsys, "-l", "west-shop")] == ["west"]
    assert _run(["list", "reports", "--period", "2026-10", "-l", "client:west,client:mute"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["client", "period", "created", "status", "sent"]
    assert all(line.endswith("not sent") for line in lines)
    assert len(lines) == 2
