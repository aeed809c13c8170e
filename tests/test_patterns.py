"""Promise: no regular expression takes more than time in proportion to a stranger's text."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests import patterns
from tests.patterns import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (16 << 10, 64 << 10, 256 << 10)
STEEP = 3.0
"""Four times the text may take three times four times as long: timers are coarse, a square takes sixteen."""
FLOOR = 0.004
"""Seconds that are noise."""
LIMIT = 0.3
"""Seconds for the longest text: a pattern that is linear and slow is slow."""


class TooSlowError(Exception):
    """A pattern did not end in time."""


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """End what runs: `re` looks for signals while it searches."""

    def stop(*_: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def use(found: Found, text: str | bytes) -> None:
    """As the code does, to the end of the text."""
    pattern = found.compiled
    if found.methods & {"fullmatch", "match"}:
        pattern.fullmatch(text)
        pattern.match(text)
    if found.methods - {"fullmatch", "match"}:
        for _ in pattern.finditer(text):
            pass


def seconds(found: Found, text: str | bytes) -> float:
    with alarm(LIMIT):
        began = time.thread_time()
        use(found, text)
        return time.thread_time() - began


def steep(found: Found) -> str:
    """What makes the pattern slow; empty when nothing does."""
    texts = zip(*(patterns.hostile(found, size) for size in SIZES), strict=True)
    for small, middle, large in texts:
        try:
            took = [seconds(found, text) for text in (small, middle, large)]
            if took[2] > FLOOR * 4:
                again = [seconds(found, text) for text in (small, middle, large)]
                took = list(map(min, took, again))
        except TooSlowError:
            return f"{small[:80]!r}: more than {LIMIT} s"
        for before, after in pairwise(took):
            if after > max(STEEP * 4 * before, FLOOR * 4):
                return f"{small[:80]!r}: {', '.join(f'{t * 1000:.1f} ms' for t in took)}"
    return ""


def id_of(found: Found) -> str:
    return found.place


@pytest.mark.parametrize("found", patterns.of_python(), ids=id_of)
def test_a_pattern_is_linear_in_hostile_text(found: Found) -> None:
    assert not steep(found), f"{found.place}: {found.source!r}"


@pytest.mark.parametrize("found", patterns.of_php(), ids=id_of)
def test_a_pattern_of_php_is_linear_in_hostile_text(found: Found) -> None:
    """By Python's engine, which backtracks as PCRE does, without PCRE's limit."""
    assert not steep(found), f"{found.place}: {found.source!r}"


@pytest.mark.parametrize("program", patterns.of_shell(), ids=lambda program: program.place)
def test_a_program_that_searches_lines_is_linear_in_hostile_text(program: patterns.Program) -> None:
    """Long lines and many of them, of what its pattern holds."""
    literal = re.sub(r"[\\^$()\[\]*+?{}|]", "", program.argv[-1])[:40] or "a"
    for unit in (literal, " ", "a", f"{literal}\n", "Fatal error: "):
        took = []
        for size in (64 << 10, 512 << 10):
            text = (unit * (size // len(unit) + 1))[:size]
            began = time.monotonic()
            subprocess.run(program.argv, input=text.encode(), capture_output=True, timeout=20, check=False)
            took.append(time.monotonic() - began)
        assert took[1] < max(STEEP * 8 * took[0], 0.5), f"{program}: {unit!r}: {took}"


@pytest.mark.parametrize("source", [r"<link\b[^>]*\brel=", r"(?:a+)+b", r"[^@\s]+@x", r"(?m)^\s*x"])
def test_a_careless_pattern_is_found(source: str) -> None:
    """The test above can fail."""
    assert steep(Found("here", source))


def test_there_is_something_to_test() -> None:
    assert len(patterns.of_python()) > 60
    assert len(patterns.of_php()) > 25
    assert {program.argv[0] for program in patterns.of_shell()} >= {"sed", "grep"}
    assert shutil.which("sed")
