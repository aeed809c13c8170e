"""Handing a message over: each way in which a server can answer, or fail to."""

from __future__ import annotations

import ipaddress
import socket
import time

import pytest

from runner.deliver import SmtpLimits, Verdict, greet, send
from runner.errors import DeliveryError
from tests.deliver.conftest import PASSWORD, QUICK, USER, free_port, mail, make_certificate

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

SENDER = "care@northwind.example"
OFFICE, ANNA = "office@acme.example", "anna@acme.example"
MESSAGE = b"Subject: Report\r\n\r\nAll well.\r\n.a line that begins with a dot\r\n"


def hand(settings, recipients=(OFFICE,), password=None, limits=QUICK):
    return send(settings, SENDER, recipients, MESSAGE, password=password, limits=limits)


def test_a_message_arrives_as_it_was_given(serve):
    box = serve()
    found = hand(mail(box.port), (OFFICE, ANNA))
    assert (found.verdict, found.reply, found.accepted) == (
        Verdict.ACCEPTED,
        "250 2.0.0 Ok: queued as 4F3",
        (OFFICE, ANNA),
    )
    (envelope,) = box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [OFFICE, ANNA])
    assert envelope.content == MESSAGE


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_encrypted_connection_logs_in(serve, certificate, security):
    box = serve(security, login=True)
    settings = mail(box.port, security, username=USER, ca_file=str(certificate.authority))
    assert hand(settings, password=PASSWORD).verdict is Verdict.ACCEPTED
    assert box.logins == [USER]


def test_a_login_without_encryption_is_possible_on_this_machine_only(serve):
    box = serve(login=True)
    assert hand(mail(box.port, username=USER), password=PASSWORD).verdict is Verdict.ACCEPTED
    elsewhere = mail(25, username=USER, host="smtp.northwind.example")
    with pytest.raises(DeliveryError, match="unprotected") as caught:
        hand(elsewhere, password=PASSWORD)
    assert "starttls or tls" in caught.value.hint


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_an_unknown_authority_is_refused(serve, security):
    box = serve(security)
    with pytest.raises(DeliveryError, match="is not trusted"):
        hand(mail(box.port, security))
    assert box.envelopes == []


def test_a_certificate_of_another_server_is_refused(serve, tmp_path):
    other = make_certificate(tmp_path, ipaddress.ip_address("127.0.0.9"))
    box = serve("tls", chain=other)
    with pytest.raises(DeliveryError, match="is not trusted"):
        hand(mail(box.port, "tls", ca_file=str(other.authority)))


def test_a_server_without_starttls_gets_nothing(serve):
    box = serve()
    with pytest.raises(DeliveryError, match="no STARTTLS"):
        hand(mail(box.port, "starttls", username=USER), password=PASSWORD)
    assert (box.envelopes, box.logins) == ([], [])


def test_a_wrong_password_is_said_without_the_password(serve, certificate):
    box = serve("starttls", login=True)
    settings = mail(box.port, "starttls", username=USER, ca_file=str(certificate.authority))
    with pytest.raises(DeliveryError, match=r"refused the login of care \(535\)") as caught:
        hand(settings, password="hunter2-wrong")
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_file_without_certificates_is_named(tmp_path):
    with pytest.raises(DeliveryError, match="holds no certificates"):
        hand(mail(free_port(), "tls", ca_file=str(tmp_path / "none.pem")))


@pytest.mark.parametrize(
    ("stage", "answer", "verdict"),
    [
        ("mail", "451 try later", Verdict.LATER),
        ("mail", "550 we know you not", Verdict.REFUSED),
        (OFFICE, "450 mailbox busy", Verdict.LATER),
        (OFFICE, "550 no such user", Verdict.REFUSED),
        ("data", "452 no room now", Verdict.LATER),
        ("data", "554 spam", Verdict.REFUSED),
    ],
)
def test_each_stage_tells_later_from_never(serve, stage, answer, verdict):
    box = serve()
    box.answers[stage] = answer
    found = hand(mail(box.port))
    assert found.verdict is verdict
    assert answer in found.reply
    assert found.accepted == ()


def test_a_recipient_that_is_refused_does_not_keep_the_others_from_it(serve):
    box = serve()
    box.answers[ANNA] = "550 no such user"
    found = hand(mail(box.port), (OFFICE, ANNA))
    assert (found.verdict, found.accepted) == (Verdict.ACCEPTED, (OFFICE,))
    assert [(r.address, r.code, r.temporary) for r in found.refused] == [(ANNA, 550, False)]


def test_nobody_listening_means_later():
    assert hand(mail(free_port())).verdict is Verdict.LATER


def test_a_connection_lost_after_the_whole_message_is_unsure(serve):
    box = serve()
    box.drop_after_data = True
    found = hand(mail(box.port))
    assert found.verdict is Verdict.UNSURE
    assert "handed over whole" in found.reply
    assert len(box.envelopes) == 1


def test_an_answer_that_never_comes_is_unsure(serve):
    box = serve()
    box.hang_after_data = True
    assert hand(mail(box.port)).verdict is Verdict.UNSURE


def test_a_greeting_that_turns_us_away_for_now_means_later(scripted):
    port = scripted(lambda link: link.sendall(b"421 too busy\r\n"))
    found = hand(mail(port))
    assert (found.verdict, found.reply) == (Verdict.LATER, "421 too busy")


def test_silence_ends_in_time(scripted):
    port = scripted(lambda link: link.recv(1))
    began = time.monotonic()
    assert hand(mail(port)).verdict is Verdict.LATER
    assert time.monotonic() - began < 2


def test_a_server_that_drips_bytes_cannot_hold_us(scripted):
    def drip(link: socket.socket) -> None:
        try:
            while True:
                link.sendall(b"2")
                time.sleep(0.05)
        except OSError:
            return

    found = hand(mail(scripted(drip)), limits=SmtpLimits(wait=5, whole=0.4))
    assert (found.verdict, found.reply) == (Verdict.LATER, "no answer within 0.4 s")


def test_a_connection_lost_in_the_middle_of_the_message_means_later(scripted):
    def talk(link: socket.socket) -> None:
        answers = [b"220 hi\r\n", b"250 hi\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n"]
        for answer in answers:
            link.sendall(answer)
            link.recv(4096)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    long = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 2_000_000
    found = send(mail(scripted(talk)), SENDER, [OFFICE], long, limits=QUICK)
    assert found.verdict is Verdict.LATER


def test_what_a_server_says_is_one_short_line_without_controls(scripted):
    port = scripted(lambda link: link.sendall(b"554 \x1b[31mgo" + b" away" * 200 + b"\r\n"))
    found = hand(mail(port))
    assert found.verdict is Verdict.REFUSED
    assert "\x1b" not in found.reply
    assert len(found.reply) < 320


def test_an_address_beyond_ascii_needs_a_server_that_takes_it(serve):
    box = serve()
    found = hand(mail(box.port), ("büro@acme.example",))
    assert found.verdict is Verdict.REFUSED
    assert box.envelopes == []


def test_greeting_logs_in_and_leaves_without_a_message(serve, certificate):
    box = serve("starttls", login=True)
    settings = mail(box.port, "starttls", username=USER, ca_file=str(certificate.authority))
    greet(settings, password=PASSWORD, limits=QUICK)
    assert (box.logins, box.envelopes) == ([USER], [])


def test_greeting_nobody_is_an_error():
    with pytest.raises(DeliveryError, match=r"no mail leaves by 127\.0\.0\.1"):
        greet(mail(free_port()), limits=QUICK)
