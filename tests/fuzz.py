"""Hostile input for parsers: what a stranger may send, and what a parser owes whoever calls it."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence

from runner.errors import SitecrewError

ODD = (
    b"\0", b"\n", b"\r\n", b"\x1e", b"\x1b[2J", b"\x9b", b"../", b"..", b"/", b"'", b'"', b"`id`", b"$(id)",
    b"-1", b"0" * 5000, b"9" * 400, b"1e999", b"NaN", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xae",
    b"{", b"[" * 3000, b'{"a":' * 2000, b"<link ", b"<!--", b"%s%n",
    b"{0.__class__}", b"A" * 20_000, b" " * 9000,
)  # fmt: skip
"""Pieces that parsers have stumbled over."""


def hostile(corpus: Sequence[bytes], count: int, *, seed: int = 1) -> Iterator[bytes]:
    """`count` inputs made of good ones: cut, spliced, repeated, with bytes changed and odd pieces put in."""
    chance = random.Random(seed)  # noqa: S311 - the same inputs every time
    ways: tuple[Callable[[bytes], bytes], ...] = (
        lambda _: chance.randbytes(chance.randrange(400)),
        lambda text: text[: chance.randrange(len(text) + 1)],
        lambda text: text[chance.randrange(len(text) + 1) :],
        lambda text: _put(chance, text, chance.choice(ODD)),
        lambda text: _put(chance, _put(chance, text, chance.choice(ODD)), chance.choice(ODD)),
        lambda text: text[: chance.randrange(len(text) + 1)] + chance.choice(corpus),
        lambda text: text * chance.randrange(2, 6),
        lambda text: _flip(chance, text),
        lambda text: _drop(chance, text),
    )
    for _ in range(count):
        yield chance.choice(ways)(chance.choice(corpus))


def endure(
    parse: Callable[[bytes], object],
    inputs: Iterator[bytes],
    *,
    refusals: tuple[type[Exception], ...] = (SitecrewError,),
    seconds: float = 2.0,
    memory: int = 256 << 20,
) -> int:
    """Parse every input to a result or one of `refusals`, in bounded time and memory; counts the refusals.

    Raises:
        AssertionError: another exception, or a limit was passed; it shows the input.
    """
    peak = _peak()
    refused = 0
    for data in inputs:
        started = time.process_time()
        try:
            parse(data)
        except refusals:
            refused += 1
        except Exception as error:
            raise AssertionError(
                f"{type(error).__name__}: {error} for {data[:300]!r} ({len(data)} bytes)"
            ) from error
        took = time.process_time() - started
        assert took < seconds, f"{took:.1f} s for {_shown(data)}"
    grown = _peak() - peak
    assert grown < memory, f"{grown >> 20} MiB more memory"
    return refused


def _shown(data: bytes) -> str:
    return f"{data[:300]!r} ({len(data)} bytes)"


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _put(chance: random.Random, text: bytes, piece: bytes) -> bytes:
    at = chance.randrange(len(text) + 1)
    return text[:at] + piece + text[at + chance.choice((0, 0, 1, len(piece))) :]


def _flip(chance: random.Random, text: bytes) -> bytes:
    changed = bytearray(text)
    for _ in range(chance.randrange(1, 8)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _drop(chance: random.Random, text: bytes) -> bytes:
    first, last = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
    return text[:first] + text[last:]
