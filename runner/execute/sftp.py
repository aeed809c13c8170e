"""SFTP for accounts without a shell. Every wait has a limit, and written files are read back."""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from runner.errors import UnreachableError
from runner.execute.answers import breach
from runner.execute.limits import Timeouts
from runner.execute.link import CutError
from runner.steps.static.names import NameRefusedError, checked_name, name_problem
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.execute.careful import FileTransfer
    from runner.execute.endpoint import Endpoint
    from runner.execute.pool import Pool

__all__ = ["Owned", "Transfer", "transfer"]

_WAIT = 30.0
_CHUNK = 256 << 10
_DEFAULTS = Timeouts()
_FOLDER = 0o755
_DEPTH = 40
_ENTRIES = 500_000
"""Names in all listings of one session."""
_FILE = 64 << 30
"""Bytes in a file whose checksum is computed, if its size is not known here."""
_REQUESTS = 64
"""Reads in flight: 2 MiB, so that no whole file is in memory."""
_NAME = 255
"""Bytes in one name."""


@contextmanager
def transfer(pool: Pool, endpoint: Endpoint, *, limits: Timeouts = _DEFAULTS) -> Iterator[Transfer]:
    """Open an SFTP session. It may take as long as a job whose commands are not known.

    Raises:
        UnreachableError: (and subclasses) no connection, no SFTP, or the connection broke.
        ProtocolError: the server lists an invalid name, or too many names.
    """
    from paramiko import SFTPError, SSHException

    try:
        link = pool.link(endpoint)
        client = link.sftp(_WAIT)
    except CutError as error:
        raise UnreachableError(f"{endpoint.called}: SFTP failed: {error}") from error
    try:
        with link.watched(limits.job):
            yield Transfer(client, endpoint.called)
    except (SFTPError, UnicodeDecodeError) as error:
        raise breach(endpoint.called, f"sent an invalid SFTP answer: {sentence(str(error), 80)}") from error
    except (EOFError, SSHException, TimeoutError, ConnectionError) as error:
        reason = sentence(str(error)) or type(error).__name__
        raise UnreachableError(
            f"{endpoint.called}: the connection broke during a file transfer: {reason}",
            hint="Resume the run: sitecrew resume",
        ) from error
    finally:
        with suppress(Exception):
            client.close()


@dataclass(frozen=True, slots=True)
class Owned:
    """Owner and group of a file or folder, as numbers, and its mode."""

    owner: int
    group: int
    mode: int


class Transfer:
    """Files on the host. If the host refuses something, OSError is raised with its message."""

    def __init__(self, client: FileTransfer, called: str) -> None:
        self._client, self._called = client, called
        self._left = _ENTRIES

    def kind(self, path: str) -> str:
        """Return `link`, `folder`, `file`, `other` or `nothing`. Links are not followed."""
        try:
            mode = self._client.lstat(path).st_mode or 0
        except FileNotFoundError:
            return "nothing"
        for test, word in ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "folder"), (stat.S_ISREG, "file")):
            if test(mode):
                return word
        return "other"

    def target(self, link: str) -> str:
        """The target of a symbolic link, as stored."""
        return self._client.readlink(link) or ""

    def about(self, path: str) -> tuple[int, int, int] | None:
        """Size, modification time in seconds and permissions of a file; None if it is not a file."""
        try:
            found = self._client.lstat(path)
        except FileNotFoundError:
            return None
        mode = found.st_mode or 0
        return (found.st_size or 0, int(found.st_mtime or 0), mode & 0o777) if stat.S_ISREG(mode) else None

    def walk(self, folder: str, skip: Callable[[str], bool] = lambda _: False) -> Iterator[str]:
        """List the files in and below a folder, except those to `skip`. Links are ignored.

        Raises:
            NameRefusedError: a name is not a valid path below the folder.
            ProtocolError: the server lists an invalid file name, or more names than any site has.
        """
        left = [""]
        while left:
            below = left.pop()
            for name, mode in self._listed(folder, below):
                path = f"{below}/{name}" if below else name
                if (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) and not skip(path):
                    checked_name(path)
                    if stat.S_ISDIR(mode):
                        left.append(path)
                    else:
                        yield path

    def names(self, folder: str) -> tuple[str, ...]:
        """List a folder, without names that cannot be part of a path; empty if it does not exist.

        Raises:
            ProtocolError: as in `walk`.
        """
        try:
            found = tuple(name for name, _ in self._listed(folder))
        except FileNotFoundError:
            return ()
        return tuple(sorted(name for name in found if "/" not in name and not name_problem(name)))

    def _listed(self, folder: str, below: str = "") -> list[tuple[str, int]]:
        """Names and modes in a folder. All names from the server are checked here."""
        if below.count("/") > _DEPTH:
            raise breach(self._called, f"listed folders more than {_DEPTH} levels deep")
        found = []
        try:
            for entry in self._client.entries(posixpath.join(folder, below)):
                self._left -= 1
                if self._left < 0:
                    raise breach(self._called, f"listed more than {_ENTRIES} names")
                if not _is_name(entry.filename):
                    shown = sentence(entry.filename, 60)
                    raise breach(self._called, f"listed {shown!r}, which is not a valid file name")
                found.append((entry.filename, entry.st_mode or 0))
        except UnicodeDecodeError as error:
            raise NameRefusedError(f"{folder} on the host contains a name that is not UTF-8") from error
        return found

    def owned(self, path: str) -> Owned | None:
        """Owner, group and mode of a path, links followed; None if it does not exist."""
        try:
            found = self._client.stat(path)
        except FileNotFoundError:
            return None
        return Owned(found.st_uid or 0, found.st_gid or 0, stat.S_IMODE(found.st_mode or 0))

    def make(self, folder: str, like: Owned | None = None) -> None:
        """Create a folder and its parents, with group and mode of `like`, or of each one's parent."""
        if folder in {"", "/"} or self.kind(folder) in {"folder", "link"}:
            return
        above = posixpath.dirname(folder)
        self.make(above, like)
        want = like or self.owned(above) or Owned(0, 0, _FOLDER)
        mode = want.mode & ~stat.S_IWOTH
        self._client.mkdir(folder, mode & 0o777)
        have = self.owned(folder) or want
        if have.group != want.group:
            with suppress(OSError):
                self._client.chown(folder, have.owner, want.group)
        if have.mode != mode:
            with suppress(OSError):
                self._client.chmod(folder, mode)
        now = self.owned(folder)
        if now and have.mode & ~now.mode & mode & stat.S_ISGID:
            # if the login is not in the group, each chmod clears setgid
            self._client.rmdir(folder)
            self._client.mkdir(folder, mode & 0o777)

    def put(self, source: IO[bytes], path: str, *, mode: int, mtime: int, group: int | None = None) -> str:
        """Write a new file, read it back and return the SHA-256 of what was read. No link is followed.

        It gets `group` if the server allows it.
        """
        self.remove(path)
        with self._client.open(path, "wbx") as file:
            file.set_pipelined(True)
            size = 0
            while data := source.read(_CHUNK):
                file.write(data)
                size += len(data)
            have = file.stat()
            if group is not None and have.st_gid != group:
                with suppress(OSError):
                    file.chown(have.st_uid or 0, group)
            file.chmod(mode)
            file.utime((mtime, mtime))
        return self.sum(path, size)

    def sum(self, path: str, most: int = _FILE) -> str:
        """Read a file and return its SHA-256.

        Raises:
            ProtocolError: the file is larger than `most` bytes.
        """
        digest = hashlib.sha256()
        with self._client.open(path, "rb") as file:
            size = file.stat().st_size or 0
            if size > most:
                raise breach(self._called, f"sent a file that is larger than {most} bytes")
            file.prefetch(size, _REQUESTS)
            while size > 0 and (data := file.read(min(_CHUNK, size))):
                digest.update(data)
                size -= len(data)
        return digest.hexdigest()

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """Read the first bytes of a file; empty if it does not exist."""
        try:
            with self._client.open(path, "rb") as file:
                return bytes(file.read(limit))
        except FileNotFoundError:
            return b""

    def rename(self, old: str, new: str) -> None:
        """Rename. `new` must not exist, unless the server replaces files on rename."""
        self._client.rename(old, new)

    def replace(self, old: str, new: str) -> None:
        """Rename atomically, even if `new` exists: an extension of OpenSSH."""
        self._client.posix_rename(old, new)

    def link(self, target: str, path: str) -> None:
        """Create a symbolic link."""
        self._client.symlink(target, path)

    def remove(self, path: str) -> None:
        """Delete a file or a link, if it exists."""
        with suppress(FileNotFoundError):
            self._client.remove(path)

    def clear(self, folder: str) -> None:
        """Delete a folder and everything in it. Links in it are deleted, not followed.

        Raises:
            NameRefusedError, ProtocolError: as in `walk`; some files may have been deleted by then.
        """
        folders = [""]
        for below in folders:  # grows during the iteration
            for name, mode in self._listed(folder, below):
                path = checked_name(f"{below}/{name}" if below else name)
                if stat.S_ISDIR(mode):
                    folders.append(path)
                else:
                    self._client.remove(posixpath.join(folder, path))
        for below in reversed(folders):
            self._client.rmdir(posixpath.join(folder, below))

    def drop(self, folder: str) -> bool:
        """Delete an empty folder; return False if it cannot be deleted."""
        try:
            self._client.rmdir(folder)
        except OSError:
            return False
        return True


def _is_name(name: str) -> bool:
    size = len(name.encode(errors="surrogateescape"))
    return name not in {"", ".", ".."} and size <= _NAME and not any(mark in name for mark in "/\0")
