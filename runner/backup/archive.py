"""The archive store: a folder per snapshot, with compressed streams and a manifest of their checksums.

    <store>/<site>/<snapshot>/database.sql.gz     the dump
                              files.tar.gz        the document root
                              files.index.gz      sha256, size and name of each file, as JSON lines
                              manifest.json       sizes and sha256 of the three, counts, time, site and run

A snapshot is written to a draft folder and renamed when it is complete. Drafts of processes that died are
removed when the next snapshot of the site is started.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner.backup.inspect import inspect_dump, inspect_tree
from runner.backup.receive import Received, Room
from runner.errors import BackupError

__all__ = ["DATABASE", "FILES", "MANIFEST", "ArchiveStore", "Draft", "Part", "Snapshot", "parse_manifest"]

DATABASE = "database.sql.gz"
FILES = "files.tar.gz"
_INDEX = "files.index.gz"
MANIFEST = "manifest.json"
_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One stored file. `bytes` is its stored size, `content` its size before compression."""

    name: str
    bytes: int
    sha256: str
    content: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A complete snapshot, as described by its manifest."""

    snapshot: str
    site: str
    taken: datetime
    run: str
    parts: tuple[Part, ...]
    files: int | None = None
    """Files in the archive; None if files were not included."""
    tables: int | None = None
    """Tables in the dump; None if the database was not included."""
    outside: tuple[str, ...] = ()
    """Links that lead out of the site's folder, as `NAME -> TARGET`; their targets are not in the archive."""
    unread: tuple[str, ...] = ()
    """Errors of the host for files it could not read; with any, the snapshot is incomplete."""
    lacks: tuple[str, ...] = ()
    """Parts of the database that could not be dumped, a sentence each."""
    unproven: str = ""
    """Why it is not proven that the dump is the site's; empty if it is proven or there is no dump."""

    @property
    def bytes(self) -> int:
        """Size in the store."""
        return sum(part.bytes for part in self.parts)


class ArchiveStore:
    """Snapshots in a folder on the controller, readable only by its owner."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, site: str) -> Draft:
        """Start a snapshot, which is only complete after `Draft.commit`.

        Raises:
            BackupError: the store is not writable.
        """
        taken = datetime.now(UTC)
        name = f"{taken:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        place = self.folder / site / name
        draft = place.with_name(f".{name}.part")
        try:
            for folder in (self.folder, place.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.parent.chmod(0o700)
            use = _lock_shared(place.parent)
            draft.mkdir(mode=0o700)
        except OSError as error:
            raise BackupError(
                f"cannot write to the backup store {self.folder}: {error.strerror}",
                hint="set backups.store in sitecrew.yaml to a writable folder with enough space",
            ) from error
        return Draft(site=site, taken=taken, place=place, folder=draft, use=use, room=Room(draft))

    def snapshots(self, site: str) -> tuple[Snapshot, ...]:
        """Return the complete snapshots of a site, newest first."""
        found = sorted((self.folder / site).glob(f"[0-9]*/{MANIFEST}"), reverse=True)
        return tuple(_read(path) for path in found)

    def verify(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Compare the stored files with the manifest; return a sentence for each difference."""
        folder = self.folder / snapshot.site / snapshot.snapshot
        problems = []
        for part in snapshot.parts:
            path = folder / part.name
            if not path.exists():
                problems.append(f"{part.name} is missing")
            elif (size := path.stat().st_size) != part.bytes:
                problems.append(f"{part.name} has {size} bytes, but {part.bytes} in the manifest")
            elif _sha256(path) != part.sha256:
                problems.append(f"{part.name} differs from its checksum in the manifest")
        return tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A snapshot that is being taken."""

    site: str
    taken: datetime
    place: Path
    folder: Path
    use: int
    """File descriptor of the lock on the site's folder; also released if the process is killed."""
    room: Room

    def open(self, name: str) -> Received:
        """Open a new file for a stream from the host; its size counts against the snapshot's limit."""
        return Received(self.folder / name, self.room)

    def commit(
        self,
        run: str,
        *,
        root: str = "/",
        unread: tuple[str, ...] = (),
        lacks: tuple[str, ...] = (),
        unproven: str = "",
    ) -> Snapshot:
        """Read back what was stored, write the manifest and complete the snapshot.

        Args:
            run: the run that takes the snapshot.
            root: the archived folder on the host.
            unread: errors of the host for files it could not read.
            lacks: parts of the database that are not in the dump.
            unproven: why it is not proven that the dump is the site's.

        Raises:
            BackupError: a stream is truncated, invalid or empty.
        """
        parts, files, tables = [], None, None
        outside: tuple[str, ...] = ()
        if (dump := self.folder / DATABASE).exists():
            found = inspect_dump(dump)
            tables = found.tables
            parts.append(_part(dump, found.content))
        if (archive := self.folder / FILES).exists():
            tree = inspect_tree(archive, self.folder / _INDEX, root)
            files, outside = tree.files, tree.outside
            parts += [_part(archive, tree.content), _part(self.folder / _INDEX, tree.index)]
        snapshot = Snapshot(
            snapshot=self.place.name,
            site=self.site,
            taken=self.taken,
            run=run,
            parts=tuple(parts),
            files=files,
            tables=tables,
            outside=outside,
            unread=unread,
            lacks=lacks,
            unproven=unproven,
        )
        with self.open(MANIFEST) as file:
            file.write(json.dumps(asdict(snapshot), default=_plain, indent=1).encode())
        self.folder.rename(self.place)
        os.close(self.use)
        return snapshot

    def discard(self) -> None:
        """Remove the draft."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.use)


def _lock_shared(folder: Path) -> int:
    """Lock a site's folder for taking a snapshot; if no other process holds the lock, remove old drafts."""
    use = os.open(folder / ".in-use", os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for draft in folder.glob(".*.part"):
            shutil.rmtree(draft, ignore_errors=True)
    fcntl.flock(use, fcntl.LOCK_SH)
    return use


def _part(path: Path, content: int) -> Part:
    return Part(path.name, path.stat().st_size, _sha256(path), content)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value))


def _read(manifest: Path) -> Snapshot:
    try:
        with manifest.open("rb") as file:
            return parse_manifest(file.read(_MANIFEST_BYTES))
    except (ValueError, OSError) as error:
        raise BackupError(
            f"cannot read the manifest {manifest}: {error}", hint="take a new backup of this site"
        ) from error


def parse_manifest(data: bytes) -> Snapshot:
    """Parse a manifest.

    Raises:
        ValueError: it is not a valid manifest.
    """
    try:
        raw = json.loads(data)
        parts = tuple(Part(**part) for part in raw.pop("parts"))
        lists = {name: tuple(raw.pop(name, ())) for name in ("outside", "unread", "lacks")}
        taken = datetime.fromisoformat(raw["taken"])
        snapshot = Snapshot(**{**raw, **lists, "taken": taken, "parts": parts})
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}") from error
    texts = (snapshot.snapshot, snapshot.site, snapshot.run, *(part.sha256 for part in parts))
    texts += (*snapshot.outside, *snapshot.unread, *snapshot.lacks, snapshot.unproven)
    sizes = [size for part in parts for size in (part.bytes, part.content)]
    sizes += [count for count in (snapshot.files, snapshot.tables) if count is not None]
    if not all(isinstance(text, str) for text in texts) or not all(map(_is_size, sizes)):
        raise ValueError("a value has the wrong type")
    if any(not name or name.startswith(".") or "/" in name or "\0" in name for name in texts[:2]):
        raise ValueError("the site or snapshot is not a valid folder name")
    if any(part.name not in (DATABASE, FILES, _INDEX) for part in parts):
        raise ValueError("it names an unknown part")
    return snapshot


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 0
