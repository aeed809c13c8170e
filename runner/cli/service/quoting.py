"""Quote words for unit files of systemd."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from runner.errors import UsageError

__all__ = ["command_line", "quoted"]

_REFUSED = frozenset("'\"\\")


def quoted(text: str) -> str:
    """Return a path or an argument as one quoted word, with specifiers (`%h`) escaped.

    Raises:
        UsageError: unit files cannot contain one of its characters.
    """
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise UsageError(
            f"{text!r} cannot be used in a unit file: it has control characters or is not UTF-8",
            hint="rename the folder, or give the service a link to it",
        )
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def command_line(program: str, arguments: Sequence[str]) -> str:
    """Return the value of ExecStart=; `$` starts a variable in the arguments, but not in the program's path.

    Raises:
        UsageError: as `quoted`, or systemd refuses the path of the program.
    """
    if not _REFUSED.isdisjoint(program):
        raise UsageError(
            f"systemd cannot start {program}: its path has quotes or backslashes",
            hint="install Sitecrew in another folder",
        )
    return " ".join([_plain(program), *(_plain(argument).replace("$", "$$") for argument in arguments)])


def _plain(text: str) -> str:
    """Return a word, quoted only if that is needed."""
    safe = (
        text.isascii() and text and all(character.isalnum() or character in "/._-+@=:," for character in text)
    )
    return text if safe else quoted(text)
