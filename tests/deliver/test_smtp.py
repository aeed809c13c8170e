"""Sending a message: every way in which a server can answer or fail."""

from __future__ import annotations

import socket
import time

import pytest

from runner.deliver import SendStatus, SmtpLimits, greet, send
from runner.errors import DeliveryError
from tests.deliver.conftest import PASSWORD, QUICK, USER, free_port, mail, make_certificate

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

SENDER = "care@northwind.example"
OFFICE, ANNA = "office@acme.example", "anna@acme.example"
MESSAGE = b"Subject: Report\r\n\r\nAll well.\r\n.a line that begins with a dot\r\n"


def hand(settings, recipients=(OFFICE,), password=None, limits=QUICK):
    return send(settings, SENDER, recipients, MESSAGE, password=password, limits=limits)


def test_message_arrives_unchanged(serve):
    box = serve()
    found = hand(mail(box.port), (OFFICE, ANNA))
    assert (found.status, found.reply, found.accepted) == (
        SendStatus.ACCEPTED,
        "250 2.0.0 Ok: queued as 4F3",
        (OFFICE, ANNA),
    )
    (envelope,) = box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [OFFICE, ANNA])
    assert envelope.content == MESSAGE


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_login_over_encrypted_connection(serve, certificate, security):
    box = serve(security, login=True)
    settings = mail(box.port, security, username=USER, ca_file=str(certificate.authority))
    assert hand(settings, password=PASSWORD).status is SendStatus.ACCEPTED
    assert box.logins == [USER]


def test_unencrypted_login_only_on_loopback(serve):
    box = serve(login=True)
    assert hand(mail(box.port, username=USER), password=PASSWORD).status is SendStatus.ACCEPTED
    elsewhere = mail(25, username=USER, host="smtp.northwind.example")
    with pytest.raises(DeliveryError, match="unencrypted") as caught:
        hand(elsewhere, password=PASSWORD)
    assert "starttls or tls" in caught.value.hint


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_certificate_of_unknown_authority_is_refused(serve, security):
    box = serve(security)
    with pytest.raises(DeliveryError, match="is not trusted"):
        hand(mail(box.port, security))
    assert box.envelopes == []


def test_certificate_of_other_server_is_refused(serve, tmp_path):
    other = make_certificate(tmp_path, "127.0.0.9")
    box = serve("tls", chain=other)
    with pytest.raises(DeliveryError, match="is not trusted"):
        hand(mail(box.port, "tls", ca_file=str(other.authority)))


def test_server_without_starttls_gets_nothing(serve):
    box = serve()
    with pytest.raises(DeliveryError, match="no STARTTLS"):
        hand(mail(box.port, "starttls", username=USER), password=PASSWORD)
    assert (box.envelopes, box.logins) == ([], [])


def test_login_error_does_not_contain_password(serve, certificate):
    box = serve("starttls", login=True)
    settings = mail(box.port, "starttls", username=USER, ca_file=str(certificate.authority))
    with pytest.raises(DeliveryError, match=r"rejected the login of care \(535\)") as caught:
        hand(settings, password="hunter2-wrong")
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_ca_file_without_certificates_is_refused(tmp_path):
    with pytest.raises(DeliveryError, match="contains no certificates"):
        hand(mail(free_port(), "tls", ca_file=str(tmp_path / "none.pem")))


@pytest.mark.parametrize(
    ("stage", "answer", "status"),
    [
        ("mail", "451 try later", SendStatus.LATER),
        ("mail", "550 we know you not", SendStatus.REFUSED),
        (OFFICE, "450 mailbox busy", SendStatus.LATER),
        (OFFICE, "550 no such user", SendStatus.REFUSED),
        ("data", "452 no room now", SendStatus.LATER),
        ("data", "554 spam", SendStatus.REFUSED),
    ],
)
def test_status_of_each_stage_and_answer(serve, stage, answer, status):
    box = serve()
    box.answers[stage] = answer
    found = hand(mail(box.port))
    assert found.status is status
    assert answer in found.reply
    assert found.accepted == ()


def test_refused_recipient_does_not_block_others(serve):
    box = serve()
    box.answers[ANNA] = "550 no such user"
    found = hand(mail(box.port), (OFFICE, ANNA))
    assert (found.status, found.accepted) == (SendStatus.ACCEPTED, (OFFICE,))
    assert [(r.address, r.code, r.temporary) for r in found.refused] == [(ANNA, 550, False)]


def test_refused_connection_means_later():
    assert hand(mail(free_port())).status is SendStatus.LATER


def test_connection_lost_after_message_is_unsure(serve):
    box = serve()
    box.drop_after_data = True
    found = hand(mail(box.port))
    assert found.status is SendStatus.UNSURE
    assert "lost before the answer" in found.reply
    assert len(box.envelopes) == 1


def test_missing_answer_is_unsure(serve):
    box = serve()
    box.hang_after_data = True
    assert hand(mail(box.port)).status is SendStatus.UNSURE


def test_temporary_rejection_in_greeting_means_later(scripted):
    port = scripted(lambda link: link.sendall(b"421 too busy\r\n"))
    found = hand(mail(port))
    assert (found.status, found.reply) == (SendStatus.LATER, "421 too busy")


def test_silent_server_hits_time_limit(scripted):
    port = scripted(lambda link: link.recv(1))
    began = time.monotonic()
    assert hand(mail(port)).status is SendStatus.LATER
    assert time.monotonic() - began < 2


def test_slow_server_hits_time_limit(scripted):
    def drip(link: socket.socket) -> None:
        try:
            while True:
                link.sendall(b"2")
                time.sleep(0.05)
        except OSError:
            return

    found = hand(mail(scripted(drip)), limits=SmtpLimits(wait=5, whole=0.4))
    assert (found.status, found.reply) == (SendStatus.LATER, "no answer within 0.4 s")


def test_connection_lost_within_message_means_later(scripted):
    def talk(link: socket.socket) -> None:
        answers = [b"220 hi\r\n", b"250 hi\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n"]
        for answer in answers:
            link.sendall(answer)
            link.recv(4096)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    long = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 2_000_000
    found = send(mail(scripted(talk)), SENDER, [OFFICE], long, limits=QUICK)
    assert found.status is SendStatus.LATER


def test_server_reply_is_cleaned(scripted):
    port = scripted(lambda link: link.sendall(b"554 \x1b[31mgo" + b" away" * 200 + b"\r\n"))
    found = hand(mail(port))
    assert found.status is SendStatus.REFUSED
    assert "\x1b" not in found.reply
    assert len(found.reply) < 320


def test_non_ascii_address_needs_smtputf8(serve):
    box = serve()
    found = hand(mail(box.port), ("büro@acme.example",))
    assert found.status is SendStatus.REFUSED
    assert box.envelopes == []


def test_greet_logs_in_without_message(serve, certificate):
    box = serve("starttls", login=True)
    settings = mail(box.port, "starttls", username=USER, ca_file=str(certificate.authority))
    greet(settings, password=PASSWORD, limits=QUICK)
    assert (box.logins, box.envelopes) == ([USER], [])


def test_greet_without_server_is_an_error():
    with pytest.raises(DeliveryError, match=r"cannot send mail through 127\.0\.0\.1"):
        greet(mail(free_port()), limits=QUICK)
