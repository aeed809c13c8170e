from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab import Fleet
    from lab.mailbox import Mailbox


@pytest.fixture
def mailbox(fleet: Fleet) -> Mailbox:
    fleet.mailbox.clear()
    return fleet.mailbox


def letter(to: str = "office@acme.example") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "care@northwind.example", to, "Bericht für März"
    message.set_content("Alles gut.")
    return message


def open_door(mailbox: Mailbox, timeout: float = 10) -> smtplib.SMTP:
    return smtplib.SMTP(mailbox.address, mailbox.ports["none"], timeout=timeout)


def test_an_open_door_keeps_a_letter_with_its_envelope(mailbox: Mailbox) -> None:
    with open_door(mailbox) as link:
        link.send_message(letter(), to_addrs=["office@acme.example", "boss@acme.example"])
    (kept,) = mailbox.letters()
    assert kept.sender == "care@northwind.example"
    assert kept.recipients == ("office@acme.example", "boss@acme.example")
    assert kept.message["Subject"] == "Bericht für März"
    assert kept.path.suffix == ".eml"


def test_the_mailbox_keeps_a_mail_sent_by_starttls_with_login(mailbox: Mailbox) -> None:
    context = ssl.create_default_context(cafile=str(mailbox.ca_file))
    with smtplib.SMTP(mailbox.address, mailbox.ports["starttls"], timeout=10) as link:
        link.starttls(context=context)
        link.login(mailbox.username, mailbox.password)
        link.send_message(letter())
    assert len(mailbox.letters()) == 1


def test_the_mailbox_keeps_a_mail_sent_by_tls_with_login(mailbox: Mailbox) -> None:
    context = ssl.create_default_context(cafile=str(mailbox.ca_file))
    with smtplib.SMTP_SSL(mailbox.address, mailbox.ports["tls"], timeout=10, context=context) as link:
        link.login(mailbox.username, mailbox.password)
        link.send_message(letter())
    assert len(mailbox.letters()) == 1


def test_without_its_authority_the_certificate_is_not_trusted(mailbox: Mailbox) -> None:
    with smtplib.SMTP(mailbox.address, mailbox.ports["starttls"], timeout=10) as link:
        with pytest.raises(ssl.SSLCertVerificationError):
            link.starttls(context=ssl.create_default_context())
        link.close()


def test_login_is_demanded_and_checked(mailbox: Mailbox) -> None:
    context = ssl.create_default_context(cafile=str(mailbox.ca_file))
    with smtplib.SMTP_SSL(mailbox.address, mailbox.ports["tls"], timeout=10, context=context) as link:
        with pytest.raises(smtplib.SMTPResponseException, match="530"):
            link.send_message(letter())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            link.login(mailbox.username, "wrong")
    assert mailbox.letters() == []


def test_the_mailbox_refuses_at_the_greeting_as_told(mailbox: Mailbox) -> None:
    mailbox.misbehave(connect="421 4.3.2 too busy")
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        open_door(mailbox)
    assert refused.value.smtp_code == 421


def test_the_mailbox_refuses_senders_recipients_and_messages_as_told(mailbox: Mailbox) -> None:
    mailbox.misbehave(mail="451 4.7.1 later")
    with open_door(mailbox) as link, pytest.raises(smtplib.SMTPSenderRefused) as sender:
        link.send_message(letter())
    assert sender.value.smtp_code == 451
    mailbox.misbehave(rcpt={"gone@acme.example": "550 5.1.1 no such user"})
    with open_door(mailbox) as link:
        refused = link.send_message(letter(), to_addrs=["gone@acme.example", "office@acme.example"])
    assert refused == {"gone@acme.example": (550, b"5.1.1 no such user")}
    mailbox.misbehave(data="554 5.7.1 spam")
    with open_door(mailbox) as link, pytest.raises(smtplib.SMTPDataError) as data:
        link.send_message(letter())
    assert data.value.smtp_code == 554
    assert [kept.recipients for kept in mailbox.letters()] == [("office@acme.example",)]


def test_misbehaviour_can_end_after_some_sessions(mailbox: Mailbox) -> None:
    mailbox.misbehave(mail="451 4.7.1 greylisted", sessions=1)
    with open_door(mailbox) as link, pytest.raises(smtplib.SMTPSenderRefused):
        link.send_message(letter())
    with open_door(mailbox) as link:
        link.send_message(letter())
    assert len(mailbox.letters()) == 1


def test_a_link_dropped_after_the_message_leaves_it_kept(mailbox: Mailbox) -> None:
    mailbox.misbehave(drop="data")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)), open_door(mailbox) as link:
        link.send_message(letter())
    assert len(mailbox.letters()) == 1


def test_a_server_may_fall_silent(mailbox: Mailbox) -> None:
    mailbox.misbehave(hang="connect")
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        open_door(mailbox, timeout=0.3)
    assert mailbox.transactions()[-1]["event"] == "hung"


def test_the_log_tells_each_transaction_in_order(mailbox: Mailbox) -> None:
    with open_door(mailbox) as link:
        link.send_message(letter())
    assert [(one["door"], one["event"]) for one in mailbox.transactions()] == [
        ("none", "connect"),
        ("none", "kept"),
    ]
