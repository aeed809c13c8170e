"""`announce`, `list announcements`, and what `validate`, `doctor` and `tick` do about announcements."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from runner.cli.main import _run
from runner.inspect.announcements import about_announcements
from runner.load import load_workspace
from tests.cli.workspaces import INVENTORY, sitecrew
from tests.deliver.conftest import Mailbox, certificate, serve  # noqa: F401 - fixtures

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
WINDOWS = 'windows:\n  weekly: {playbook: outside, day: tuesday, at: "12:00"}\n'
CONTACTS = "    name: Acme Bakery\n    contacts: [{name: Office, email: office@acme.example}]\n"


@pytest.fixture(autouse=True)
def box(workspace: Path, serve: Callable[[], Mailbox]) -> Mailbox:  # noqa: F811 - the fixture
    """A workspace with a window that needs no host, and a mail server."""
    found = serve()
    (workspace / "playbooks/outside.yaml").write_text("name: Outside\nsteps:\n  - probe.http\n")
    text = INVENTORY.partition("windows:")[0].replace("    name: Acme Bakery\n", CONTACTS)
    (workspace / "inventory.yaml").write_text(text + WINDOWS)
    mail = f"mail: {{host: 127.0.0.1, port: {found.port}, from: care@northwind.example, security: none}}\n"
    (workspace / "sitecrew.yaml").write_text(mail + "policy: {announce: 4d}\n")
    return found


@pytest.fixture(autouse=True)
def _on_saturday(request: pytest.FixtureRequest):
    if "_today" in request.fixturenames:
        yield
        return
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def _today(workspace: Path):
    """A window in two days, for processes of their own."""
    day = (datetime.now(UTC) + timedelta(days=2)).date()
    edit(workspace, "inventory.yaml", "day: tuesday", f"date: {day}")


def edit(workspace: Path, file: str, old: str, new: str) -> None:
    path = workspace / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert _run(["list", "announcements", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_preview_is_written_and_not_recorded(
    box: Mailbox, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    assert _run(["announce", "acme"]) == 0
    printed = capsys.readouterr().out
    assert printed.split() == [
        f"reports/out/acme-announcement-weekly-2026-12-01.{suffix}" for suffix in ("html", "txt")
    ]
    assert (workspace / printed.split()[0]).stat().st_mode & 0o777 == 0o600
    assert box.envelopes == []
    assert listed(capsys) == []


def test_sent_announcement_is_listed_and_sent_once(box: Mailbox, capsys: pytest.CaptureFixture[str]):
    assert _run(["announce", "acme", "--send"]) == 0
    assert "office@acme.example: sent" in capsys.readouterr().err
    assert _run(["announce", "acme", "--send"]) == 0
    assert "nothing was sent: it was announced on 2026-11-28" in capsys.readouterr().err
    assert len(box.envelopes) == 1
    [row] = listed(capsys)
    assert row["starts"] == "2026-12-01T12:00:00Z"
    assert (row["state"], row["sent"], row["delivery"]["kind"]) == ("announced", True, "announcement")
    assert _run(["list", "announcements", "-l", "client:acme"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[-2:] == ["announced", "sent"]


def test_refused_recipient_is_named(box: Mailbox, capsys: pytest.CaptureFixture[str]):
    box.answers["office@acme.example"] = "550 5.1.1 no such user"
    assert _run(["announce", "acme", "--send"]) == 3
    assert "office@acme.example: refused: 550" in capsys.readouterr().err
    _run(["list", "announcements"])
    assert "refused: office@acme.example" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["acne"], "there is no client 'acne'", "did you mean acme?"),
        (["acme", "--window", "weakly"], "there is no window 'weakly'", "did you mean weekly?"),
    ],
)
def test_unknown_names_have_hints(
    words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
):
    assert _run(["announce", *words]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert hint in printed


def test_client_without_windows_or_contacts_is_explained(workspace: Path, capsys: pytest.CaptureFixture[str]):
    edit(workspace, "inventory.yaml", CONTACTS, "    name: Acme Bakery\n")
    assert _run(["announce", "acme", "--send"]) == 2
    assert "Acme Bakery has no contacts" in capsys.readouterr().err
    edit(workspace, "inventory.yaml", WINDOWS, "")
    assert _run(["announce", "acme"]) == 2
    assert "no window opens for acme" in capsys.readouterr().err


def test_paused_opening_is_not_announced_but_the_next(workspace: Path, capsys: pytest.CaptureFixture[str]):
    _run(["schedule", "pause", "acme", "--until", "2026-12-05"])
    capsys.readouterr()
    assert _run(["announce", "acme", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["starts"] == "2026-12-08T12:00:00Z"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("soon", '"soon" is not a duration (like 3d, or never)'),
        ("3", "add a unit: 3s, 3m, 3h or 3d"),
        ("0d", '"0d" is too short'),
        ("91d", '"91d" is too long (at most 90d)'),
    ],
)
def test_value_is_checked(workspace: Path, capsys: pytest.CaptureFixture[str], value: str, message: str):
    edit(workspace, "sitecrew.yaml", "announce: 4d", f"announce: {value}")
    assert _run(["validate"]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert "policy.announce" in printed
    assert message in printed


@pytest.mark.usefixtures("_today")
def test_tick_announces_and_cancels(box: Mailbox, workspace: Path):
    for words in (["tick"], ["schedule", "pause", "acme", "--until", "2199-01-01"], ["tick"], ["tick"]):
        said = sitecrew(workspace, *words)
        assert said.returncode == 0, said.stderr
        assert ("was announced; serve or tick mails" in said.stderr) is (words[0] == "schedule")
    subjects = [one.content.split(b"Subject: ")[1][:25] for one in box.envelopes]
    assert subjects == [b"Maintenance of your websi", b"No maintenance of your we"]
    [row] = json.loads(sitecrew(workspace, "list", "announcements", "--json").stdout)
    assert (row["state"], row["why"], row["sent"]) == ("cancelled", "paused until 2199-01-01", True)


def test_doctor_reports_a_missing_mail_server(workspace: Path):
    assert list(about_announcements(load_workspace(workspace, environ={}))) == []
    (workspace / "sitecrew.yaml").write_text("policy: {announce: 4d}\n")
    [found] = about_announcements(load_workspace(workspace, environ={}))
    assert found.finding == "windows cannot be announced to clients: no mail server is set"
    edit(workspace, "inventory.yaml", "playbook: outside", "announce: never, playbook: outside")
    assert list(about_announcements(load_workspace(workspace, environ={}))) == []


def test_files_of_a_client_are_erased(workspace: Path):
    _run(["announce", "acme"])
    assert list(workspace.glob("reports/out/acme-announcement-*"))
    assert _run(["ledger", "erase", "acme", "--still-a-client", "-y"]) == 0
    assert list(workspace.glob("reports/out/acme-announcement-*")) == []
