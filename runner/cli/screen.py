"""The one way to the screen: all that is printed passes `fit`, which leaves our own styles and plain text.

Our styles carry a number that only this process knows: a stranger's escapes are not mistaken for them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TextIO

import click

from runner.errors import ExitCode, SitecrewError
from runner.untrusted import clean

__all__ = [
    "OutputClosedError",
    "OutputError",
    "cell",
    "checked",
    "fit",
    "json_text",
    "out",
    "out_json_line",
    "say",
    "style",
    "when_closed",
]

_OURS = str(secrets.randbits(120))
_MARK = re.compile(rf"(\x1b\[{_OURS};[0-9;]{{0,20}}m)")
_SGR = re.compile(r"\x1b\[([0-9;]{0,20})m")
_LONGEST = 1_000_000
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def style(text: object, **look: Any) -> str:
    """The text in a colour or weight, as `click.style` takes them."""
    return _SGR.sub(lambda code: f"\x1b[{_OURS};{code[1]}m", click.style(clean(str(text), _LONGEST), **look))


def fit(text: str) -> str:
    """The text as it may go to a terminal: our styles stay, everything else that it would obey goes."""
    return _MARK.sub(lambda mark: mark[0].replace(f"{_OURS};", ""), _without_others(text))


def cell(text: object) -> str:
    """The text on one line, clean, its styles still to be fitted: to be measured before it is printed."""
    return " ".join(_without_others(str(text)).splitlines())


def _without_others(text: str) -> str:
    pieces = _MARK.split(text)
    pieces[::2] = [clean(piece, _LONGEST) for piece in pieces[::2]]
    return "".join(pieces)


class OutputClosedError(SitecrewError):
    """Whoever read the output has gone, as `| head` does. Not an error of what was asked for."""

    exit_code = ExitCode.INTERRUPTED


class OutputError(SitecrewError):
    """The output cannot be written: data would be missing in it."""


def out(text: object = "") -> None:
    """Data for the person or the program behind: stdout.

    Raises:
        OutputClosedError, OutputError: it cannot be written, and `when_closed` does not hold.
    """
    with checked():
        click.echo(fit(str(text)))


def out_json_line(document: Any) -> None:
    """One JSON document on a line of stdout; raises as `out`."""
    with checked():
        click.echo(json_text(document, default=str))


def say(text: object = "", *, end: str = "\n", color: bool | None = None) -> None:
    """Talk to the person: stderr, so that stdout stays data.

    Raises:
        OutputClosedError: nobody reads it any more. Where it cannot be written otherwise, it is left out.
    """
    from runner.cli.hints import for_workspace

    with checked(err=True):
        click.echo(fit(for_workspace(str(text))) + end, nl=False, err=True, color=color)


@contextmanager
def checked(*, err: bool = False) -> Iterator[None]:
    """Print something; a stream that cannot be written is not tried again."""
    try:
        yield
    except OSError as error:
        _silence(sys.stderr if err else sys.stdout)
        closed = isinstance(error, BrokenPipeError)
        if err and not closed:
            return
        reason = f"the output cannot be written: {error.strerror or type(error).__name__}"
        if _closed.act is not None:
            if not closed:
                say(reason)
            _closed.happened = True
            _closed.act()
        elif closed:
            raise OutputClosedError("the output was closed") from error
        else:
            raise OutputError(reason, hint="look at the disk that it is written to: df -h") from error


@dataclass(slots=True)
class _Closed:
    act: Callable[[], object] | None = None
    happened: bool = False


_closed = _Closed()


@contextmanager
def when_closed(act: Callable[[], object]) -> Iterator[Callable[[], bool]]:
    """Output that cannot be written any more raises nothing here: `act` is called, the rest goes nowhere.

    Gives a function that says whether it came to that.
    """
    before, _closed.act, _closed.happened = _closed.act, act, False
    try:
        yield lambda: _closed.happened
    finally:
        _closed.act = before


def _silence(stream: TextIO | None) -> None:
    """What the stream still holds, and all that follows, goes nowhere: also when the interpreter ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)


def json_text(document: Any, *, indent: int | None = None, default: Any = None) -> str:
    """JSON whose hidden characters are escaped: equal to what was meant, and harmless on a terminal."""
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=default)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        json.dumps(c)[1:-1] if not c.isascii() and unicodedata.category(c) in _HIDDEN else c
        for c in text.replace("\x7f", "\\u007f")
    )
