"""A hostile mail server neither fills nor holds us; its words stay words, and no text adds a header."""

from __future__ import annotations

import contextlib
import io
import resource
import smtplib
import socket
import threading
import time
from email import message_from_bytes, policy

import pytest

from runner.deliver import Letter, SendStatus, SmtpLimits, compose, greet, message_id, send
from runner.deliver.connection import Deadline, _BoundedClient
from runner.deliver.message import as_bytes
from runner.deliver.smtp import _reply
from runner.errors import DeliveryError
from runner.model import Contact
from tests.deliver.conftest import mail, scripted  # noqa: F401 - a fixture
from tests.deliver.test_message import NOW
from tests.fuzz import endure, hostile

SENDER, OFFICE = "care@northwind.example", "office@acme.example"
MESSAGE = b"Subject: Report\r\n\r\nAll well.\r\n"
STAGES = (b"220 hi\r\n", b"250 hi\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go\r\n", b"250 taken\r\n")
"""A conversation: greeting, EHLO, MAIL, RCPT, DATA, the message."""
LIMITS = SmtpLimits(wait=1.0, whole=2.0)


def hand(port: int, limits: SmtpLimits = LIMITS):
    return send(mail(port), SENDER, [OFFICE], MESSAGE, limits=limits)


def until(stage: int, then):
    """Play a good server up to a stage, then something else."""

    def talk(link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for number, answer in enumerate(STAGES):
                if number == stage:
                    then(link)
                    return
                link.sendall(answer)
                data = link.recv(65536)
                while number == 4 and b"\r\n.\r\n" not in data:
                    data += link.recv(65536)

    return talk


def flood(piece: bytes):
    def send_on(link: socket.socket) -> None:
        while True:
            link.sendall(piece)

    return send_on


FLOODS = {
    "a line without end": b"2" * 65536,
    "an answer without end": b"250-more of it\r\n" * 4096,
    "lines of nothing": b"250-\r\n" * 4096,
    "NUL": b"\0" * 65536,
    "line feeds": b"\n" * 65536,
}


@pytest.mark.parametrize("stage", range(len(STAGES)))
@pytest.mark.parametrize("name", FLOODS)
def test_an_answer_without_end_is_ended_by_us(scripted, name, stage):  # noqa: F811
    before, began = peak(), time.monotonic()
    found = hand(scripted(until(stage, flood(FLOODS[name]))), SmtpLimits(wait=10, whole=20))
    assert found.status is (SendStatus.UNSURE if stage == len(STAGES) - 1 else SendStatus.LATER)
    assert time.monotonic() - began < 9
    assert peak() - before < 16 << 20
    assert len(found.reply) < 400


def drip(piece: bytes):
    def send_on(link: socket.socket) -> None:
        while True:
            link.sendall(piece)
            time.sleep(0.05)

    return send_on


@pytest.mark.parametrize("stage", [0, 1, 4, 5])
@pytest.mark.parametrize("piece", [b"2", b"250-x\r\n"])
def test_one_limit_holds_for_the_whole_conversation(scripted, stage, piece):  # noqa: F811
    began = time.monotonic()
    found = hand(scripted(until(stage, drip(piece))), SmtpLimits(wait=5, whole=0.5))
    assert time.monotonic() - began < 4
    assert "no answer within 0.5 s" in found.reply


def test_a_server_that_will_not_say_goodbye_is_left(scripted):  # noqa: F811
    def talk(link: socket.socket) -> None:
        until(len(STAGES), None)(link)
        drip(b"2")(link)

    began = time.monotonic()
    found = hand(scripted(quietly(talk)), SmtpLimits(wait=0.5, whole=30))
    assert found.status is SendStatus.ACCEPTED
    assert time.monotonic() - began < 6


def quietly(talk):
    def run(link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            talk(link)

    return run


@pytest.mark.parametrize(
    "answer",
    [
        b"\r\n", b"hello\r\n", b"9999 x\r\n", b"-50 x\r\n", b"+25 x\r\n", b"2_0 x\r\n", b"250\r\n",
        b"000 x\r\n", b"999 x\r\n", b"\xff\xfe\xfd x\r\n", b"2\x005 x\r\n", b"334 !!!\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        "\uff12\uff15\uff10 x\r\n".encode(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stage", [0, 1, 2, 5])
def test_a_wrong_answer_is_a_verdict_and_never_an_exception(scripted, answer, stage):  # noqa: F811
    found = hand(scripted(until(stage, lambda link: (link.sendall(answer), link.recv(9))[1])))
    allowed = {SendStatus.LATER, SendStatus.REFUSED, SendStatus.UNSURE}
    assert found.status in allowed | ({SendStatus.ACCEPTED} if answer.startswith(b"250") else set())
    assert "\0" not in found.reply


EVIL = "554 \x1b[31mred\x1b]0;title\x07 \u202egnp.exe \x9b2J \x00\x85 {0.__class__} %s"


@pytest.mark.parametrize("stage", range(len(STAGES)))
def test_what_a_server_says_is_fit_for_a_screen(scripted, stage):  # noqa: F811
    found = hand(scripted(until(stage, lambda link: link.sendall(EVIL.encode() + b"\r\n"))))
    assert not set(found.reply + str(found.refused)) & set("\x1b\x07\u202e\x9b\x00\x85\r\n")


def test_greeting_a_hostile_server_is_our_own_error(scripted):  # noqa: F811
    port = scripted(until(0, flood(b"220-x\r\n" * 1000)))
    with pytest.raises(DeliveryError, match="cannot send mail through"):
        greet(mail(port), limits=LIMITS)


INJECTED = (
    "Eve\r\nBcc: all@x.example",
    "Eve\nBcc: all@x.example",
    "Eve\rBcc: all@x.example",
    "Eve\x0bBcc: x",
    "Eve\x0cBcc: x",
    "Eve\x1cBcc: x",
    "Eve\x85Bcc: x",
    "Eve\u2028Bcc: x",
    "Eve\u2029Bcc: x",
    "Eve\x00",
    'Eve" <all@x.example>, "',
    "=?utf-8?q?Eve=0D=0ABcc=3A_all=40x.example?=",
    "Eve\u202e\u2066",
    "x" * 5000,
)
FIELDS = ("contact", "sender", "sender_name", "reply_to", "subject", "language", "client", "period")
HEADERS = {
    "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
    "Content-Type", "Content-Language", "Content-Transfer-Encoding",
}  # fmt: skip


@pytest.mark.parametrize("text", INJECTED)
@pytest.mark.parametrize("field", FIELDS)
def test_no_setting_and_no_name_can_add_a_header(field, text):
    settings = mail(587, sender=f"{text} <care@northwind.example>" if field == "sender" else SENDER)
    client = text if field == "client" else "acme"
    period = text if field == "period" else "2026-11"
    values = {
        "subject": "All well",
        "html": "<p>x</p>",
        "text": "x",
        "language": "en",
        "sender_name": "Northwind",
        "reply_to": SENDER,
    }
    if field in values:
        values[field] = f"{text} <{SENDER}>" if field == "reply_to" else text
    contact = Contact(text if field == "contact" else "Office", OFFICE)
    try:
        name = message_id(settings, client, period, "final")
        letter = Letter(client=client, period=period, kind="final", contacts=(contact,), **values)
        content = as_bytes(compose(settings, letter, name, NOW))
    except DeliveryError:
        return
    message = message_from_bytes(content, policy=policy.default)
    assert set(message.keys()) <= HEADERS
    assert len(message.keys()) == len(set(message.keys()))
    assert [address.addr_spec for address in message["To"].addresses] == [OFFICE]
    assert len(message["From"].addresses) == 1
    head = content.partition(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head
    assert b"\r" not in head.replace(b"\r\n", b"")


REPLIES = (
    b"220 mail.example ESMTP\r\n",
    b"250-mail.example\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250 HELP\r\n",
    b"354 go on\r\n",
    b"550 5.1.1 no such user\r\n",
)


class Answers:
    """A connection that only ever says what it was given."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def settimeout(self, _: float) -> None:
        """Nothing waits here."""

    def makefile(self, _: str):
        return io.BytesIO(self.data)

    def close(self) -> None:
        """Nothing is open."""


def test_ten_thousand_hostile_replies_are_codes_or_lost_connections():
    def parse(data: bytes) -> None:
        smtp = _BoundedClient()
        smtp.deadline = Deadline(LIMITS)
        smtp.sock = Answers(data)
        code, text = smtp.getreply()
        assert code == -1 or 200 <= code <= 599
        assert len(_reply(code, text)) < 400
        smtp.sock = Answers(data)
        smtp.file = None
        smtp.local_hostname = "x"
        smtp.send = lambda _: None
        smtp.ehlo()

    endure(parse, hostile(REPLIES, 10_000), refusals=(smtplib.SMTPServerDisconnected,))


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=pytest.mark.long)])
def test_hostile_conversations_over_a_real_connection_end_with_a_verdict(count):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        todo = iter(hostile(REPLIES, count))

        def serve() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                with link, contextlib.suppress(OSError):
                    link.sendall(next(todo, b""))
                    link.shutdown(socket.SHUT_WR)
                    while link.recv(65536):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        for _ in range(count):
            assert hand(listener.getsockname()[1]).status in set(SendStatus)
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
