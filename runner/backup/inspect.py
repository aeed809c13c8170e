"""Reading a stored stream back, to its last byte: only then is it known to be whole."""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from runner.errors import BackupError

__all__ = ["Dump", "Tree", "inspect_dump", "inspect_tree"]

_TRAILER = b"-- Dump completed"
_CREATE = re.compile(rb"^CREATE TABLE ", re.MULTILINE)
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Dump:
    """A database dump: bytes of SQL and tables created in it."""

    content: int
    tables: int


@dataclass(frozen=True, slots=True)
class Tree:
    """An archive of files: their number and bytes, and the bytes of its index."""

    files: int
    content: int
    index: int


def inspect_dump(path: Path) -> Dump:
    """Read a compressed dump to its end.

    Raises:
        BackupError: it is cut, damaged, or does not end as a complete dump does.
    """
    content = tables = 0
    rest = tail = b""
    try:
        with gzip.open(path, "rb") as stream:
            while chunk := stream.read(_CHUNK):
                content += len(chunk)
                lines, _, rest = (rest + chunk).rpartition(b"\n")
                tables += len(_CREATE.findall(lines))
                tail = (tail + chunk)[-400:]
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged("database dump", error) from error
    if _TRAILER not in tail:
        raise BackupError(
            "the database dump stops in the middle",
            hint="is there room on the host? Run the backup again",
        )
    return Dump(content, tables)


def inspect_tree(path: Path, index: Path) -> Tree:
    """Read a compressed archive to its end and write an index of its files.

    Raises:
        BackupError: it is cut, damaged or empty.
    """
    files = content = written = 0
    try:
        with (
            gzip.open(path, "rb") as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
            gzip.open(index, "wb", compresslevel=1) as lines,
        ):
            index.chmod(0o600)
            for member in archive:
                if not member.isfile():
                    continue
                stream = archive.extractfile(member)
                if stream is None:
                    continue
                digest = hashlib.sha256()
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                line = f"{digest.hexdigest()} {member.size} {member.name}\n".encode(errors="surrogateescape")
                lines.write(line)
                files, content, written = files + 1, content + member.size, written + len(line)
            while packed.read(_CHUNK):  # to the checksum, which lies behind the archive's own end
                pass
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise _damaged("archive of files", error) from error
    if not files:
        raise BackupError("the archive of files is empty", hint="is the site's path in inventory.yaml right?")
    return Tree(files, content, written)


def _damaged(what: str, error: Exception) -> BackupError:
    return BackupError(f"the {what} cannot be read back: {error}", hint="run the backup again")
