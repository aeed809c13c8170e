"""The one way to the screen: all that is printed passes `fit`, which leaves our own styles and plain text.

Our styles carry a number that only this process knows: a stranger's escapes are not mistaken for them.
"""

from __future__ import annotations

import json
import re
import secrets
import unicodedata
from typing import Any

import click

from runner.untrusted import clean

__all__ = ["cell", "fit", "json_text", "out", "say", "style"]

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


def out(text: object = "") -> None:
    """Data for the person or the program behind: stdout."""
    click.echo(fit(str(text)))


def say(text: object = "", *, end: str = "\n", color: bool | None = None) -> None:
    """Talk to the person: stderr, so that stdout stays data."""
    from runner.cli.hints import for_workspace

    click.echo(fit(for_workspace(str(text))) + end, nl=False, err=True, color=color)


def json_text(document: Any, *, indent: int | None = None, default: Any = None) -> str:
    """JSON whose hidden characters are escaped: equal to what was meant, and harmless on a terminal."""
    text = json.dumps(document, ensure_ascii=False, indent=indent, default=default)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        json.dumps(c)[1:-1] if not c.isascii() and unicodedata.category(c) in _HIDDEN else c
        for c in text.replace("\x7f", "\\u007f")
    )
