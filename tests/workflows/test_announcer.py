"""Announcements from a real ledger to a real mail server: once, moved, cancelled, retried and given up."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import time_machine

from runner.load import load_workspace
from runner.notify import Notice
from runner.record import (
    AnnouncementState,
    ApprovalState,
    DeliveryKind,
    DeliveryState,
    Ledger,
    NewApproval,
)
from runner.record.mark import LedgerMark
from runner.workflows.announcer import Announcer
from runner.workflows.notices import CrewNotifier
from runner.workflows.report import send_waiting
from tests.deliver.conftest import Mailbox, certificate, serve  # noqa: F401 - fixtures
from tests.workflows.scheduling import at

TUESDAY = at("2027-01-05 12:00")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
OFFICE = "office@acme.example"
INVENTORY = """\
hosts:
  web1: {address: 127.0.0.1, port: 1}
clients:
  acme:
    name: Acme Bakery
    timezone: Europe/London
    contacts: [{name: Office, email: office@acme.example}]
    sites: {shop: {url: "https://shop.acme.example", host: web1, path: /srv/shop, kind: static}}
windows:
  weekly: {playbook: outside, day: tuesday, at: "12:00"}
"""


class Agency:
    """A workspace with its announcer, at a time that the test sets."""

    def __init__(self, folder: Path, box: Mailbox) -> None:
        self.folder, self.box = folder, box
        (folder / "playbooks").mkdir()
        (folder / "playbooks/outside.yaml").write_text("name: Outside\nsteps:\n  - probe.http\n")
        (folder / "inventory.yaml").write_text(INVENTORY)
        mail = f"mail: {{host: 127.0.0.1, port: {box.port}, from: care@northwind.example, security: none}}\n"
        self.settings(mail + "crew: {mail: [crew@northwind.example]}\n")
        self.ledger = Ledger.open(self.workspace.settings.ledger)
        self.notices: list[Notice] = []
        self.announcer = self.restarted()

    def settings(self, text: str, policy: str = "policy: {announce: 3d}\n") -> None:
        (self.folder / "sitecrew.yaml").write_text(text + policy)
        self.workspace = load_workspace(self.folder, environ={})

    def edit(self, old: str, new: str) -> None:
        file = self.folder / "inventory.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        self.workspace = load_workspace(self.folder, environ={})

    def restarted(self) -> Announcer:
        return Announcer(self.ledger, lambda: self.workspace, self.notices.append)

    def turn(self, now: datetime) -> list[EmailMessage]:
        """Announce what is due; return the new messages to the client."""
        before = len(self.box.envelopes)
        with time_machine.travel(now, tick=False):
            list(self.announcer.turn())
        return self.mails()[before:]

    def mails(self) -> list[EmailMessage]:
        parsed = [
            email.message_from_bytes(one.content, policy=email.policy.default) for one in self.box.envelopes
        ]
        return [one for one in parsed if isinstance(one, EmailMessage)]


@pytest.fixture
def agency(tmp_path: Path, serve: Callable[[], Mailbox]):  # noqa: F811 - the fixture
    found = Agency(tmp_path, serve())
    yield found
    found.ledger.close()


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part
    return str(part.get_content())


def test_opening_is_announced_once(agency: Agency):
    assert agency.turn(TUESDAY - 3 * DAY - MINUTE) == []
    [mail] = agency.turn(TUESDAY - 3 * DAY)
    assert mail["Subject"] == "Maintenance of your website on Tuesday 5 January"
    assert "Tuesday 5 January, 12:00 to 14:00 (London)" in text_of(mail)
    assert "reply to this email" in text_of(mail)
    assert agency.turn(TUESDAY - 2 * DAY) == []
    agency.announcer = agency.restarted()
    assert agency.turn(TUESDAY - DAY) == []
    [row] = agency.ledger.announcements.list()
    [sent] = agency.ledger.deliveries.list(kind=DeliveryKind.ANNOUNCEMENT)
    assert (sent.state, sent.message_id, sent.client) == (DeliveryState.SENT, row.message_id, "acme")


def test_two_schedulers_announce_once(agency: Agency):
    other = agency.restarted()
    agency.turn(TUESDAY - 3 * DAY)
    with time_machine.travel(TUESDAY - 3 * DAY, tick=False):
        assert list(other.turn()) == []
    assert len(agency.mails()) == 1


def test_pause_cancels_with_its_reason(agency: Agency):
    [first] = agency.turn(TUESDAY - 3 * DAY)
    agency.ledger.pauses.pause(
        "acme", until=date(2027, 1, 8), ends=at("2027-01-09 00:00"), why="Winter sale", at=TUESDAY - 2 * DAY
    )
    [mail] = agency.turn(TUESDAY - 2 * DAY)
    assert mail["Subject"] == "No maintenance of your website on Tuesday 5 January"
    assert mail["In-Reply-To"] == first["Message-ID"]
    text = " ".join(text_of(mail).split())
    assert "Reason: Winter sale (until 8 January 2027)." in text
    assert "The next maintenance is planned for Tuesday 12 January, 12:00 to 14:00." in text
    assert agency.turn(TUESDAY - DAY) == []
    with time_machine.travel(TUESDAY - DAY, tick=False):
        agency.ledger.pauses.resume("acme")
    [again] = agency.turn(TUESDAY - DAY)
    assert again["Subject"] == first["Subject"]
    assert again["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize("others", [0, 1])
def test_declined_plan_cancels_unless_other_sites_run(agency: Agency, others: int):
    agency.turn(TUESDAY - 3 * DAY)
    ledger = agency.ledger
    ledger.approvals.add(
        NewApproval(
            window="weekly",
            client="acme",
            starts=TUESDAY,
            until=TUESDAY + HOUR,
            made=TUESDAY - 3 * DAY,
            state=ApprovalState.WAITING,
            sites=("shop",),
            others=others,
        )
    )
    assert agency.turn(TUESDAY - 2 * DAY) == []
    ledger.approvals.answer(
        ledger.approvals.list(), ApprovalState.DECLINED, "Waiting for the relaunch", at=TUESDAY - DAY
    )
    mails = agency.turn(TUESDAY - DAY)
    assert len(mails) == (0 if others else 1)
    for mail in mails:
        assert "Reason: Waiting for the relaunch." in " ".join(text_of(mail).split())
    ledger.approvals.answer(ledger.approvals.list(), ApprovalState.APPROVED, at=TUESDAY - HOUR)
    assert len(agency.turn(TUESDAY - HOUR)) == len(mails), "it takes place after all"


def test_changed_time_names_both(agency: Agency):
    agency.turn(TUESDAY - 3 * DAY)
    agency.edit('at: "12:00"', 'at: "15:00"')
    [mail] = agency.turn(TUESDAY - 2 * DAY)
    assert mail["Subject"] == "New time: maintenance of your website on Tuesday 5 January"
    text = " ".join(text_of(mail).split())
    assert "We had announced it for Tuesday 5 January, 12:00 to 14:00." in text
    assert "Tuesday 5 January, 15:00 to 17:00 (London)" in text
    assert [one.state for one in agency.ledger.announcements.list()] == [
        AnnouncementState.ANNOUNCED,
        AnnouncementState.MOVED,
    ]


def test_deferred_announcement_is_retried_and_given_up(agency: Agency):
    agency.box.answers["data"] = "451 4.3.0 later"
    agency.turn(TUESDAY - 3 * DAY)
    with time_machine.travel(TUESDAY - DAY, tick=False):
        [retried] = send_waiting(agency.workspace, agency.ledger)
        assert (retried.state, retried.attempts) == (DeliveryState.QUEUED, 2)
    agency.turn(TUESDAY)
    [sent] = agency.ledger.deliveries.list(kind=DeliveryKind.ANNOUNCEMENT)
    assert sent.state is DeliveryState.REFUSED
    assert sent.reply.startswith("the window has opened: ")
    CrewNotifier(agency.ledger, lambda: agency.workspace).queue_due(TUESDAY)
    [notice] = agency.ledger.deliveries.list(kind=DeliveryKind.NOTICE)
    assert notice.subject == "1 announcement did not reach every recipient"
    CrewNotifier(agency.ledger, lambda: agency.workspace).queue_due(TUESDAY + DAY)
    assert len(agency.ledger.deliveries.list(kind=DeliveryKind.NOTICE)) == 1


def test_unsure_announcement_is_not_sent_again(agency: Agency):
    agency.box.drop_after_data = True
    assert len(agency.turn(TUESDAY - 3 * DAY)) == 1
    agency.box.drop_after_data = False
    with time_machine.travel(TUESDAY - DAY, tick=False):
        assert send_waiting(agency.workspace, agency.ledger) == ()
    assert agency.turn(TUESDAY - DAY) == []


@pytest.mark.parametrize("lacking", ["contacts", "mail"])
def test_crew_is_notified_of_what_cannot_be_announced(agency: Agency, lacking: str):
    if lacking == "mail":
        agency.settings("")
    else:
        agency.edit("    contacts: [{name: Office, email: office@acme.example}]\n", "")
    agency.turn(TUESDAY - 3 * DAY)
    agency.turn(TUESDAY - 3 * DAY + HOUR)
    [notice] = agency.notices
    assert notice.subject.startswith("weekly on Tue 2027-01-05 12:00")
    assert ("mail server" if lacking == "mail" else "has no contacts") in notice.items[0].text
    assert notice.items[0].command == "sitecrew announce acme --window weekly"


def test_mistake_in_a_template_is_notified_and_can_be_corrected(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("runner.workflows.announcer._RETRY_AFTER", 0.0)
    own = agency.folder / "reports"
    own.mkdir()
    (own / "announcement.txt.j2").write_text("{{ nothing.here }}")
    assert agency.turn(TUESDAY - 3 * DAY) == []
    [notice] = agency.notices
    assert "mistake in reports/announcement.txt.j2: 'nothing' is undefined" in notice.items[0].text
    (own / "announcement.txt.j2").write_text("{{ headline }}")
    [mail] = agency.turn(TUESDAY - 3 * DAY)
    assert text_of(mail).strip() == "Maintenance of your website on Tuesday 5 January"


def test_renamed_client_is_not_announced_again(agency: Agency):
    agency.ledger.websites.sync(agency.workspace.inventory)
    agency.turn(TUESDAY - 3 * DAY)
    agency.edit("  acme:\n    name: Acme Bakery\n", "  bakery:\n    name: Acme Bakery\n    was: acme\n")
    agency.ledger.websites.sync(agency.workspace.inventory)
    assert agency.turn(TUESDAY - 2 * DAY) == []
    assert [one.client for one in agency.ledger.announcements.list()] == ["bakery"]


def test_nothing_is_announced_while_the_ledger_has_a_gap(agency: Agency):
    agency.ledger.acts.record("send", "report of acme", details={"client": "acme"})
    LedgerMark(agency.folder, agency.ledger).update()
    agency.ledger.close()
    for file in (agency.folder / ".sitecrew").glob("ledger.db*"):
        file.unlink()
    agency.ledger = Ledger.open(agency.workspace.settings.ledger)
    agency.announcer = agency.restarted()
    assert agency.turn(TUESDAY - 3 * DAY) == []
    mark = LedgerMark(agency.folder, agency.ledger)
    gap = mark.gap()
    assert gap
    mark.accept(gap)
    assert len(agency.turn(TUESDAY - 3 * DAY)) == 1


def test_nothing_is_announced_by_default(agency: Agency):
    agency.settings("", policy="")
    assert agency.turn(TUESDAY - HOUR) == []
    assert agency.notices == []
