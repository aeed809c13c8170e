"""All output goes through here: `fit` lets only plain text and our own styles through to the terminal.

Our styles carry a random number of this process, so that escape sequences in foreign text cannot pass for
them.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TextIO

import click

from runner.cli.hints import for_workspace
from runner.cli.layout import wrap
from runner.errors import ExitCode, SitecrewError
from runner.untrusted import clean

__all__ = [
    "NO_TERMINAL",
    "OutputClosedError",
    "OutputError",
    "cell",
    "checked",
    "fit",
    "json_text",
    "out",
    "out_lines",
    "say",
    "style",
    "terminal_width",
    "when_closed",
]

_NONCE = str(secrets.randbits(120))
_OUR_STYLE = re.compile(rf"(\x1b\[{_NONCE};[0-9;]{{0,20}}m)")
_SGR = re.compile(r"\x1b\[([0-9;]{0,20})m")
_LONGEST = 1_000_000
NO_TERMINAL = 1_000_000
_USUAL_WIDTH = 80
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def style(text: object, **options: Any) -> str:
    """Return the text in a color or weight; `options` are those of `click.style`."""
    styled = click.style(clean(str(text), _LONGEST), **options)
    return _SGR.sub(lambda code: f"\x1b[{_NONCE};{code[1]}m", styled)


def fit(text: str) -> str:
    """Return the text safe for a terminal: our styles are kept, all other control characters removed."""
    return _OUR_STYLE.sub(lambda code: code[0].replace(f"{_NONCE};", ""), _without_foreign_codes(text))


def cell(text: object) -> str:
    """Return the text clean and on one line, to be measured for a table and then printed by `out`."""
    return " ".join(_without_foreign_codes(str(text)).splitlines())


def _without_foreign_codes(text: str) -> str:
    pieces = _OUR_STYLE.split(text)
    pieces[::2] = [clean(piece, _LONGEST) for piece in pieces[::2]]
    return "".join(pieces)


class OutputClosedError(SitecrewError):
    """The reader closed the output, as `| head` does. The command itself did not fail."""

    exit_code = ExitCode.INTERRUPTED


class OutputError(SitecrewError):
    """The output cannot be written and would be incomplete."""


def out(text: object = "") -> None:
    """Print data to stdout.

    Raises:
        OutputClosedError, OutputError: stdout cannot be written; not raised inside `when_closed`.
    """
    with checked():
        click.echo(fit(str(text)))


def out_lines(lines: Sequence[str]) -> None:
    """Print lines that are safe for a terminal, like JSON, with one write; raises the errors of `out`."""
    if lines:
        with checked():
            click.echo("\n".join(lines))


def say(text: object = "", *, end: str = "\n", color: bool | None = None, wrapped: bool = True) -> None:
    """Print a message to stderr, wrapped at words on a terminal. If it cannot be written, it is dropped.

    Raises:
        OutputClosedError: the reader closed stderr.
    """
    message = for_workspace(str(text))
    if wrapped and sys.stderr.isatty():
        message = "\n".join(_wrapped_lines(_without_foreign_codes(message)))
    with checked(err=True):
        click.echo(fit(message) + end, nl=False, err=True, color=color)


def _wrapped_lines(text: str) -> Iterator[str]:
    """Yield lines that fit the terminal; those after the first are indented by two more columns."""
    width = terminal_width(sys.stderr)
    for line in text.split("\n"):
        yield from wrap(line, width, indent=len(line) - len(line.lstrip(" ")) + 2)


def terminal_width(stream: TextIO) -> int:
    """Return the columns of the terminal that the stream writes to; practically unlimited if it is none."""
    if not stream.isatty():
        return NO_TERMINAL
    with suppress(ValueError):
        if columns := int(os.environ.get("COLUMNS", "")):
            return columns
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    return _USUAL_WIDTH


@contextmanager
def checked(*, err: bool = False) -> Iterator[None]:
    """Handle errors of writing to stdout, or to stderr with `err`. A failed stream is not written again."""
    try:
        yield
    except OSError as error:
        _silence(sys.stderr if err else sys.stdout)
        closed = isinstance(error, BrokenPipeError)
        if err and not closed:
            return
        reason = f"the output cannot be written: {error.strerror or type(error).__name__}"
        if _on_closed.callback is not None:
            if not closed:
                say(reason)
            _on_closed.happened = True
            _on_closed.callback()
        elif closed:
            raise OutputClosedError("the output was closed") from error
        else:
            raise OutputError(reason, hint="check the disk it is written to: df -h") from error


@dataclass(slots=True)
class _OnClosed:
    callback: Callable[[], object] | None = None
    happened: bool = False


_on_closed = _OnClosed()


@contextmanager
def when_closed(callback: Callable[[], object]) -> Iterator[Callable[[], bool]]:
    """Call `callback` instead of raising when output cannot be written; further output is dropped.

    Yields a function that returns whether this has happened.
    """
    before, _on_closed.callback, _on_closed.happened = _on_closed.callback, callback, False
    try:
        yield lambda: _on_closed.happened
    finally:
        _on_closed.callback = before


def _silence(stream: TextIO | None) -> None:
    """Redirect the stream to /dev/null, so that its buffer can be flushed when the interpreter exits."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)


def json_text(document: Any, *, indent: int | None = None, default: Any = None) -> str:
    """Return JSON with invisible characters escaped: the same value, but harmless on a terminal."""
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=default)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        json.dumps(c)[1:-1] if not c.isascii() and unicodedata.category(c) in _INVISIBLE else c
        for c in text.replace("\x7f", "\\u007f")
    )
