"""Copies of a ledger in an SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from runner.errors import LedgerError
from runner.record.database import BUSY_SECONDS, NOT_A_LEDGER
from runner.record.schema import REVISIONS

__all__ = ["back_up", "check", "replace"]

_BESIDE = ("-wal", "-shm")
"""Files of SQLite next to the database."""


def back_up(file: Path, target: Path) -> None:
    """Copy a ledger to a new file. The copy is checked before it gets its name."""
    if target.exists():
        raise LedgerError(f"{target} exists already", hint="choose another name, or delete it first")
    part = target.with_name(f".{target.name}.part")
    with _explained(file, target), _removed(part):
        _copy(file, part)
        check(part)
        part.rename(target)
        _sync(target.parent)


def check(copy: Path) -> None:
    """Check that a file is a whole ledger of this or an earlier version."""
    if not copy.is_file():
        raise LedgerError(f"there is no file {copy}", hint="a copy is made by `sitecrew ledger backup FILE`")
    try:
        with closing(_open(copy, "mode=ro")) as connection:
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"{copy} is not a copy of a ledger: {error}", hint=NOT_A_LEDGER) from error
    if damage != "ok":
        raise LedgerError(f"{copy} is damaged: {str(damage).splitlines()[0]}", hint="use another copy")
    if revision is None or revision[0] not in REVISIONS:
        raise LedgerError(
            f"{copy} was written by a newer Sitecrew",
            hint="install that version: `pip install --upgrade sitecrew`",
        )


def replace(file: Path, copy: Path, stamp: str) -> Path | None:
    """Put a copy in the place of a ledger; return the previous one, which has a new name."""
    new = file.with_name(f"{file.name}.restoring")
    kept = file.with_name(f"{file.stem}-replaced-{stamp}{file.suffix}")
    with _explained(copy, file), _removed(new):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy(copy, new)
        check(new)
        _set_aside(file.with_name("engine.db"), file.with_name(f"engine-replaced-{stamp}.db"))
        existed = file.exists()
        if existed:
            _merge_log(file)
            kept.hardlink_to(file)  # under its own name, too, until the copy replaces it at once
            _set_aside_logs(file, kept)
        new.replace(file)
        _sync(file.parent)
    return kept if existed else None


def _copy(source: Path, target: Path) -> None:
    """Copy a database in one read transaction, which does not make writers wait."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(_open(source, "mode=ro")) as old, closing(_open(target, "mode=rw")) as new:
        old.backup(new)
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _merge_log(file: Path) -> None:
    """Write the write-ahead log into the file if that is possible; a damaged file is kept as it is."""
    with suppress(sqlite3.Error), closing(_open(file, "mode=rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _set_aside(file: Path, kept: Path) -> None:
    if file.exists():
        file.rename(kept)
    _set_aside_logs(file, kept)


def _set_aside_logs(file: Path, kept: Path) -> None:
    for end in _BESIDE:
        with suppress(FileNotFoundError):
            file.with_name(file.name + end).rename(kept.with_name(kept.name + end))


def _open(file: Path, parameters: str) -> sqlite3.Connection:
    address = f"file:{quote(str(file))}?{parameters}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


@contextmanager
def _removed(part: Path) -> Iterator[None]:
    """Remove an unfinished copy of this attempt or of one that was killed."""
    _unlink(part)
    try:
        yield
    finally:
        _unlink(part)


def _unlink(part: Path) -> None:
    for end in ("", *_BESIDE):
        part.with_name(part.name + end).unlink(missing_ok=True)


@contextmanager
def _explained(source: Path, target: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(f"{source} could not be copied to {target}: {error}") from error
    except OSError as error:
        raise LedgerError(
            f"{target} cannot be written: {error.strerror or error}", hint="check the folder and the disk"
        ) from error


def _sync(folder: Path) -> None:
    """Write the new names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
