"""Read an untrusted tar: regular files with their content, in bounded time and memory.

Nothing is extracted, so names, links and owners are only data. Anything that our `tar` commands never write
is refused: sparse members (a header of 75 bytes can claim an exbibyte), endless headers, and members larger
than the limit for the whole archive. The formats are ustar, GNU and pax.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from runner.errors import BackupError

__all__ = ["Limits", "Link", "Member", "Noted", "members"]

_BLOCK = 512
_REGULAR = frozenset(b"\x0007")
_SYMLINK = ord("2")
_FOLDER = ord("5")
_KNOWN = frozenset(b"13456")
"""Types without content: hard links, devices, folders, pipes."""
_PLACES = 200
_CHUNK = 1 << 18
_DIGITS = 20


class Source(Protocol):
    """A stream to read a tar from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""

    def exactly(self, size: int, /) -> bytes:
        """Return `size` bytes; fewer only at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one archive."""

    content: int
    """Total bytes of all members."""
    members: int = 5_000_000
    name: int = 16 << 10
    """Bytes of a name: four times the longest path on Linux."""
    header: int = 1 << 20
    """Bytes of one extended header."""
    headers: int = 8
    """Extended headers of one member."""
    links: int = 10_000
    """Symbolic links that are recorded; more are ignored."""


@dataclass(slots=True)
class Member:
    """A regular file: name, size, and content in chunks that must be read before the next member."""

    name: bytes
    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link and its target."""

    name: bytes
    target: bytes


@dataclass(slots=True)
class Noted:
    """The symbolic links and outside folders of an archive."""

    links: list[Link] = field(default_factory=list)
    places: list[bytes] = field(default_factory=list)
    """Folders archived under their absolute paths, without the leading slash."""

    def folder(self, name: bytes) -> None:
        """Record a folder that was archived under its absolute path, unless it is inside a recorded one."""
        name = name.rstrip(b"/")
        absolute = not name.startswith(b"./") and name != b"." and b"/./" not in name + b"/"
        below = any(name.startswith(place + b"/") for place in self.places)
        if absolute and not below and len(self.places) < _PLACES:
            self.places.append(name)


@dataclass(slots=True)
class _Extended:
    """Values from extended headers for the member after them."""

    name: bytes | None = None
    size: int | None = None
    link: bytes | None = None
    count: int = 0


@dataclass(slots=True)
class _Reading:
    source: Source
    limits: Limits
    content: int = 0
    count: int = 0
    of_all: _Extended = field(default_factory=_Extended)


def members(source: Source, limits: Limits, noted: Noted | None = None) -> Iterator[Member]:
    """Return the regular files of a tar, in order, up to its end marker. Links and folders go to `noted`.

    Raises:
        BackupError: the archive is truncated or damaged, or contains something that our archives never do.
    """
    reading = _Reading(source, limits)
    extended = _Extended()
    while (block := _header(reading)) is not None:
        kind = block[156]
        size = _number(block[124:136])
        if kind in b"LKxgX":
            _extended(reading, extended, kind, size)
            continue
        extended = _merged(extended, reading.of_all)
        size = size if extended.size is None else extended.size
        name = _name(block) if extended.name is None else extended.name
        target = extended.link
        extended = _Extended()
        if kind == _SYMLINK:
            if noted is not None and len(noted.links) < limits.links:
                noted.links.append(
                    Link(name, block[157:257].split(b"\0", 1)[0] if target is None else target)
                )
            continue
        if kind == _FOLDER and noted is not None:
            noted.folder(name)
        if kind in _KNOWN:
            continue
        _allow(reading, kind, name, size)
        chunks = _content(source, size)
        if kind in _REGULAR and not (kind == 0 and name.endswith(b"/")):
            yield Member(name, size, chunks)
        for _ in chunks:
            pass
    if extended.count:
        raise _damaged("an extended header has no member after it")


def _allow(reading: _Reading, kind: int, name: bytes, size: int) -> None:
    """Check a member and count its content before it is read."""
    if kind == ord("S"):
        raise _refused("a sparse member")
    if kind not in _REGULAR and kind != ord("D"):
        raise _refused(f"a member of the unknown type {kind}")
    if len(name) > reading.limits.name:
        raise _refused(f"a name of {len(name)} bytes")
    reading.content += size
    if reading.content > reading.limits.content:
        raise _refused("a member larger than the archive can hold")


def _header(reading: _Reading) -> bytes | None:
    """Return the next header block; None at the end of the archive."""
    block = reading.source.exactly(_BLOCK)
    if not block or block == b"\0" * _BLOCK:
        return None
    if len(block) < _BLOCK:
        raise _damaged("it is truncated")
    reading.count += 1
    if reading.count > reading.limits.members:
        raise _refused(f"more than {reading.limits.members} members")
    checksum = _number(block[148:156])
    blank = block[:148] + b" " * 8 + block[156:]
    if checksum not in (sum(blank), sum(struct.unpack("512b", blank))):
        raise _damaged("a header's checksum is wrong")
    return block


def _extended(reading: _Reading, extended: _Extended, kind: int, size: int) -> None:
    limits = reading.limits
    extended.count += 1
    if size > limits.header or extended.count > limits.headers:
        raise _refused("an endless header")
    data = b"".join(_content(reading.source, size))
    if kind == ord("L"):
        extended.name = data.rstrip(b"\0")
    elif kind == ord("K"):
        extended.link = data.rstrip(b"\0")
    else:
        _pax(data, reading.of_all if kind == ord("g") else extended)


def _pax(data: bytes, extended: _Extended) -> None:
    """Parse the records ``LENGTH KEY=VALUE<LF>`` of a pax header, in one pass."""
    at = 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + 12)
        digits = data[at:space]
        if space < 0 or not digits.isdigit():
            raise _damaged("an extended header cannot be read")
        end = at + int(digits)
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if end > len(data) or end <= space + 1 or not equals or data[end - 1 : end] != b"\n":
            raise _damaged("an extended header cannot be read")
        if key.startswith(b"GNU.sparse"):
            raise _refused("a sparse member")
        if key == b"path":
            extended.name = value
        elif key == b"linkpath":
            extended.link = value
        elif key == b"size":
            if not value.isdigit() or len(value) > _DIGITS:
                raise _damaged("a size is not a number")
            extended.size = int(value)
        at = end


def _merged(extended: _Extended, of_all: _Extended) -> _Extended:
    return _Extended(
        name=of_all.name if extended.name is None else extended.name,
        size=of_all.size if extended.size is None else extended.size,
        link=extended.link,
    )


def _content(source: Source, size: int) -> Iterator[bytes]:
    """Return the content of a member in chunks, then skip its padding."""
    left = size
    while left:
        data = source.read(min(left, _CHUNK))
        if not data:
            raise _damaged("it is truncated")
        left -= len(data)
        yield data
    padding = -size % _BLOCK
    if len(source.exactly(padding)) < padding:
        raise _damaged("it is truncated")


def _number(field_: bytes) -> int:
    """Parse a number in a header: octal, or binary if the first bit is set."""
    if field_[0] & 0x80:
        value = int.from_bytes(field_, "big") ^ (1 << (8 * len(field_) - 1))
        if field_[0] & 0x40:
            raise _refused("a member of negative size")
        return value
    digits = field_.split(b"\0", 1)[0].strip()
    if not digits:
        return 0
    if not all(digit in b"01234567" for digit in digits):
        raise _damaged("a number cannot be read")
    return int(digits, 8)


def _name(block: bytes) -> bytes:
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _refused(what: str) -> BackupError:
    return BackupError(
        f"the archive of files contains {what}, which our tar commands never write",
        hint="check the host: its tar may have been replaced",
    )


def _damaged(what: str) -> BackupError:
    return BackupError(f"the archive of files cannot be read back: {what}", hint="run the backup again")
