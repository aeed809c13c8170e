"""Questions to the person, and answers given as options. An invalid answer is asked for again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from runner.cli.screen import cell, say
from runner.errors import UsageError

__all__ = ["ask", "can_ask", "checked", "confirm"]

T = TypeVar("T")


def can_ask() -> bool:
    """Whether there is a person to ask: stdin and stderr are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, parse: Callable[[object], Any], *, default: str = "", empty: str = "") -> Any:
    """Ask until the answer is valid; return its parsed value.

    Args:
        question: the text, without the default.
        parse: returns the value of an answer, or raises Wrong.
        default: the answer to Enter.
        empty: what an empty answer means; if given, Enter returns None.
    """
    from runner.load.values import Wrong

    note = f" [{cell(default)}]" if default else f" (Enter: {empty})" if empty else ""
    while True:
        answer = click.prompt(f"{question}{note}", default=default, show_default=False, err=True).strip()
        if not answer and empty:
            return None
        try:
            return parse(answer)
        except Wrong as wrong:
            say(f"  {wrong}{f' ({wrong.hint})' if wrong.hint else ''}")


def checked(option: str, value: object, parse: Callable[[object], T]) -> T:
    """Return the parsed value of an option.

    Raises:
        UsageError: the value is invalid.
    """
    from runner.load.values import Wrong

    try:
        return parse(value)
    except Wrong as wrong:
        raise UsageError(f"{option}: {wrong}", hint=wrong.hint) from None


def confirm(question: str, *, default: bool) -> bool:
    """Ask yes or no."""
    return bool(click.confirm(question, default=default, err=True))
