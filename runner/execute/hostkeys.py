"""The known_hosts files. Names match as in OpenSSH."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING

from runner.errors import HostKeyError
from runner.execute.keys import HostKey
from runner.execute.ssh_patterns import is_pattern, matches_any
from runner.shell import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from runner.execute.certificates import Certificate

__all__ = ["KnownHosts", "Line", "Marker", "hash_name", "host_name", "parse_line"]

_SIZE = 64 << 20


class Marker(StrEnum):
    """The marker before the names of a line."""

    NONE = ""
    REVOKED = "@revoked"
    AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with a key."""

    names: str
    key: HostKey
    marker: Marker = Marker.NONE

    @property
    def plain(self) -> tuple[str, ...]:
        """Its names in lower case; empty if they are hashed or patterns, which need `matches`."""
        special = self.names.startswith("|") or is_pattern(self.names)
        return () if special else tuple(self.names.lower().split(","))

    def matches(self, name: str) -> bool:
        """Whether the line is for this host, given in the form of `host_name`."""
        if self.names.startswith("|"):
            return _hash_matches(self.names, name)
        return matches_any(name, self.names.lower().split(","))


class KnownHosts:
    """The keys in known_hosts files. Missing files count as empty. Files are parsed when they change."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [_parse(path) for path in paths]

    def keys(self, name: str, port: int = 22) -> list[HostKey]:
        """The known keys of this host, in the order of the files.

        Like OpenSSH, looks for the name without its port if there are none with it.
        """
        return self._found(name, port, Marker.NONE)

    def types(self, name: str, port: int = 22) -> set[str]:
        """The types of the keys known for the name with its port. Like ssh, we ask for these first."""
        lines = (line for file in self._files for line in file.of(host_name(name, port)))
        return {line.key.type for line in lines if line.marker is Marker.NONE}

    def authorities(self, name: str, port: int = 22) -> list[HostKey]:
        """The keys that may sign certificates of this host."""
        return self._found(name, port, Marker.AUTHORITY)

    def is_revoked(self, name: str, port: int, blob: bytes) -> bool:
        """Whether this key is marked as revoked for the host, with or without its port."""
        return any(
            line.marker is Marker.REVOKED and line.key.blob == blob
            for wanted in (host_name(name, port), name.lower())
            for file in self._files
            for line in file.of(wanted)
        )

    def check(self, name: str, port: int, key: HostKey, *, called: str = "") -> None:
        """Check that this key is known for the host. `called`: the host's name in messages.

        Raises:
            HostKeyError: the key is unknown, differs from the known one, or is revoked.
        """
        called = called or name
        if self.is_revoked(name, port, key.blob):
            raise HostKeyError(
                f"{called}: host key {key.fingerprint} is marked as revoked",
                hint="The connection may be intercepted. Ask the provider for the host's current key.",
            )
        known = self.keys(name, port)
        if key in known:
            return
        if not known:
            raise HostKeyError(
                f"{called}: unknown host key {key.fingerprint} ({key.type})",
                hint=f"Compare the fingerprint with your provider's. Then: {command('trust', called)}",
            )
        raise HostKeyError(
            f"{called}: the host key has CHANGED to {key.fingerprint} ({key.type}); "
            f"the known key is {', '.join(old.fingerprint for old in known)}",
            hint="Ask the provider whether the server was rebuilt. Only then: "
            + command("trust", called, "--replace"),
        )

    def check_certificate(self, name: str, port: int, certificate: Certificate, *, called: str) -> str:
        """Why this host certificate is not accepted; empty if it is.

        Raises:
            HostKeyError: the authority's key is revoked, so the plain key must not be accepted either.
        """
        if self.is_revoked(name, port, certificate.authority.blob):
            raise HostKeyError(
                f"{called}: the key that signed its certificate is marked as revoked",
                hint="The connection may be intercepted. Ask the provider for the host's certificate.",
            )
        if certificate.authority not in self.authorities(name, port):
            return "it is signed by a key that has no @cert-authority line for this host"
        return certificate.fault_for_host(name)

    def _found(self, name: str, port: int, marker: Marker) -> list[HostKey]:
        for wanted in dict.fromkeys((host_name(name, port), name.lower())):
            lines = (line for file in self._files for line in file.of(wanted))
            if found := [line.key for line in lines if line.marker is marker]:
                return found
        return []


def host_name(name: str, port: int) -> str:
    """The name as known_hosts has it: ``name``, or ``[name]:port`` if the port is not 22."""
    name = name.lower()
    return name if port == 22 else f"[{name}]:{port}"  # noqa: PLR2004


def parse_line(text: str) -> Line | None:
    """Parse a line; return None for comments and for lines that OpenSSH ignores."""
    words = text.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#") or marker not in set(Marker):  # noqa: PLR2004
        return None
    with contextlib.suppress(binascii.Error, ValueError):
        blob = base64.b64decode(words[2], validate=True)
        kind = words[1].encode()
        if blob.startswith(len(kind).to_bytes(4, "big") + kind):
            return Line(words[0], HostKey(words[1], blob), Marker(marker))
    return None


def hash_name(name: str) -> str:
    """Hash a name, as ``HashKnownHosts`` does."""
    return _hash(name, secrets.token_bytes(20))


class _File:
    """The lines of one file, indexed by name: there may be a thousand hosts."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self._by_name: dict[str, list[tuple[int, Line]]] = {}
        self._special: list[tuple[int, Line]] = []
        for place in enumerate(lines):
            line = place[1]
            for name in line.plain:
                self._by_name.setdefault(name, []).append(place)
            if not line.plain:
                self._special.append(place)

    def of(self, name: str) -> list[Line]:
        """The lines for a name in lower case, in the order of the file."""
        special = (place for place in self._special if place[1].matches(name))
        found = sorted([*self._by_name.get(name, ()), *special], key=itemgetter(0))
        return [line for _, line in found]


_parsed: dict[Path, tuple[tuple[int, int, int], _File]] = {}


def _parse(path: Path) -> _File:
    try:
        status = path.stat()
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        if path not in _parsed or _parsed[path][0] != mark:
            with path.open("rb") as file:
                text = file.read(_SIZE).decode("utf-8", "replace")
            lines = (parse_line(line) for line in text.split("\n"))
            _parsed[path] = (mark, _File(line for line in lines if line))
        return _parsed[path][1]
    except OSError:
        return _File()


def _hash(name: str, salt: bytes) -> str:
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _hash_matches(hashed: str, name: str) -> bool:
    try:
        salt = base64.b64decode(hashed.split("|")[2])
    except (IndexError, ValueError):
        return False
    return hmac.compare_digest(_hash(name, salt).encode(), hashed.encode(errors="replace"))
