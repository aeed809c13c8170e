"""File transfer for accounts without a shell: every wait has a limit, and what was written is read back."""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from runner.errors import UnreachableError
from runner.execute.link import CutError
from runner.steps.static.names import MOST, NameRefusedError, checked_name, name_problem
from runner.untrusted import sentence

if TYPE_CHECKING:
    from paramiko import SFTPClient

    from runner.execute.endpoint import Endpoint
    from runner.execute.pool import Pool

__all__ = ["Transfer", "transfer"]

_WAIT = 30.0
_CHUNK = 256 << 10


@contextmanager
def transfer(pool: Pool, endpoint: Endpoint) -> Iterator[Transfer]:
    """A session of file transfer.

    Raises:
        UnreachableError: (and kin) no connection, no file transfer, or the link broke.
    """
    from paramiko import SSHException

    try:
        client = pool.link(endpoint).sftp(_WAIT)
    except CutError as error:
        raise UnreachableError(f"{endpoint.called}: no file transfer: {error}") from error
    try:
        yield Transfer(client)
    except (EOFError, SSHException, TimeoutError, ConnectionError) as error:
        said = sentence(str(error)) or type(error).__name__
        raise UnreachableError(
            f"{endpoint.called}: the link broke while files were sent: {said}",
            hint="take the run up again: sitecrew resume last",
        ) from error
    finally:
        with suppress(Exception):
            client.close()


class Transfer:
    """Paths are the host's. What the host refuses is an OSError with its words."""

    def __init__(self, client: SFTPClient) -> None:
        self._client = client

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

    def walk(self, folder: str, skip: Callable[[str], bool] = lambda _: False) -> Iterator[str]:
        """Names of the files in a folder and its folders, without those to `skip`; links are passed over.

        Raises:
            NameRefusedError: a name cannot be a path below the folder, or there are too many.
        """
        left, count = [""], 0
        while left:
            below = left.pop()
            for name, mode in self._entries(posixpath.join(folder, below)):
                if (count := count + 1) > MOST:
                    raise NameRefusedError(f"the host lists more than {MOST} names in {folder}")
                path = f"{below}/{name}" if below else name
                if (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) and not skip(path):
                    checked_name(path)
                    if stat.S_ISDIR(mode):
                        left.append(path)
                    else:
                        yield path

    def names(self, folder: str) -> tuple[str, ...]:
        """What is in a folder, as far as it can be part of a path; empty where there is none."""
        try:
            found = tuple(name for name, _ in self._entries(folder))
        except FileNotFoundError:
            return ()
        return tuple(sorted(name for name in found if "/" not in name and not name_problem(name)))

    def _entries(self, folder: str) -> Iterator[tuple[str, int]]:
        """Names and modes, as they come: a folder without end is left early."""
        try:
            # one request at a time, so that others may come between
            for count, entry in enumerate(self._client.listdir_iter(folder, read_aheads=1)):
                if count > MOST:
                    raise NameRefusedError(f"the host lists more than {MOST} names in {folder}")
                yield entry.filename, entry.st_mode or 0
        except UnicodeDecodeError as error:
            raise NameRefusedError(f"{folder} on the host holds a name that is not UTF-8") from error

    def make(self, folder: str) -> None:
        """The folder and those above it."""
        if folder in {"", "/"} or self.kind(folder) in {"folder", "link"}:
            return
        self.make(posixpath.dirname(folder))
        self._client.mkdir(folder, 0o755)

    def put(self, source: IO[bytes], path: str, *, mode: int, mtime: int) -> str:
        """Write a new file and read it back; the sum of what was read. No link is followed."""
        self.remove(path)
        with self._client.open(path, "wbx") as file:
            file.set_pipelined(True)
            size = 0
            while data := source.read(_CHUNK):
                file.write(data)
                size += len(data)
            file.chmod(mode)
            file.utime((mtime, mtime))
        return self.sum(path, size)

    def sum(self, path: str, size: int) -> str:
        """The SHA-256 of a file, read over the link; of one that is longer than `size` no more is read."""
        digest, left = hashlib.sha256(), size + 1
        with self._client.open(path, "rb") as file:
            file.prefetch(size)
            while left > 0 and (data := file.read(min(_CHUNK, left))):
                digest.update(data)
                left -= len(data)
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

    def clear(self, folder: str) -> None:
        """A folder with everything in it; links in it are removed, not followed.

        Raises:
            NameRefusedError: a name in it cannot be part of a path, or there are too many.
        """
        folders, count = [""], 0
        for below in folders:  # grows while it is gone through
            for name, mode in tuple(self._entries(posixpath.join(folder, below))):
                if (count := count + 1) > MOST:
                    raise NameRefusedError(f"the host lists more than {MOST} names in {folder}")
                path = checked_name(f"{below}/{name}" if below else name)
                if stat.S_ISDIR(mode):
                    folders.append(path)
                else:
                    self._client.remove(posixpath.join(folder, path))
        for below in reversed(folders):
            self._client.rmdir(posixpath.join(folder, below))

    def drop(self, folder: str) -> bool:
        """An empty folder; False where it is not empty."""
        try:
            self._client.rmdir(folder)
        except OSError:
            return False
        return True
