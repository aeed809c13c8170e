"""File names that a host prints: data until one function has accepted them as paths below a folder."""

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
"""Files in one folder that are worked with; a host that lists more is refused."""

_COMPONENT = 255
_PATH = 4096
DEEPEST = 100
"""Components of a name."""


class NameRefusedError(UsageError):
    """A host lists a file whose name cannot be a path below the folder."""


def name_problem(name: str) -> str:
    """Why a name is not accepted as a path below a folder; empty when it is."""
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
    """Why any path, also one that leads elsewhere, cannot be used as it is written; empty when it can."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "is not UTF-8"
    if any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 for one in path):  # noqa: PLR2004  # C0, DEL and C1
        return "has a line feed or another control character"
    return f"is longer than {_PATH} bytes" if size > _PATH else ""


def checked_name(name: str) -> str:
    """The name itself.

    Raises:
        NameRefusedError: it is no path below a folder; the message shows it and says why.
    """
    if problem := name_problem(name):
        raise NameRefusedError(
            f"a file name on the host was refused: {_shown(name)} {problem}; nothing was changed",
            hint="remove or rename the file on the host, or add it to exclude",
        )
    return name


def parse_names(text: bytes) -> tuple[str, ...]:
    """The names that `find` printed, each with a NUL behind it and without its `./`; not yet checked.

    Raises:
        NameRefusedError: there are more than `MOST`.
    """
    if text.count(b"\0") > MOST:
        raise NameRefusedError(
            f"the host lists more than {MOST} files in one folder; nothing was changed",
            hint="name a smaller folder, or clean up the one on the host",
        )
    names = text.split(b"\0")[:-1]  # behind the last NUL is only the end of the section
    return tuple(os.fsdecode(name).removeprefix("./") for name in names)


def unquoted(name: str) -> str:
    """A name as sha256sum escapes it, read back."""
    out, escaped = [], False
    for one in name:
        if escaped:
            out.append({"n": "\n", "r": "\r"}.get(one, one))
        elif one != "\\":
            out.append(one)
        escaped = one == "\\" and not escaped
    return "".join(out)


def _shown(name: str) -> str:
    """Control characters visible as escapes, everything else that a terminal obeys left out."""
    return sentence("".join(one if one.isprintable() else ascii(one)[1:-1] for one in name), 120) or "''"
