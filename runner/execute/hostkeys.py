"""Host keys: which ones are known, what a new one looks like to a person, how it is put on record."""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import HostKeyError
from runner.shell import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["HostKey", "KnownHosts", "record"]


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


@dataclass(frozen=True, slots=True)
class _Entry:
    names: str
    key: HostKey
    revoked: bool = False

    @property
    def plain(self) -> tuple[str, ...]:
        """The names that it is for and no others; empty where only `matches` knows."""
        special = self.names.startswith("|") or any(mark in self.names for mark in "*?!")
        return () if special else tuple(self.names.lower().split(","))

    def matches(self, name: str) -> bool:
        if self.names.startswith("|1|"):
            return _hash_matches(self.names, name)
        found = False
        for pattern in self.names.split(","):
            if pattern.startswith("!"):
                if fnmatchcase(name, pattern[1:].lower()):
                    return False
            elif fnmatchcase(name, _literal_brackets(pattern.lower())):
                found = True
        return found


class KnownHosts:
    """What the known_hosts files say. Files that do not exist say nothing; each is parsed once a change."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [_parse(path) for path in paths]

    def keys(self, name: str, port: int = 22) -> list[HostKey]:
        """The keys on record for this host, in the files' order; like OpenSSH, at last without the port."""
        for wanted in dict.fromkeys((host_name(name, port), name.lower())):
            found = [entry.key for file in self._files for entry in file.of(wanted) if not entry.revoked]
            if found:
                return found
        return []

    def check(self, name: str, port: int, key: HostKey, *, called: str = "") -> None:
        """Return if this key is on record for the host.

        Raises:
            HostKeyError: it is not, or another one is, or it was revoked. `called`: its name in the hint.
        """
        called = called or name
        if any(key in file.revoked for file in self._files):
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


def host_name(name: str, port: int) -> str:
    """As known_hosts writes it: ``name``, or ``[name]:port`` where the port is not 22."""
    name = name.lower()
    return name if port == 22 else f"[{name}]:{port}"  # noqa: PLR2004


def record(
    path: Path, name: str, port: int, key: HostKey, *, hashed: bool = False, replace: bool = False
) -> None:
    """Put a host's key on record; the file is made 0600, and a key that is there already is not added again.

    Raises:
        HostKeyError: another key is on record for the host and `replace` is not set.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = host_name(name, port)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        known = _keys_for(text, (wanted, name.lower()))
        if key in known and not replace:
            return
        if known:
            if not replace:
                KnownHosts([path]).check(name, port, key)
            text = b"".join(line for line in text.splitlines(keepends=True) if not _is_for(line, wanted))
            fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
                copy.write(_line(text, wanted, key, hashed=hashed, whole=True))
                copy.flush()
                os.fsync(copy.fileno())
            fresh.replace(path)
            return
        file.write(_line(text, wanted, key, hashed=hashed, whole=False))
        file.flush()
        os.fsync(file.fileno())


def _keys_for(text: bytes, names: tuple[str, ...]) -> list[HostKey]:
    """Those on record under the first of the names that has any."""
    entries = [e for e in _entries(text.decode("utf-8", "replace").splitlines()) if not e.revoked]
    return next((found for name in names if (found := [e.key for e in entries if e.matches(name)])), [])


def _line(text: bytes, name: str, key: HostKey, *, hashed: bool, whole: bool) -> bytes:
    gap = b"\n" if text and not text.endswith(b"\n") else b""
    shown = _hash(name, secrets.token_bytes(20)) if hashed else name
    return (text if whole else b"") + gap + f"{shown} {key.text}\n".encode()


def _is_for(line: bytes, name: str) -> bool:
    return any(entry.matches(name) for entry in _entries([line.decode("utf-8", "replace")]))


class _File:
    """The entries of one file, found by name without asking each: a large crew has a thousand hosts."""

    def __init__(self, entries: Iterable[_Entry] = ()) -> None:
        self.revoked: set[HostKey] = set()
        self._by_name: dict[str, list[tuple[int, _Entry]]] = {}
        self._special: list[tuple[int, _Entry]] = []
        for place in enumerate(entries):
            entry = place[1]
            if entry.revoked:
                self.revoked.add(entry.key)
            for name in entry.plain:
                self._by_name.setdefault(name, []).append(place)
            if not entry.plain:
                self._special.append(place)

    def of(self, name: str) -> list[_Entry]:
        """The entries for a name in lower case, in the file's order."""
        special = (place for place in self._special if place[1].matches(name))
        found = sorted([*self._by_name.get(name, ()), *special], key=itemgetter(0))
        return [entry for _, entry in found]


_parsed: dict[Path, tuple[tuple[int, int], _File]] = {}


def _parse(path: Path) -> _File:
    try:
        status = path.stat()
        mark = (status.st_mtime_ns, status.st_size)
        if path not in _parsed or _parsed[path][0] != mark:
            text = path.read_text(encoding="utf-8", errors="replace")
            _parsed[path] = (mark, _File(_entries(text.splitlines())))
        return _parsed[path][1]
    except OSError:
        return _File()


def _entries(lines: Iterable[str]) -> Iterable[_Entry]:
    for line in lines:
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in {"", "@revoked"}:  # noqa: PLR2004
            continue
        with contextlib.suppress(binascii.Error, ValueError):
            yield _Entry(
                words[0], HostKey(words[1], base64.b64decode(words[2], validate=True)), marker == "@revoked"
            )


def _hash(name: str, salt: bytes) -> str:
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def _hash_matches(hashed: str, name: str) -> bool:
    try:
        salt = base64.b64decode(hashed.split("|")[2])
    except (IndexError, ValueError):
        return False
    return hmac.compare_digest(_hash(name, salt).encode(), hashed.encode(errors="replace"))


def _literal_brackets(pattern: str) -> str:
    """``[name]:2222`` is a name here, not a set of characters."""
    return pattern.replace("[", "[[]")
