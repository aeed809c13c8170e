"""Errors that killed PHP and that only its log tells: in pages that nobody looks at, in requests of visitors.

A log is marked by inode and size, and only what is new is read. What was logged between the first reading of
the site and the change is its noise. A log that cannot be read says nothing: that is not "no errors".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from runner.model import LogMark, SiteFacts
from runner.shell import word, words
from runner.steps.base import Script
from runner.steps.wordpress.fatal import find_fatal, short_file
from runner.steps.wordpress.shell import shell_source
from runner.untrusted import sentence

__all__ = ["Fatal", "Reading", "parse_log", "read_log"]

_NEW = 16 << 20
_AT = re.compile(r"at (\d{1,4}) (\d{1,19}) (\d{1,19})")
_DIGITS = re.compile(r"\d+")
_ROOTS = 8
_FATALS = 400


@dataclass(frozen=True, slots=True)
class Fatal:
    """An error that killed PHP: the same whatever its line, and whatever numbers it names."""

    what: str
    file: str
    first: str = field(default="", compare=False)
    """What PHP said when it came first, with its numbers."""
    line: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """In one line, with the file below wp-content."""
        return sentence(f"{self.what} in {short_file(self.file)}")

    @property
    def message(self) -> str:
        """What PHP said, with file and line, in one line."""
        return sentence(f"{self.first or self.what} in {short_file(self.file)}:{self.line}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The logs that could be read, where each ends now, and the errors of this site in them, oldest first."""

    marks: tuple[LogMark, ...] = ()
    fatals: tuple[Fatal, ...] = ()


def read_log(facts: SiteFacts, mark: str, logs: Iterable[LogMark]) -> Script:
    """What to run on the host: what is new in logs since they were marked."""
    lines = [
        words("log", str(number), log.path, str(log.inode), str(log.size)) for number, log in enumerate(logs)
    ]
    site, content = word(facts.root or "."), word(facts.content or facts.root or ".")
    head = f"mark={word(mark)} site={site} content={content} new={_NEW}"
    return Script(text="\n".join((head, shell_source("error_log"), *lines, "exit 0", "")))


def parse_log(output: str, mark: str, logs: Sequence[LogMark], facts: SiteFacts) -> Reading:
    """What `read_log` found: errors in files of this site only."""
    marks: dict[int, LogMark] = {}
    roots = [facts.root, facts.content, facts.plugins_folder]
    said: list[str] = []
    for line in output.split("\n"):
        if match := _AT.fullmatch(line[:200].removeprefix(f"{mark} ")):
            number, inode, size = map(int, match.groups())
            if number < len(logs):
                marks[number] = LogMark(logs[number].path, inode, size)
        elif line.startswith(f"{mark} root /") and len(roots) < _ROOTS:
            roots.append(line.removeprefix(f"{mark} root "))
        elif line.startswith(f"{mark} said ") and len(said) < _FATALS:
            said.append(line[:1000])
    starts = tuple(f"{root.rstrip('/')}/" for root in roots if root)
    found: dict[Fatal, None] = {}
    for line in said:
        fatal = find_fatal(line)
        if fatal and fatal.file.startswith(starts):
            one = Fatal(_DIGITS.sub("0", fatal.what), fatal.file, fatal.what, fatal.line)
            found.setdefault(one)
    return Reading(tuple(marks.values()), tuple(found))
