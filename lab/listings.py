"""How a hostile host lists a folder, for an account without a shell."""

from __future__ import annotations

import secrets
import stat
from collections.abc import Callable
from typing import Any, SupportsIndex

from paramiko import SFTPAttributes

__all__ = ["SFTP_MODES", "entry"]

_FOLDER = stat.S_IFDIR | 0o755


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> SFTPAttributes:
    """One line of a listing."""
    found = SFTPAttributes()
    found.filename, found.st_mode, found.st_size = name, mode, 1
    return found


class _Endless(list[SFTPAttributes]):
    """A listing whose every part is followed by another."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, SupportsIndex):
            return entry("one")
        return self if index.start else [entry(f"{secrets.token_hex(90)}") for _ in range(16)]


_NAMES = ("../evil", "a/b", "/etc/passwd", "x\ny", "..", ".", "", "\x1b[2J", "x" * 5000)

SFTP_MODES: dict[str, Callable[[str], list[SFTPAttributes]]] = {
    "sftp-endless": lambda _: _Endless([entry("one")]),
    "sftp-names": lambda _: [entry(name) for name in _NAMES],
    **{
        f"sftp-name-{number}": (lambda _, name=name: [entry(name)])  # type: ignore[misc]
        for number, name in enumerate(_NAMES[:7])
    },
    "sftp-folder-up": lambda _: [entry("..", _FOLDER)],
    "sftp-deep": lambda _: [entry("deeper", _FOLDER)],
    "sftp-wide": lambda _: [entry(f"d{n}", _FOLDER) for n in range(50)],
}
"""Ways to list a folder; "sftp-silent" never answers."""
