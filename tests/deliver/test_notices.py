"""Notices in the outbox: sent at least once, tried again with the same id, given up after a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from runner.deliver import (
    CrewMail,
    RecipientResult,
    SendStatus,
    by_mail,
    mail_delivery,
    send_notices,
    webhook_delivery,
)
from runner.deliver.notices import next_notice
from runner.errors import SecretError
from runner.record import Channel, DeliveryKind, DeliveryState, DeliveryView, Ledger, NewDelivery, Recipient
from tests.deliver.conftest import QUICK, free_port, mail

NOW = datetime.now(UTC)
MAIL = CrewMail(
    addresses=("crew@northwind.example", "boss@northwind.example"),
    subject="weekly: 1 of 2 sites OK, 1 lost",
    text="shop: lost\n    sitecrew resume r1\n",
    html="<p>shop: lost</p>",
    sender_name="Northwind",
)


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


class Answers:
    """A transport that gives prepared answers and keeps what it was asked to send."""

    def __init__(self, *answers: SendStatus | BaseException) -> None:
        self.answers, self.sent = list(answers), []

    def __call__(
        self, view: DeliveryView, content: bytes, recipients: Sequence[Recipient]
    ) -> Iterator[Mapping[str, RecipientResult]]:
        self.sent.append((view.message_id, content))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        yield {one.address: RecipientResult(answer, "reply") for one in recipients}


def queue(ledger: Ledger, name: str = "chat", at: datetime = NOW) -> NewDelivery:
    new = webhook_delivery(name, "window weekly x", "weekly", b"{}")
    ledger.notices.queue([new], at)
    return new


def states(ledger: Ledger) -> list[tuple[str, int]]:
    return [(view.state.value, view.attempts) for view in ledger.deliveries.list(kind=DeliveryKind.NOTICE)]


def send(ledger: Ledger, transport: Answers, at: datetime = NOW) -> list[str]:
    return [one.reply for one in send_notices(ledger, {Channel.WEBHOOK: transport}, now=at)]


def test_mail_reaches_the_crew(ledger, serve):
    box = serve()
    settings = mail(box.port)
    ledger.notices.queue([mail_delivery(settings, "window weekly x", MAIL, NOW)] * 2, NOW)
    [sent] = send_notices(ledger, {Channel.MAIL: by_mail(settings, lambda: None, QUICK)})
    assert sent.state is DeliveryState.SENT
    [envelope] = box.envelopes
    assert envelope.rcpt_tos == list(MAIL.addresses)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"] == sent.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert "sitecrew resume r1" in message.get_body(("plain",)).get_content()
    assert "<p>shop: lost</p>" in message.get_body(("html",)).get_content()


def test_mail_is_retried_if_the_server_is_away(ledger):
    settings = mail(free_port())
    ledger.notices.queue([mail_delivery(settings, "t", MAIL, NOW)], NOW)
    ways = {Channel.MAIL: by_mail(settings, lambda: None, QUICK)}
    [sent] = send_notices(ledger, ways)
    assert sent.state is DeliveryState.QUEUED
    assert list(send_notices(ledger, ways)) == []


def test_same_notice_is_queued_once(ledger):
    queue(ledger)
    queue(ledger)
    queue(ledger, "other")
    assert len(ledger.deliveries.list()) == 2


def test_sent_notice_loses_its_content(ledger):
    new = queue(ledger)
    answers = Answers(SendStatus.ACCEPTED)
    assert send(ledger, answers) == ["reply"]
    assert send(ledger, answers) == []
    assert answers.sent == [(new.message_id, b"{}")]
    assert ledger.deliveries.message(new.message_id) == b""


def test_failed_notice_is_tried_again_with_growing_waits(ledger):
    queue(ledger)
    waits = []
    at = NOW
    for _ in range(9):
        send(ledger, Answers(SendStatus.LATER), at)
        [view] = ledger.deliveries.list()
        waits.append((next_notice(view) - view.updated).total_seconds())
        assert send(ledger, Answers(), view.updated) == []
        at = next_notice(view)
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


@pytest.mark.parametrize("end", [SendStatus.UNSURE, KeyboardInterrupt()])
def test_notice_that_may_have_arrived_is_sent_again(ledger, end: SendStatus | BaseException):
    new = queue(ledger)
    answers = Answers(end, SendStatus.ACCEPTED)
    with suppress(KeyboardInterrupt):
        send(ledger, answers)
    send(ledger, answers, NOW + timedelta(hours=1))
    assert states(ledger) == [("sent", 2)]
    assert answers.sent == [(new.message_id, b"{}")] * 2


def test_notice_of_a_dead_process_is_sent_again_with_the_same_id(ledger):
    new = queue(ledger)
    claimed = [replace(one, state=DeliveryState.SENDING, attempts=1) for one in new.recipients]
    before = NOW - timedelta(minutes=1)
    ledger.deliveries.update(new.message_id, before={DeliveryState.QUEUED}, recipients=claimed, at=before)
    answers = Answers(SendStatus.ACCEPTED)
    send(ledger, answers, NOW + timedelta(hours=1))
    assert answers.sent == [(new.message_id, b"{}")]
    assert states(ledger) == [("sent", 2)]


def test_notice_in_another_process_is_left_alone(ledger):
    new = queue(ledger)
    claimed = [replace(one, state=DeliveryState.SENDING, attempts=1) for one in new.recipients]
    ledger.deliveries.update(new.message_id, before={DeliveryState.QUEUED}, recipients=claimed)
    assert send(ledger, Answers(), NOW + timedelta(hours=1)) == []


def test_notice_is_given_up_after_a_day(ledger):
    new = queue(ledger, at=NOW - timedelta(hours=25))
    [reply] = send(ledger, Answers(SendStatus.LATER))
    assert reply == "given up after a day: reply"
    assert states(ledger) == [("refused", 1)]
    assert ledger.deliveries.message(new.message_id) == b""


def test_error_of_one_channel_does_not_stop_the_others(ledger):
    queue(ledger, "first")
    queue(ledger, "second")
    replies = send(ledger, Answers(SecretError("HOOK is not set"), SendStatus.ACCEPTED))
    assert replies == ["HOOK is not set", "reply"]
    assert sorted(states(ledger)) == [("queued", 1), ("sent", 1)]


def test_channel_that_was_removed_waits(ledger):
    queue(ledger)
    [sent] = send_notices(ledger, {})
    assert (sent.state, sent.reply) == (DeliveryState.QUEUED, "no longer set up in sitecrew.yaml")


def test_reports_are_not_sent_as_notices(ledger):
    report = NewDelivery(
        message_id="<r>", recipients=(Recipient(address="a@x.example"),), subject="s", message=b"m"
    )
    ledger.deliveries.queue(report)
    assert list(send_notices(ledger, {})) == []
