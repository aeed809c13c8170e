"""Parsers of data from a host: any bytes give a result or one of our errors, in bounded time and memory."""

from __future__ import annotations

import io
import threading
import time

import pytest
from paramiko import SFTPError

from runner.errors import SitecrewError
from runner.execute import Command, Endpoint
from runner.execute.answers import Answers, Budget
from runner.execute.careful import FileTransfer
from runner.execute.frames import Decoder, Frame
from runner.execute.hostkeys import KnownHosts
from runner.execute.journal import Journal
from runner.execute.limits import Timeouts
from runner.execute.link import CutError
from runner.execute.read import _Reading
from runner.execute.recording import record
from runner.execute.upload import _Upload
from tests.execute.test_hostkeys import NEW, OLD
from tests.fuzz import endure, hostile

COUNT = 10_000
NONCE = "ab" * 16
EVIL = Endpoint("127.0.0.1", name="evil")
LIMITS = Timeouts(received=1 << 20, frames=500)


def frames(*words: str) -> bytes:
    return b"".join(f"\x1e{NONCE} {one}\n".encode() for one in words)


JOB = [
    frames("job 77", "lock 3", "begin a") + b"out" + frames("stderr a") + b"err" + frames("end a 3 15 -"),
    frames("locked other/run 900", "skip a locked", "bye locked 0"),
    frames("begin a") + b"x" * 500 + frames("end a 124 9 timeout", "awaiting 30", "decided undo deadman"),
    frames("died a", "begin cleanup", "end cleanup 0 1 -", "bye died 1"),
]
READ = [
    frames("hello", "begin a") + b"out" + frames("end a 0 15 -", "skip b failed", "bye"),
    b"noise" + frames("hb", "hello", "begin a", "late a", "end a 0 15 -", "begin b", "end b 1 1 -", "bye"),
]
UPLOAD = [frames("hb", "ready") + b"said" + frames("bye 0"), frames("bye 1")]


class FakeExec:
    """An exec channel whose stdout is these bytes."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data[at : at + 700] for at in range(0, len(data), 700)]

    def receive(self, _limit: float) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def exit_status(self, _limit: float) -> int:
        return 0

    def send(self, *_: object) -> None:
        """Do nothing."""

    finish = close = send


class FakeLink:
    """The part of a connection that `Answers` uses."""

    endpoint = EVIL

    def close(self) -> None:
        """Do nothing."""


def answers(exec_, budget, first):
    return Answers(FakeLink(), exec_, NONCE, limits=LIMITS, budget=budget, first=first)


def test_the_decoder_survives_hostile_bytes():
    def decode(data: bytes) -> None:
        decoder = Decoder(NONCE)
        found = [piece for at in range(0, len(data), 997) for piece in decoder.feed(data[at : at + 997])]
        words = [word for piece in found if isinstance(piece, Frame) for word in piece.words]
        assert all(word.isascii() and word.isprintable() for word in words)

    endure(decode, hostile([*JOB, *READ], COUNT))


def test_a_journal_survives_hostile_bytes():
    def read(data: bytes) -> None:
        journal = Journal(NONCE, cap=100, kept=150, known={"a"})
        journal.read(data)
        commands = journal.commands()
        assert set(commands) <= {"a", "check", "cleanup", "await", "-"}
        assert sum(len(one.output) + len(one.error) for one in commands.values()) <= 5 * 150

    endure(read, hostile(JOB, COUNT))


def test_a_reading_survives_hostile_bytes():
    def read(data: bytes) -> None:
        reading = _Reading(EVIL, [Command("a", ":"), Command("b", ":")], LIMITS, cap=1000)
        exec_ = FakeExec(data)
        reading._read_stdout(answers(exec_, reading._budget, ("hello",)), exec_)
        assert {name: reading._record(name).command for name in "ab"} == {"a": "a", "b": "b"}

    refused = endure(
        read, hostile([frames("hello") + text for text in READ] + READ, COUNT), refusals=REFUSALS
    )
    assert 0 < refused < COUNT


def test_an_upload_survives_hostile_bytes():
    def send(data: bytes) -> None:
        exec_ = FakeExec(data)
        budget = Budget("evil", LIMITS, 60.0)
        upload = _Upload(exec_, answers(exec_, budget, ("hb", "ready", "bye")), budget, LIMITS, 60.0)
        upload._read_answers()
        if upload._failure is not None:
            raise upload._failure

    endure(send, hostile(UPLOAD, COUNT), refusals=REFUSALS)


REFUSALS = (SitecrewError, CutError)
"""CutError is not in the tree of errors: callers convert it."""


def test_known_hosts_survives_hostile_bytes(tmp_path):
    path = tmp_path / "known_hosts"
    good = [
        f"web1 {OLD.text}\n@revoked * {NEW.text}\n".encode(),
        f"*.example,!bad.example,[web1]:2222 {OLD.text} comment\n".encode(),
        b"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= " + OLD.text.encode() + b"\n",
    ]

    def check(data: bytes) -> None:
        path.write_bytes(data)
        record([path], "web1", 22, OLD)
        KnownHosts([path]).check("web1", 22, OLD)

    endure(check, hostile(good, COUNT))


class Listing(FileTransfer):
    """An SFTP client whose server answers with these bytes."""

    def __init__(self, data: bytes) -> None:
        self.request_number, self.ultra_debug = 1, False
        self._expecting: dict[int, object] = {}
        self._lock = threading.Lock()
        self._data = io.BytesIO(data)

    def _send_packet(self, *_: object) -> None:
        """Do nothing."""

    def _read_all(self, size: int) -> bytes:
        data = self._data.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def _log(self, *_: object, **__: object) -> None:
        """Do not log."""


def test_sftp_listings_survive_hostile_bytes():
    from paramiko import Message, SSHException

    def packet(kind: int, number: int, *fields: object) -> bytes:
        message = Message()
        message.add_int(number)
        for field in fields:
            (message.add_int if isinstance(field, int) else message.add_string)(field)
        body = bytes([kind]) + message.asbytes()
        return len(body).to_bytes(4) + body

    handle = packet(102, 1, "handle")
    good = [
        packet(104, 2, 2, "name", "-rw-r--r-- name", 4, 0o100644, "..", "..", 0) + packet(101, 3, 1, "", ""),
        packet(104, 2, 1, "name", "long", 0x80000000, 0xFFFFFFFF),
        packet(101, 2, 4, "\x1b[2J no", "en"),
    ]
    refusals = (OSError, SFTPError, SSHException, UnicodeDecodeError)

    def listed(data: bytes) -> None:
        list(Listing(handle + data).entries("/"))

    endure(listed, hostile(good, COUNT), refusals=refusals)


@pytest.mark.parametrize(
    "unit",
    [b"\x1e", b"\x1e" + NONCE.encode() + b" ", b"\x1e" + NONCE.encode(), frames("begin a"), b"\x1e\n"],
    ids=["separators", "keys", "cut-keys", "frames", "lines"],
)
def test_the_decoder_takes_linear_time(unit):
    def seconds(size: int) -> float:
        best = 9.0
        for _ in range(3):
            data, decoder = unit * (size // len(unit)), Decoder(NONCE)
            began = time.process_time()
            for at in range(0, len(data), 32_768):
                decoder.feed(data[at : at + 32_768])
            best = min(best, time.process_time() - began)
        return best

    assert seconds(1 << 20) < 3 * 16 * seconds(64 << 10) + 0.02
