"""Promise: the time of every regular expression grows with its text and no faster, whoever wrote the text."""

from __future__ import annotations

import json
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.patterns.collect import Found, php_patterns, python_patterns, shell_programs
from tests.patterns.hostile import hostile_texts

WORKERS = Path(__file__).parent / "patterns"
PATIENCE = 10.0
"""Seconds for one pattern, on a machine that is busy."""
SLOW = "never ended"


class Worker:
    """A process that times patterns, and that is killed where one of them does not end."""

    def __init__(self, *command: str | Path) -> None:
        self._command = command
        self._process: subprocess.Popen | None = None

    def ask(self, question: dict) -> object:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        process = self._process
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], PATIENCE)[0]:
            self.end()
            return SLOW
        line = process.stdout.readline()
        if line:
            return json.loads(line)
        assert process.wait(PATIENCE) == -signal.SIGVTALRM, f"the worker ended at {question['pattern']!r}"
        self.end()
        return SLOW

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None


@pytest.fixture
def python():
    worker = Worker(sys.executable, WORKERS / "worker.py")
    yield worker
    worker.end()


def trouble(worker: Worker, found: Found) -> object:
    binary = isinstance(found.pattern, bytes)
    return worker.ask(
        {
            "pattern": found.pattern.decode("latin-1") if binary else found.pattern,
            "bytes": binary,
            "flags": found.flags,
            "methods": found.methods,
            "texts": hostile_texts(found.pattern, found.flags),
        }
    )


PATTERNS = python_patterns()
ROOMS = sorted({found.where.partition("/")[0].partition(".")[0] for found in PATTERNS})


def in_room(room: str) -> list[Found]:
    return [found for found in PATTERNS if found.where.partition("/")[0].partition(".")[0] == room]


def test_the_patterns_of_the_package_are_found():
    places = " ".join(found.where for found in PATTERNS)
    assert len(PATTERNS) > 100
    assert all(
        name in places for name in ("untrusted.py", "verify/page.py", "report/reasons.py", "web/url.py")
    )
    assert len(php_patterns()) > 30
    assert len(shell_programs()) > 10


@pytest.mark.parametrize(
    ("pattern", "methods"),
    [
        (rb"<link\b[^>]*\brel=[\"']?stylesheet", ("findall",)),
        (r"(a+)+$", ("match",)),
        (r"\s+$", ("search",)),
        (r"(?:.* )?answers", ("search",)),
        (r"^a.*b.*c.*d", ("match",)),
        (rb"rel\s*=\s*[\"']?\s*stylesheet", ("search",)),
        (r"(x|y|xy)*z", ("fullmatch",)),
        (r"<!--.*?-->", ("sub",)),
    ],
)
def test_a_slow_pattern_is_noticed(python, pattern, methods):
    assert trouble(python, Found("", pattern, 0, methods)) is not None


@pytest.mark.parametrize(
    ("pattern", "methods"),
    [(r"[a-z]+", ("fullmatch", "findall")), (r"<[^<>]*>", ("sub",)), (r"(?:.* )?answers", ("match",))],
)
def test_a_fast_pattern_is_left_alone(python, pattern, methods):
    assert trouble(python, Found("", pattern, 0, methods)) is None


@pytest.mark.parametrize("room", ROOMS)
def test_every_pattern_is_linear(python, room):
    slow = {
        f"{found.where} {found.pattern!r}": shown
        for found in in_room(room)
        if (shown := trouble(python, found)) is not None
    }
    assert slow == {}


@pytest.mark.skipif(shutil.which("php") is None, reason="the lab installs PHP")
def test_every_pattern_of_php_is_linear():
    worker = Worker("php", WORKERS / "worker.php")
    slow = {}
    for where, pattern in php_patterns():
        end = pattern.rindex({"(": ")", "{": "}"}.get(pattern[0], pattern[0]))
        try:
            texts = hostile_texts(pattern[1:end])
        except re.error:  # syntax that Python has not
            texts = [("", piece, "") for piece in (" ", "a", "0", "\n", "'", pattern[1:end])]
        shown = worker.ask({"pattern": pattern, "texts": texts})
        if shown is not None:
            slow[f"{where} {pattern}"] = shown
    worker.end()
    assert slow == {}


def shell_time(command: Sequence[str], text: bytes) -> float:
    began = time.monotonic()
    try:
        subprocess.run(command, input=text, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return PATIENCE
    return time.monotonic() - began


@pytest.mark.parametrize(("where", "command"), shell_programs())
def test_every_shell_program_is_linear(where, command):
    for piece in (b" ", b"a", b"%", b" a", b"Fatal error: ", b"Inst x [", b"0 ", b"a\n"):
        small, large = (shell_time(command, piece * (size // len(piece))) for size in (64 << 10, 256 << 10))
        assert large < 0.25 or large < 12 * small, (where, piece, small, large)
