"""The index of an archive: one JSON object per line, so that a file name cannot forge a line.

Indexes of older snapshots have lines ``SHA256 SIZE NAME``; both formats are read.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.backup.unzip import ceiling
from runner.errors import BackupError

__all__ = ["Entry", "entry_line", "read_entry", "read_index"]

_LINE = 256 << 10
"""Limit of bytes in a line: enough for a name of 16 KiB with every byte escaped."""
_OLD = re.compile(rb"([0-9a-f]{64}) ([0-9]{1,20}) (.*)", re.DOTALL)
_SUM = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the archive. Bytes of its name that are not UTF-8 are surrogates."""

    sha256: str
    size: int
    name: str


def entry_line(entry: Entry) -> bytes:
    """Return a line of the index: ASCII, ending with a line feed."""
    return json.dumps({"sha256": entry.sha256, "size": entry.size, "name": entry.name}).encode() + b"\n"


def read_entry(line: bytes) -> Entry:
    """Parse a line of an index, in either format.

    Raises:
        BackupError: the line is not valid.
    """
    if old := _OLD.fullmatch(line):
        return Entry(old[1].decode(), int(old[2]), old[3].decode(errors="surrogateescape"))
    try:
        fields = json.loads(line)
        entry = Entry(fields["sha256"], fields["size"], fields["name"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BackupError("cannot read a line of the index", hint="take a new backup of this site") from error
    if not (
        isinstance(entry.sha256, str)
        and _SUM.fullmatch(entry.sha256)
        and type(entry.size) is int
        and entry.size >= 0
        and isinstance(entry.name, str)
    ):
        raise BackupError("cannot read a line of the index", hint="take a new backup of this site")
    return entry


def read_index(path: Path) -> Iterator[Entry]:
    """Return the entries of a stored index.

    Raises:
        BackupError: the index is damaged, or a line is too long.
    """
    try:
        with path.open("rb") as stored, gzip.open(stored, "rb") as lines:
            limit = ceiling(path.stat().st_size)
            while line := lines.readline(_LINE):
                limit -= len(line)
                if limit < 0 or not line.endswith(b"\n"):
                    raise BackupError(f"the index {path} is damaged", hint="take a new backup of this site")
                yield read_entry(line[:-1])
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"the index {path} is damaged", hint="take a new backup of this site") from error
