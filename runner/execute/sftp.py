"""File transfer for accounts without a shell: every wait has a limit, and what was written is read back."""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from runner.errors import UnreachableError
from runner.execute.answers import breach
from runner.execute.link import CutError
from runner.untrusted import sentence

if TYPE_CHECKING:
    from paramiko import SFTPAttributes

    from runner.execute.careful import FileTransfer
    from runner.execute.endpoint import Endpoint
    from runner.execute.pool import Pool

__all__ = ["Transfer", "transfer"]

_WAIT = 30.0
_CHUNK = 256 << 10
_SESSION = 4 * 3600.0
"""Seconds of one session in all."""
_DEPTH = 40
_ENTRIES = 500_000
"""Names of all listings of one session."""
_FILE = 64 << 30
"""Bytes of a file that is summed where its size is not known here."""
_REQUESTS = 64
"""Reads in flight: 2 MiB, so that a file is never held whole."""
_NAME = 255
"""Bytes of one name."""


@contextmanager
def transfer(pool: Pool, endpoint: Endpoint) -> Iterator[Transfer]:
    """A session of file transfer.

    Raises:
        UnreachableError: (and kin) no connection, no file transfer, or the link broke.
        ProtocolError: the server names what cannot be a name, or lists without end.
    """
    from paramiko import SFTPError, SSHException

    try:
        link = pool.link(endpoint)
        client = link.sftp(_WAIT)
    except CutError as error:
        raise UnreachableError(f"{endpoint.called}: no file transfer: {error}") from error
    try:
        with link.watched(_SESSION):
            yield Transfer(client, endpoint.called)
    except (SFTPError, UnicodeDecodeError) as error:
        raise breach(
            endpoint.called, f"breaks the protocol of file transfer: {sentence(str(error), 80)}"
        ) from error
    except (EOFError, SSHException, TimeoutError, ConnectionError) as error:
        raise UnreachableError(
            f"{endpoint.called}: the link broke while files were sent: {error or type(error).__name__}",
            hint="take the run up again: sitecrew resume last",
        ) from error
    finally:
        with suppress(Exception):
            client.close()


class Transfer:
    """Paths are the host's. What the host refuses is an OSError with its words."""

    def __init__(self, client: FileTransfer, called: str) -> None:
        self._client, self._called = client, called
        self._left = _ENTRIES

    def kind(self, path: str) -> str:
        """`link`, `folder`, `file`, `other` or `nothing`; links are not followed."""
        try:
            mode = self._client.lstat(path).st_mode or 0
        except FileNotFoundError:
            return "nothing"
        for test, word in ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "folder"), (stat.S_ISREG, "file")):
            if test(mode):
                return word
        return "other"

    def target(self, link: str) -> str:
        """Where a link leads, as it is written."""
        return self._client.readlink(link) or ""

    def about(self, path: str) -> tuple[int, int, int] | None:
        """Size, time of change in seconds, permissions of a file; None where there is no file."""
        try:
            found = self._client.lstat(path)
        except FileNotFoundError:
            return None
        mode = found.st_mode or 0
        return (found.st_size or 0, int(found.st_mtime or 0), mode & 0o777) if stat.S_ISREG(mode) else None

    def walk(self, folder: str, below: str = "", depth: int = 0) -> Iterator[str]:
        """Names of the files in a folder and its folders; links are passed over.

        Raises:
            ProtocolError: a name that cannot be one, or more folders and names than any site has.
        """
        for entry in self._listed(posixpath.join(folder, below), depth):
            name = posixpath.join(below, entry.filename)
            mode = entry.st_mode or 0
            if stat.S_ISDIR(mode):
                yield from self.walk(folder, name, depth + 1)
            elif stat.S_ISREG(mode):
                yield name

    def names(self, folder: str) -> tuple[str, ...]:
        """What is in a folder; empty where there is none.

        Raises:
            ProtocolError: as `walk`.
        """
        try:
            return tuple(sorted(entry.filename for entry in self._listed(folder)))
        except FileNotFoundError:
            return ()

    def _listed(self, folder: str, depth: int = 0) -> list[SFTPAttributes]:
        """The one place where names come from the server."""
        if depth > _DEPTH:
            raise breach(self._called, f"lists more than {_DEPTH} folders in one another")
        found = []
        for entry in self._client.entries(folder):
            self._left -= 1
            if self._left < 0:
                raise breach(self._called, f"lists more than {_ENTRIES} names")
            if not _is_name(entry.filename):
                raise breach(
                    self._called, f"lists {sentence(entry.filename, 60)!r}, which cannot be a file's name"
                )
            found.append(entry)
        return found

    def make(self, folder: str) -> None:
        """The folder and those above it."""
        if folder in {"", "/"} or self.kind(folder) in {"folder", "link"}:
            return
        self.make(posixpath.dirname(folder))
        self._client.mkdir(folder, 0o755)

    def put(self, source: IO[bytes], path: str, *, mode: int, mtime: int) -> str:
        """Write a file and read it back; the sum of what was read."""
        with self._client.open(path, "wb") as file:
            file.set_pipelined(True)
            size = 0
            while data := source.read(_CHUNK):
                file.write(data)
                size += len(data)
        self._client.chmod(path, mode)
        self._client.utime(path, (mtime, mtime))
        return self.sum(path, size)

    def sum(self, path: str, most: int = _FILE) -> str:
        """The SHA-256 of a file, read over the link.

        Raises:
            ProtocolError: the file is larger than `most` bytes.
        """
        digest = hashlib.sha256()
        with self._client.open(path, "rb") as file:
            size = file.stat().st_size or 0
            if size > most:
                raise breach(self._called, f"has a file that is larger than {most} bytes")
            file.prefetch(size, _REQUESTS)
            while size > 0 and (data := file.read(min(_CHUNK, size))):
                digest.update(data)
                size -= len(data)
        return digest.hexdigest()

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The beginning of a file; empty where there is none."""
        try:
            with self._client.open(path, "rb") as file:
                return bytes(file.read(limit))
        except FileNotFoundError:
            return b""

    def rename(self, old: str, new: str) -> None:
        """What is at `new` must not be there, unless the server can replace it in one step."""
        self._client.rename(old, new)

    def replace(self, old: str, new: str) -> None:
        """By one rename, also where `new` is there: an extension that OpenSSH has."""
        self._client.posix_rename(old, new)

    def link(self, target: str, path: str) -> None:
        """A symbolic link."""
        self._client.symlink(target, path)

    def remove(self, path: str) -> None:
        """A file or a link."""
        with suppress(FileNotFoundError):
            self._client.remove(path)

    def clear(self, folder: str, depth: int = 0) -> None:
        """A folder with everything in it; links in it are removed, not followed.

        Raises:
            ProtocolError: as `walk`; what was cleared until then is gone.
        """
        for entry in self._listed(folder, depth):
            path = posixpath.join(folder, entry.filename)
            if stat.S_ISDIR(entry.st_mode or 0):
                self.clear(path, depth + 1)
            else:
                self._client.remove(path)
        self._client.rmdir(folder)

    def drop(self, folder: str) -> bool:
        """An empty folder; False where it is not empty."""
        try:
            self._client.rmdir(folder)
        except OSError:
            return False
        return True


def _is_name(name: str) -> bool:
    size = len(name.encode(errors="surrogateescape"))
    return name not in {"", ".", ".."} and size <= _NAME and not any(mark in name for mark in "/\0\n\r")
