"""Opens the ledger's database, of the kind that its address names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.record import sqlite

if TYPE_CHECKING:
    from runner.model import LedgerAddress
    from runner.record.database import Database

__all__ = ["open_database"]


def open_database(address: LedgerAddress, *, read_only: bool) -> Database:
    """Open a ledger of this code's revision. Create or upgrade it if needed; read-only: only open it.

    Raises:
        NoLedgerError: there is none yet, and it is opened read-only.
        LedgerError: it cannot be opened, is not a ledger, or was written by a newer or (read-only)
            older Sitecrew.
        SecretError: the password cannot be read.
    """
    if address.is_postgresql:
        from runner.record import postgresql

        return postgresql.open_database(address, read_only=read_only)
    return sqlite.open_file(sqlite.file_of(address.url), read_only=read_only)
