"""Add host keys to known_hosts files. All other lines stay unchanged."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from runner.execute.hostkeys import KnownHosts, Marker, hash_name, host_name, parse_line
from runner.execute.ssh_patterns import is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from runner.execute.keys import HostKey

__all__ = ["record"]


def record(
    paths: Sequence[Path], name: str, port: int, key: HostKey, *, hashed: bool = False, replace: bool = False
) -> None:
    """Add a host's key to the first file, which is created with mode 0600 if it does not exist.

    Args:
        paths: The user's known_hosts files.
        name: The host, or its alias.
        port: 22 with an alias.
        key: The host's key.
        hashed: Write the name as a hash.
        replace: Remove the host's other keys of this type from all of these files.

    Raises:
        HostKeyError: the key is revoked, or another one is known for the host and `replace` is not set.
    """
    known = KnownHosts(paths)
    if known.is_revoked(name, port, key.blob) or (known.keys(name, port) and not replace):
        known.check(name, port, key)
        return
    wanted = host_name(name, port)
    for path in paths if replace else ():
        if path.exists():
            with _locked(path) as file:
                _rewrite(path, file, wanted, key.type)
    paths[0].parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(paths[0]) as file:
        text = file.read()
        lines = (parse_line(line) for line in text.decode("utf-8", "replace").split("\n"))
        if any(line and not line.marker and line.key == key and line.matches(wanted) for line in lines):
            return
        gap = b"\n" if text and not text.endswith(b"\n") else b""
        shown = hash_name(wanted) if hashed else wanted
        file.write(gap + f"{shown} {key.text}\n".encode())
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, locked and at its start. Writes are appended."""
    while True:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            ours, there = os.fstat(file.fileno()), path.stat()
            if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):  # not replaced in between
                yield file
                return


def _rewrite(path: Path, file: BinaryIO, name: str, kind: str) -> None:
    """Remove a host's keys of this type atomically. Keeps owner and mode, and follows symbolic links."""
    text = file.read()
    kept = b"".join(_without(line, name, kind) for line in text.splitlines(keepends=True))
    if kept == text:
        return
    path = path.resolve()
    status = os.fstat(file.fileno())
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
            os.fchmod(copy.fileno(), status.st_mode & 0o7777)
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(copy.fileno(), status.st_uid, status.st_gid)
            copy.write(kept)
            copy.flush()
            os.fsync(copy.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _without(raw: bytes, name: str, kind: str) -> bytes:
    """The line without this host. Lines with a marker (revoked, cert-authority) stay."""
    line = parse_line(raw.decode("utf-8", "replace"))
    if line is None or line.marker is not Marker.NONE or line.key.type != kind or not line.matches(name):
        return raw
    if line.names.startswith("|"):
        return b""
    others = [other for other in line.names.split(",") if other.lower() != name]
    if any(is_pattern(other) and not other.startswith("!") for other in others):
        others.append(f"!{name}")  # the pattern matches other hosts too
    if all(other.startswith("!") for other in others):
        return b""
    return raw.replace(line.names.encode(), ",".join(others).encode(), 1)
