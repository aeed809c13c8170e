"""The archive store: a folder a snapshot, holding compressed streams and a manifest that vouches for them.

    <store>/<site>/<snapshot>/database.sql.gz     the dump
                              files.tar.gz        the document root
                              files.index.gz      a JSON object a line: sha256, size and name of each file
                              manifest.json       sizes and sha256 of the three, counts, when, whose

A snapshot is written beside its place and moved there whole, so one that has a manifest is complete. What a
process that died had begun is removed when the next snapshot of the site is begun.
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
    """One stored file. `bytes` as stored, `content` before compression."""

    name: str
    bytes: int
    sha256: str
    content: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the manifest says."""

    snapshot: str
    site: str
    taken: datetime
    run: str
    parts: tuple[Part, ...]
    files: int | None = None
    """Files in the archive; None when files were not asked for."""
    tables: int | None = None
    """Tables in the dump; None when the database was not asked for."""
    outside: tuple[str, ...] = ()
    """Links that lead out of the site's folder, as `NAME -> TARGET`: what is behind them is not in it."""
    unread: tuple[str, ...] = ()
    """What the host could not read, in its words: with any, the snapshot is not complete."""
    lacks: tuple[str, ...] = ()
    """What of the database could not be dumped, a sentence each."""
    unproven: str = ""
    """Why the dump is not proven to be the site's; empty where it is, or where there is none."""

    @property
    def bytes(self) -> int:
        """Bytes in the store."""
        return sum(part.bytes for part in self.parts)


class ArchiveStore:
    """Snapshots in a folder of the controller, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, site: str) -> Draft:
        """Start a snapshot; nothing counts until `Draft.commit`.

        Raises:
            BackupError: the store cannot be written.
        """
        taken = datetime.now(UTC)
        name = f"{taken:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        place = self.folder / site / name
        draft = place.with_name(f".{name}.part")
        try:
            for folder in (self.folder, place.parent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.parent.chmod(0o700)
            use = _enter(place.parent)
            draft.mkdir(mode=0o700)
        except OSError as error:
            raise BackupError(
                f"the backup store {self.folder} cannot be written: {error.strerror}",
                hint="set backups.store in sitecrew.yaml to a folder with room",
            ) from error
        return Draft(site=site, taken=taken, place=place, folder=draft, use=use, room=Room(draft))

    def snapshots(self, site: str) -> tuple[Snapshot, ...]:
        """Complete snapshots of a site, newest first."""
        found = sorted((self.folder / site).glob(f"[0-9]*/{MANIFEST}"), reverse=True)
        return tuple(_read(path) for path in found)

    def verify(self, snapshot: Snapshot) -> tuple[str, ...]:
        """What differs between the stored files and the manifest, a sentence each; empty when all is well."""
        folder = self.folder / snapshot.site / snapshot.snapshot
        problems = []
        for part in snapshot.parts:
            path = folder / part.name
            if not path.exists():
                problems.append(f"{part.name} is missing")
            elif (size := path.stat().st_size) != part.bytes:
                problems.append(f"{part.name} has {size} bytes where the manifest says {part.bytes}")
            elif _sha256(path) != part.sha256:
                problems.append(f"{part.name} is not what was stored")
        return tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A snapshot that is being taken."""

    site: str
    taken: datetime
    place: Path
    folder: Path
    use: int
    """An open file that says that somebody works here; a killed process lets go of it too."""
    room: Room

    def open(self, name: str) -> Received:
        """A new file for a stream from the host, within the snapshot's room."""
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
        """Read back what was stored, write the manifest, and let the snapshot count.

        Args:
            run: the run that takes it.
            root: the folder of the host that was archived.
            unread: what the host says that it could not read.
            lacks: what was left out of the dump.
            unproven: why the dump is not proven to be the site's.

        Raises:
            BackupError: a stream is cut, not what it should be, or empty.
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
        """Remove what was stored so far."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.use)


def _enter(folder: Path) -> int:
    """Share a site's folder with others who take snapshots now; where nobody does, their drafts are dead."""
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
            f"the manifest {manifest} cannot be read: {error}", hint="take a new backup of this site"
        ) from error


def parse_manifest(data: bytes) -> Snapshot:
    """What a manifest says.

    Raises:
        ValueError: it is none; a part has another name than the three, or a size is no size.
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
        raise ValueError("a value is of the wrong kind")
    if any(not name or name.startswith(".") or "/" in name or "\0" in name for name in texts[:2]):
        raise ValueError("a name cannot be a folder's")
    if any(part.name not in (DATABASE, FILES, _INDEX) for part in parts):
        raise ValueError("it names a part that no snapshot has")
    return snapshot


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 0
