"""The outbox: a report is sent once, and its result is recorded, even if it is unsure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from runner.deliver import Letter, SmtpLimits, deliver, retry
from runner.errors import DeliveryError, SecretError
from runner.model import Contact
from runner.record import DeliveryState, Ledger
from tests.deliver.conftest import CONTACTS, PASSWORD, QUICK, USER, free_port, mail

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

LETTER = Letter(
    client="acme",
    period="2026-11",
    kind="final",
    contacts=CONTACTS,
    subject="Ihre Websites, November 2026: alles in Ordnung",
    html="<p>Alles in Ordnung. Grüße 🥐</p>",
    text="Alles in Ordnung. Grüße 🥐\n",
    language="de",
    sender_name="Nordwind Webpflege",
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


def post(ledger, settings, letter=LETTER, *, again=False, password=None):
    return deliver(ledger, settings, letter, password=lambda: password, again=again, limits=QUICK)


def state(ledger):
    return [(view.state.value, view.attempts) for view in ledger.deliveries.list()]


def claim(ledger, name, at=None):
    """Claim a message like a process that is about to send it."""
    [view] = [view for view in ledger.deliveries.list() if view.message_id == name]
    sending = [replace(one, state=DeliveryState.SENDING) for one in view.recipients]
    assert ledger.deliveries.update(name, before={DeliveryState.QUEUED}, recipients=sending, at=at)


def test_letter_is_sent_once(ledger, serve):
    box = serve()
    first = post(ledger, mail(box.port))
    second = post(ledger, mail(box.port))
    assert (first.state, first.attempted, first.reply) == (
        DeliveryState.SENT,
        True,
        "250 2.0.0 Ok: queued as 4F3",
    )
    assert (second.state, second.attempted, second.attempts) == (DeliveryState.SENT, False, 1)
    (envelope,) = box.envelopes
    assert envelope.rcpt_tos == ["office@acme.example", "anna@acme.example"]
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Message-ID"] == first.message_id
    assert "Grüße 🥐" in message.get_body(("plain",)).get_content()
    assert "Grüße 🥐" in message.get_body(("html",)).get_content()


def test_again_sends_new_edition(ledger, serve):
    box = serve()
    first, second = post(ledger, mail(box.port)), post(ledger, mail(box.port), again=True)
    assert second.attempted
    assert first.message_id != second.message_id
    assert len(box.envelopes) == 2
    assert not post(ledger, mail(box.port)).attempted


def test_new_sender_address_does_not_resend_report(ledger, serve):
    box = serve()
    post(ledger, mail(box.port))
    assert not post(ledger, mail(box.port, sender="care@other.example")).attempted


def test_retry_sends_same_bytes(ledger, serve):
    box = serve()
    box.answers["data"] = "451 later"
    waiting = post(ledger, mail(box.port))
    assert (waiting.state, waiting.reply) == (DeliveryState.QUEUED, "451 later")
    kept = ledger.deliveries.message(waiting.message_id)
    box.answers.clear()
    sent = retry(ledger, mail(box.port), waiting.message_id, password=lambda: None, limits=QUICK)
    assert (sent.state, sent.attempts) == (DeliveryState.SENT, 2)
    assert box.envelopes[0].content == kept


def test_refused_letter_is_not_resent(ledger, serve):
    box = serve()
    box.answers["mail"] = "550 we know you not"
    assert post(ledger, mail(box.port)).state is DeliveryState.REFUSED
    box.answers.clear()
    assert not post(ledger, mail(box.port)).attempted
    assert box.envelopes == []


def test_unsure_letter_is_not_resent(ledger, serve):
    box = serve()
    box.drop_after_data = True
    assert post(ledger, mail(box.port)).state is DeliveryState.UNSURE
    box.drop_after_data = False
    assert not post(ledger, mail(box.port)).attempted
    assert len(box.envelopes) == 1
    assert post(ledger, mail(box.port), again=True).state is DeliveryState.SENT


def test_refused_recipient_is_recorded(ledger, serve):
    box = serve()
    box.answers["anna@acme.example"] = "550 no such user"
    found = post(ledger, mail(box.port))
    assert found.state is DeliveryState.REFUSED
    assert [one.state.value for one in found.recipients] == ["sent", "refused"]
    assert "anna@acme.example refused: 550 no such user" in found.reply


def test_wrong_settings_keep_letter_queued(ledger, serve, certificate):
    box = serve("starttls", login=True)
    settings = mail(box.port, "starttls", username=USER, ca_file=str(certificate.authority))
    with pytest.raises(DeliveryError, match="rejected the login"):
        post(ledger, settings, password="wrong")
    assert state(ledger) == [("queued", 1)]
    assert "wrong" not in ledger.deliveries.list()[0].reply
    assert post(ledger, settings, password=PASSWORD).state is DeliveryState.SENT


def test_missing_secret_keeps_letter_queued(ledger, serve):
    def missing():
        raise SecretError("SMTP_PASSWORD is not set")

    box = serve()
    with pytest.raises(SecretError):
        deliver(ledger, mail(box.port), LETTER, password=missing, limits=QUICK)
    assert state(ledger) == [("queued", 1)]


def test_password_is_read_only_for_sending(ledger, serve):
    box = serve()
    post(ledger, mail(box.port))
    deliver(ledger, mail(box.port), LETTER, password=lambda: pytest.fail("asked"), limits=QUICK)


def test_unreachable_server_keeps_letter_queued(ledger):
    found = post(ledger, mail(free_port()))
    assert (found.state, found.attempted) == (DeliveryState.QUEUED, True)


def test_letter_being_sent_by_other_process_is_left_alone(ledger, serve):
    box = serve()
    name = post(ledger, mail(free_port())).message_id
    claim(ledger, name)
    assert not post(ledger, mail(box.port)).attempted
    assert box.envelopes == []


def test_letter_of_dead_process_is_unsure(ledger, serve):
    box = serve()
    name = post(ledger, mail(free_port())).message_id
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    claim(ledger, name, at=long_ago)
    found = deliver(ledger, mail(box.port), LETTER, password=lambda: None, limits=SmtpLimits())
    assert (found.state, found.attempted) == (DeliveryState.UNSURE, False)
    assert box.envelopes == []


def test_letter_without_contacts_is_not_queued(ledger):
    letter = Letter(
        client="acme",
        period="2026-11",
        kind="final",
        contacts=(),
        subject="",
        html="",
        text="",
        language="en",
    )
    with pytest.raises(DeliveryError, match="no contacts"):
        post(ledger, mail(25), letter)
    bad = Letter(
        client="acme",
        period="2026-11",
        kind="final",
        contacts=(Contact("", "x"),),
        subject="",
        html="",
        text="",
        language="en",
    )
    with pytest.raises(DeliveryError, match="not an e-mail address"):
        post(ledger, mail(25), bad)
    assert ledger.deliveries.list() == ()
