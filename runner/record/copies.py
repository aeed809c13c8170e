"""Copies of the whole ledger: made while it is in use, and put in its place when nothing uses it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runner.record import postgresql_copy, sqlite_copy
from runner.record.sqlite import file_of

if TYPE_CHECKING:
    from runner.model import LedgerAddress

__all__ = ["back_up", "check_copy", "replace"]


def back_up(address: LedgerAddress, target: Path) -> None:
    """Copy the ledger to a new file as it is at one instant. Other processes continue meanwhile.

    Raises:
        LedgerError: the ledger cannot be read, or the file cannot be written or exists.
        SecretError: the password cannot be read.
    """
    if address.is_postgresql:
        postgresql_copy.back_up(address, target)
    else:
        sqlite_copy.back_up(file_of(address.url), target)


def check_copy(address: LedgerAddress, copy: Path) -> None:
    """Check that a file is a whole copy of a ledger, which this version can read.

    Raises:
        LedgerError: it is not.
    """
    if address.is_postgresql:
        postgresql_copy.check(copy)
    else:
        sqlite_copy.check(copy)


def replace(address: LedgerAddress, copy: Path, now: datetime, *, folder: Path) -> Path | None:
    """Put a copy in the place of the ledger, without the engine's rows; return the previous ledger, if any.

    Args:
        address: of the ledger.
        copy: a file that `check_copy` accepts.
        now: for the name of the previous ledger.
        folder: of the previous ledger's dump, if it is in PostgreSQL; else it is kept next to its file.

    Raises:
        LedgerError: the copy cannot be read, or the ledger cannot be written. It is as before then.
        SecretError: the password cannot be read.
    """
    if address.is_postgresql:
        kept = folder / f"ledger-replaced-{_stamp(now)}.dump"
        return postgresql_copy.replace(address, copy, kept)
    return sqlite_copy.replace(file_of(address.url), copy, _stamp(now))


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%d-%H%M%S-%f}"[:-3]  # two may be replaced within a second
