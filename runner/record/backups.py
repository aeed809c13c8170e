"""Backups: complete snapshots in a store."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select, update

from runner.record.schema import backups, websites
from runner.record.store import Records, insert_new, now
from runner.record.views import BackupView
from runner.record.websites import find_website, website_of_run

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["Backups", "backup_view", "select_backups"]


class Backups(Records):
    """The snapshots of all sites."""

    def record(self, backup: BackupView) -> bool:
        """Record a complete snapshot; return False if it is recorded already."""
        row = asdict(backup)
        row["bytes"] = row.pop("size")
        with self._store.write() as connection:
            website, _ = website_of_run(connection, backup.run, backup.site, backup.taken)
            return insert_new(connection, backups, row | {"website": website})

    def verified(self, snapshot: str, at: datetime | None = None) -> None:
        """Record that a snapshot was read back and matched its manifest."""
        self._update(snapshot, verified=at or now())

    def removed(self, snapshot: str, at: datetime | None = None) -> None:
        """Record that a snapshot was deleted from its store."""
        self._update(snapshot, removed=at or now())

    def list(self, site: str | None = None, *, removed: bool = False) -> tuple[BackupView, ...]:
        """Return snapshots, newest first; deleted ones only if `removed`."""
        query = select_backups().order_by(backups.c.taken.desc(), backups.c.snapshot.desc())
        if not removed:
            query = query.where(backups.c.removed.is_(None))
        with self._store.read() as connection:
            if site is not None:
                query = query.where(backups.c.website == find_website(connection, site))
            return tuple(map(backup_view, connection.execute(query).mappings()))

    def newest(self, site: str) -> BackupView | None:
        """Return the newest snapshot of a site that is still in its store."""
        query = select_backups().where(backups.c.removed.is_(None)).order_by(backups.c.taken.desc()).limit(1)
        with self._store.read() as connection:
            query = query.where(backups.c.website == find_website(connection, site))
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else backup_view(row)

    def _update(self, snapshot: str, **values: datetime) -> None:
        with self._store.write() as connection:
            connection.execute(update(backups).where(backups.c.snapshot == snapshot).values(**values))


def select_backups() -> Select[Any]:
    """Select rows of `backups` with the present name of their site."""
    columns = (column for column in backups.c if column.name != "site")
    return select(websites.c.name.label("site"), *columns).join(websites, websites.c.id == backups.c.website)


def backup_view(row: RowMapping) -> BackupView:
    """Convert a row of `select_backups`."""
    fields: dict[str, Any] = {name: row[name] for name in BackupView.__slots__ if name != "size"}
    return BackupView(**fields | {"size": row["bytes"]})
