"""Reading a tar that a stranger made: regular files with their content, in bounded time and memory.

Nothing is ever extracted, so names, links and owners are data. What no `tar` of ours writes is refused:
sparse members (a header of 75 bytes may promise an exbibyte), headers without end, and members that are
larger than the whole archive may be. The formats are ustar, GNU and pax.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from runner.errors import BackupError

__all__ = ["Limits", "Link", "Member", "members"]

_BLOCK = 512
_REGULAR = frozenset(b"\x0007")
_SYMLINK = ord("2")
_KNOWN = frozenset(b"13456")
"""Hard links, devices, folders, pipes: noted by no one, without content."""
_CHUNK = 1 << 18
_DIGITS = 20


class Source(Protocol):
    """What a tar is read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""

    def exactly(self, size: int, /) -> bytes:
        """So many bytes; fewer only at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one archive may hold."""

    content: int
    """Bytes of all members together."""
    members: int = 5_000_000
    name: int = 16 << 10
    """Bytes of a name: four times the longest path of Linux."""
    header: int = 1 << 20
    """Bytes of one extended header."""
    headers: int = 8
    """Extended headers of one member."""
    links: int = 10_000
    """Symbolic links that are noted; further ones are passed over."""


@dataclass(slots=True)
class Member:
    """A regular file: its name, its bytes, and its content in pieces, to be read before the next member."""

    name: bytes
    size: int
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link: its name, and where it leads."""

    name: bytes
    target: bytes


@dataclass(slots=True)
class _Said:
    """What extended headers said of the member after them."""

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
    of_all: _Said = field(default_factory=_Said)


def members(source: Source, limits: Limits, links: list[Link] | None = None) -> Iterator[Member]:
    """The regular files of a tar, in its order, up to its end mark. `links` gets the symbolic links.

    Raises:
        BackupError: the archive is cut, damaged, or holds what none of ours does.
    """
    reading = _Reading(source, limits)
    said = _Said()
    while (block := _header(reading)) is not None:
        kind = block[156]
        size = _number(block[124:136])
        if kind in b"LKxgX":
            _extended(reading, said, kind, size)
            continue
        said = _merged(said, reading.of_all)
        size = size if said.size is None else said.size
        name = _name(block) if said.name is None else said.name
        target = said.link
        said = _Said()
        if kind == _SYMLINK:
            if links is not None and len(links) < limits.links:
                links.append(Link(name, block[157:257].split(b"\0", 1)[0] if target is None else target))
            continue
        if kind in _KNOWN:
            continue
        _allow(reading, kind, name, size)
        chunks = _content(source, size)
        if kind in _REGULAR and not (kind == 0 and name.endswith(b"/")):
            yield Member(name, size, chunks)
        for _ in chunks:
            pass
    if said.count:
        raise _damaged("it ends with a header for nothing")


def _allow(reading: _Reading, kind: int, name: bytes, size: int) -> None:
    """Count the content of a member, before any of it is read."""
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
    """The next header block; None at the end mark or the end."""
    block = reading.source.exactly(_BLOCK)
    if not block or block == b"\0" * _BLOCK:
        return None
    if len(block) < _BLOCK:
        raise _damaged("it is cut")
    reading.count += 1
    if reading.count > reading.limits.members:
        raise _refused(f"more than {reading.limits.members} members")
    told = _number(block[148:156])
    blank = block[:148] + b" " * 8 + block[156:]
    if told not in (sum(blank), sum(struct.unpack("512b", blank))):
        raise _damaged("a header's checksum is wrong")
    return block


def _extended(reading: _Reading, said: _Said, kind: int, size: int) -> None:
    limits = reading.limits
    said.count += 1
    if size > limits.header or said.count > limits.headers:
        raise _refused("a header without end")
    data = b"".join(_content(reading.source, size))
    if kind == ord("L"):
        said.name = data.rstrip(b"\0")
    elif kind == ord("K"):
        said.link = data.rstrip(b"\0")
    else:
        _pax(data, reading.of_all if kind == ord("g") else said)


def _pax(data: bytes, said: _Said) -> None:
    """Records ``LENGTH KEY=VALUE<LF>``; each is looked at once."""
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
            said.name = value
        elif key == b"linkpath":
            said.link = value
        elif key == b"size":
            if not value.isdigit() or len(value) > _DIGITS:
                raise _damaged("a size is no number")
            said.size = int(value)
        at = end


def _merged(said: _Said, of_all: _Said) -> _Said:
    return _Said(
        name=of_all.name if said.name is None else said.name,
        size=of_all.size if said.size is None else said.size,
        link=said.link,
    )


def _content(source: Source, size: int) -> Iterator[bytes]:
    """The content of a member, and over its padding."""
    left = size
    while left:
        data = source.read(min(left, _CHUNK))
        if not data:
            raise _damaged("it is cut")
        left -= len(data)
        yield data
    padding = -size % _BLOCK
    if len(source.exactly(padding)) < padding:
        raise _damaged("it is cut")


def _number(field_: bytes) -> int:
    """A number of a header: octal, or binary with the first bit set."""
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
        f"the archive of files holds {what}: no tar of ours writes that",
        hint="look at the host: something there makes archives that harm their reader",
    )


def _damaged(what: str) -> BackupError:
    return BackupError(f"the archive of files cannot be read back: {what}", hint="run the backup again")
