"""Find PHP's fatal error in the output of a site, in linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.untrusted import sentence

__all__ = ["Fatal", "fatal_error", "find_fatal", "short_file"]

_BEGINS = re.compile(r"(?:Fatal|Parse|Recoverable fatal|Compile) error:")
_PLACE = re.compile(r"(/\S[^\n]{0,500}?)(?::| on line )(\d{1,9})")
_IN = re.compile(r"\sin\s(?=/)")
_WINDOW = 4_000
"""Characters of one error that are read; a message with a stack trace is rarely longer."""
_ERRORS, _PLACES = 40, 20
"""The most occurrences of `Fatal error:`, and of `` in /`` after each, that are tried."""
_SITE = re.compile(r"^.*/(?=wp-(?:content|includes|admin)/)")


@dataclass(frozen=True, slots=True)
class Fatal:
    """PHP's message, and the file and line that it names."""

    what: str
    file: str
    line: int


def fatal_error(output: str) -> str:
    """The fatal error in one line, with the file relative to the site; empty if there is none."""
    fatal = find_fatal(output)
    if fatal is None:
        return ""
    what, _, place = fatal.what.split("\nStack trace", 1)[0].strip().rpartition(" in /")
    if not what or " " in place or not place.rpartition(":")[2].isdigit():
        what = fatal.what.split("\nStack trace", 1)[0].strip()
    return sentence(f"{what.rstrip()} in {short_file(fatal.file)}:{fatal.line}")


def find_fatal(text: str) -> Fatal | None:
    """The first fatal error that names its file."""
    for number, found in enumerate(_BEGINS.finditer(text)):
        if number == _ERRORS:
            break
        if fatal := _read(text[found.end() : found.end() + _WINDOW]):
            return fatal
    return None


def short_file(path: str) -> str:
    """The path relative to the site, if it is in one of WordPress's folders."""
    return _SITE.sub("", path[:1000])


def _read(window: str) -> Fatal | None:
    for number, found in enumerate(_IN.finditer(window)):
        if number == _PLACES:
            break
        what = window[: found.start()].strip()
        if what and (place := _PLACE.match(window, found.end())):
            return Fatal(what, place[1], int(place[2]))
    return None
