"""Host keys: which ones are known, and what a new one looks like to a person. Names match as in OpenSSH."""

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
from runner.execute.ssh_patterns import is_pattern, matches_any
from runner.shell import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from runner.execute.certificates import Certificate

__all__ = ["HostKey", "KnownHosts", "Line", "Marker", "hash_name", "host_name", "parse_line"]

_SIZE = 64 << 20


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key as SSH writes it: its type's name and its bytes."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it: ``SHA256:`` and 43 characters."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"

    @property
    def text(self) -> str:
        """Type and base64, as in a known_hosts line."""
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


class Marker(StrEnum):
    """What may stand before the names of a line."""

    NONE = ""
    REVOKED = "@revoked"
    AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a known_hosts file that has a key."""

    names: str
    key: HostKey
    marker: Marker = Marker.NONE

    @property
    def plain(self) -> tuple[str, ...]:
        """The names that it is for and no others; empty where only `matches` knows."""
        special = self.names.startswith("|") or is_pattern(self.names)
        return () if special else tuple(self.names.lower().split(","))

    def matches(self, name: str) -> bool:
        """Whether it is for this host, named as `host_name` does it."""
        if self.names.startswith("|"):
            return _hash_matches(self.names, name)
        return matches_any(name, self.names.lower().split(","))


class KnownHosts:
    """What the known_hosts files say. Files that do not exist say nothing; each is parsed once a change."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [_parse(path) for path in paths]

    def keys(self, name: str, port: int = 22) -> list[HostKey]:
        """The keys on record for this host, in the files' order; like OpenSSH, at last without the port."""
        return self._found(name, port, Marker.NONE)

    def types(self, name: str, port: int = 22) -> set[str]:
        """Types of keys on record under the name with its port: what ssh asks a host for first."""
        lines = (line for file in self._files for line in file.of(host_name(name, port)))
        return {line.key.type for line in lines if line.marker is Marker.NONE}

    def authorities(self, name: str, port: int = 22) -> list[HostKey]:
        """The keys that sign certificates of this host."""
        return self._found(name, port, Marker.AUTHORITY)

    def is_revoked(self, name: str, port: int, blob: bytes) -> bool:
        """Whether this key is marked as revoked for the host, with its port or without."""
        return any(
            line.marker is Marker.REVOKED and line.key.blob == blob
            for wanted in (host_name(name, port), name.lower())
            for file in self._files
            for line in file.of(wanted)
        )

    def check(self, name: str, port: int, key: HostKey, *, called: str = "") -> None:
        """Return if this key is on record for the host.

        Raises:
            HostKeyError: it is not, or another one is, or it was revoked. `called`: its name in the hint.
        """
        called = called or name
        if self.is_revoked(name, port, key.blob):
            raise HostKeyError(
                f"{called}: its host key {key.fingerprint} is marked as revoked",
                hint="Somebody may be reading along. Ask the host's provider for its present key.",
            )
        known = self.keys(name, port)
        if key in known:
            return
        if not known:
            raise HostKeyError(
                f"{called}: unknown host key {key.fingerprint} ({key.type})",
                hint=f"Compare the fingerprint with your provider's, then type: {command('trust', called)}",
            )
        raise HostKeyError(
            f"{called}: the host key has CHANGED to {key.fingerprint} ({key.type}); "
            f"on record is {', '.join(old.fingerprint for old in known)}",
            hint="Was the server rebuilt? Ask its provider; only then: "
            + command("trust", called, "--replace"),
        )

    def check_certificate(self, name: str, port: int, certificate: Certificate, *, called: str) -> str:
        """Why this host certificate is not accepted; empty when an authority of the host signed it.

        Raises:
            HostKeyError: the authority's key was revoked: then the plain key is no way out.
        """
        if self.is_revoked(name, port, certificate.authority.blob):
            raise HostKeyError(
                f"{called}: the key that signed its certificate is marked as revoked",
                hint="Somebody may be reading along. Ask the host's provider for its present certificate.",
            )
        if certificate.authority not in self.authorities(name, port):
            return "no @cert-authority line for this host has the key that signed it"
        return certificate.fault_for_host(name)

    def _found(self, name: str, port: int, marker: Marker) -> list[HostKey]:
        for wanted in dict.fromkeys((host_name(name, port), name.lower())):
            lines = (line for file in self._files for line in file.of(wanted))
            if found := [line.key for line in lines if line.marker is marker]:
                return found
        return []


def host_name(name: str, port: int) -> str:
    """As known_hosts writes it: ``name``, or ``[name]:port`` where the port is not 22."""
    name = name.lower()
    return name if port == 22 else f"[{name}]:{port}"  # noqa: PLR2004


def parse_line(text: str) -> Line | None:
    """The line's names and key; None for comments and what OpenSSH does not understand."""
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
    """The name so that only who knows it recognises it: ``HashKnownHosts``."""
    return _hash(name, secrets.token_bytes(20))


class _File:
    """The lines of one file, found by name without asking each: a large crew has a thousand hosts."""

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
        """The lines for a name in lower case, in the file's order."""
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
