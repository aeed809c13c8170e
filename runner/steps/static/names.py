"""File names from a host: untrusted until `checked_name` accepts them as paths below a folder."""

from __future__ import annotations

import os

from runner.errors import UsageError
from runner.untrusted import sentence

__all__ = [
    "DEEPEST",
    "MOST",
    "NameRefusedError",
    "checked_name",
    "name_problem",
    "parse_names",
    "text_problem",
    "unquoted",
]

MOST = 200_000
"""Limit of files in one folder; if a host lists more, the listing is refused."""

_COMPONENT = 255
_PATH = 4096
DEEPEST = 100
"""Limit of components in a name."""


class NameRefusedError(UsageError):
    """A file name from a host is not a path below the folder, or there are too many names."""


def name_problem(name: str) -> str:
    """Return why a name is not a valid path below a folder; empty if it is."""
    if name.startswith("/"):
        return "is an absolute path"
    if problem := text_problem(name):
        return problem
    parts = name.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return "has a component that is empty, `.` or `..`"
    if len(parts) > DEEPEST:
        return f"has more than {DEEPEST} components"
    if any(len(part.encode()) > _COMPONENT for part in parts):
        return f"has a component of more than {_COMPONENT} bytes"
    return ""


def text_problem(path: str) -> str:
    """Return why a path, relative or absolute, cannot be used; empty if it can."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 for one in path):  # noqa: PLR2004  # C0, DEL and C1
        return "has a line feed or another control character"
    return f"is longer than {_PATH} bytes" if size > _PATH else ""


def checked_name(name: str) -> str:
    """Return the name if it is a valid path below a folder.

    Raises:
        NameRefusedError: it is not; the message shows the name and the reason.
    """
    if problem := name_problem(name):
        raise NameRefusedError(
            f"a file name on the host was refused: {_shown(name)} {problem}; nothing was changed",
            hint="remove or rename the file on the host, or add it to exclude",
        )
    return name


def parse_names(text: bytes) -> tuple[str, ...]:
    """Parse names that `find` printed, each followed by NUL; a leading `./` is removed. Does not check them.

    Raises:
        NameRefusedError: there are more than `MOST`.
    """
    if text.count(b"\0") > MOST:
        raise NameRefusedError(
            f"the host lists more than {MOST} files in one folder; nothing was changed",
            hint="use a smaller folder, or remove files from the one on the host",
        )
    names = text.split(b"\0")[:-1]  # after the last NUL comes only the end of the section
    return tuple(os.fsdecode(name).removeprefix("./") for name in names)


def unquoted(name: str) -> str:
    """Undo the escaping that sha256sum applies to a name."""
    out, escaped = [], False
    for one in name:
        if escaped:
            out.append({"n": "\n", "r": "\r"}.get(one, one))
        elif one != "\\":
            out.append(one)
        escaped = one == "\\" and not escaped
    return "".join(out)


def _shown(name: str) -> str:
    """Return a name for a message: control characters as escapes, terminal sequences removed."""
    return sentence("".join(one if one.isprintable() else ascii(one)[1:-1] for one in name), 120) or "''"
