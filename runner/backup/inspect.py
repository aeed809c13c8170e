"""Read a stored stream back to its last byte, to verify that it is complete."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.backup import tar
from runner.backup.index import Entry, entry_line
from runner.backup.outside import followed, leading_out
from runner.backup.unzip import Unzipped, ceiling
from runner.errors import BackupError

__all__ = ["Dump", "Tree", "inspect_dump", "inspect_tree", "read_dump"]

_TRAILER = b"-- Dump completed"
_CREATE = b"\nCREATE TABLE "


@dataclass(frozen=True, slots=True)
class Dump:
    """A database dump: bytes of SQL, and number of tables."""

    content: int
    tables: int


@dataclass(frozen=True, slots=True)
class Tree:
    """An archive of files: number of files, their bytes, and the bytes of its index."""

    files: int
    content: int
    index: int
    outside: tuple[str, ...] = ()
    """Links that lead out of the site's folder, to files that are not in the archive."""


def inspect_dump(path: Path) -> Dump:
    """Read a compressed dump to its end.

    Raises:
        BackupError: it is truncated or damaged, or its last line is missing.
    """
    with path.open("rb") as stored:
        return read_dump(stored, path.stat().st_size)


def read_dump(stored: IO[bytes], size: int) -> Dump:
    """Like `inspect_dump`, for an open stream of `size` bytes."""
    tables = 0
    tail = b"\n"
    try:
        stream = Unzipped(stored, ceiling(size))
        while chunk := stream.read():
            # keep only the bytes that can be the start of a match, however long the line is
            tables += (tail[1 - len(_CREATE) :] + chunk).count(_CREATE)
            tail = (tail + chunk[-400:])[-400:]
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged("database dump", error) from error
    if _TRAILER not in tail:
        raise BackupError(
            "the database dump is incomplete",
            hint="check the free space on the host and run the backup again",
        )
    return Dump(stream.content, tables)


def inspect_tree(path: Path, index: Path, root: str = "/") -> Tree:
    """Read a compressed archive of the folder `root` to its end and write an index of its files.

    Raises:
        BackupError: it is truncated, damaged or empty.
    """
    files = content = written = 0
    noted = tar.Noted()
    followed_links: set[bytes] = set()
    limit = ceiling(path.stat().st_size)
    try:
        with path.open("rb") as stored, gzip.open(index, "wb", compresslevel=1) as lines:
            index.chmod(0o600)
            stream = Unzipped(stored, limit)
            for member in tar.members(stream, tar.Limits(content=limit), noted):
                digest = hashlib.sha256()
                for chunk in member.chunks:
                    digest.update(chunk)
                if link := followed(member.name):
                    followed_links.add(link)
                name = member.name.replace(b"/./", b"/").decode(errors="surrogateescape")
                written += lines.write(entry_line(Entry(digest.hexdigest(), member.size, name)))
                files, content = files + 1, content + member.size
            while stream.read():  # up to the checksum of gzip, which comes after the end of the tar
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged("archive of files", error) from error
    if not files:
        raise BackupError("the archive of files is empty", hint="check the site's path in the inventory")
    return Tree(files, content, written, leading_out(noted, root, followed_links))


def _damaged(what: str, error: Exception) -> BackupError:
    return BackupError(f"the {what} cannot be read back: {error}", hint="run the backup again")
