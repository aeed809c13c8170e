"""Fatal errors from PHP's log: on pages that the health check does not request, and in visitors' requests.

The position in a log is recorded as inode and size, and only newer lines are read. Errors that were logged
between reading the site and the change are not caused by it. A log that cannot be read is missing from the
result, which does not mean that there were no errors.
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
    """A fatal error. Two that differ only in the line or in numbers are equal."""

    what: str
    file: str
    first: str = field(default="", compare=False)
    """The message of its first occurrence, with its numbers."""
    line: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The error in one line, with the file relative to the site."""
        return sentence(f"{self.what} in {short_file(self.file)}")

    @property
    def message(self) -> str:
        """PHP's message with file and line, in one line."""
        return sentence(f"{self.first or self.what} in {short_file(self.file)}:{self.line}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The logs that could be read, with their current ends, and this site's fatal errors, oldest first."""

    marks: tuple[LogMark, ...] = ()
    fatals: tuple[Fatal, ...] = ()


def read_log(facts: SiteFacts, mark: str, logs: Iterable[LogMark]) -> Script:
    """Build the script that reads what is new in logs since the given marks."""
    lines = [
        words("log", str(number), log.path, str(log.inode), str(log.size)) for number, log in enumerate(logs)
    ]
    site, content = word(facts.root or "."), word(facts.content or facts.root or ".")
    head = f"mark={word(mark)} site={site} content={content} new={_NEW}"
    return Script(text="\n".join((head, shell_source("error_log"), *lines, "exit 0", "")))


def parse_log(output: str, mark: str, logs: Sequence[LogMark], facts: SiteFacts) -> Reading:
    """Parse the output of `read_log`; errors in files of other sites are dropped."""
    marks: dict[int, LogMark] = {}
    roots = [facts.root, facts.content, facts.plugins_folder]
    errors: list[str] = []
    for line in output.split("\n"):
        if match := _AT.fullmatch(line[:200].removeprefix(f"{mark} ")):
            number, inode, size = map(int, match.groups())
            if number < len(logs):
                marks[number] = LogMark(logs[number].path, inode, size)
        elif line.startswith(f"{mark} root /") and len(roots) < _ROOTS:
            roots.append(line.removeprefix(f"{mark} root "))
        elif line.startswith(f"{mark} said ") and len(errors) < _FATALS:
            errors.append(line[:1000])
    starts = tuple(f"{root.rstrip('/')}/" for root in roots if root)
    found: dict[Fatal, None] = {}
    for line in errors:
        fatal = find_fatal(line)
        if fatal and fatal.file.startswith(starts):
            one = Fatal(_DIGITS.sub("0", fatal.what), fatal.file, fatal.what, fatal.line)
            found.setdefault(one)
    return Reading(tuple(marks.values()), tuple(found))
