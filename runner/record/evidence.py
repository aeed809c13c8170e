"""What proves the state of a site: looks from outside, restore points on the host, backups in a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select, update

from runner.record.schema import backups, looks, restore_points, websites
from runner.record.store import Store, insert_new, now, upsert
from runner.record.views import BackupView
from runner.record.websites import find_website, website_of_run

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from runner.model import Seen

__all__ = ["EvidenceBook", "backup_view", "of_backups"]


class EvidenceBook(Store):
    """Looks, restore points and backups."""

    def record_look(
        self,
        *,
        site: str,
        at: datetime,
        phase: str,
        signal: str,
        healthy: bool | None,
        run: str | None = None,
        url: str = "",
        status: int | None = None,
        seconds: float | None = None,
        size: int | None = None,
        findings: Sequence[object] = (),
        note: str = "",
        seen: Seen | None = None,
    ) -> bool:
        """Write down one look.

        Args:
            site: what was looked at.
            at: when.
            phase: `before`, `after`, `undo` or `soak`.
            signal: how it was looked at, like `boot`, `uncached`, `page`, `sub-site`.
            healthy: the verdict; None when the look gave none, which is not the same as unhealthy.
            run: the run that wanted it, if one did.
            url: the page, if it was one.
            status: the HTTP status, if there was an answer.
            seconds: how long it took.
            size: bytes of the body.
            findings: what was found, anything that JSON can hold.
            note: a word for people.
            seen: whether it saw what it was to see.

        Returns:
            False when this very look is recorded already.
        """
        row = {
            "run": run,
            "site": site,
            "at": at,
            "phase": phase,
            "signal": signal,
            "url": url,
            "healthy": healthy,
            "status": status,
            "seconds": seconds,
            "bytes": size,
            "findings": list(findings),
            "note": note,
            "seen": seen.value if seen else None,
        }
        with self._write() as connection:
            website, client = website_of_run(connection, run, site, at)
            return insert_new(connection, looks, row | {"website": website, "client": client})

    def record_restore_point(
        self,
        run: str,
        site: str,
        path: str,
        *,
        created: datetime,
        size: int | None = None,
        items: Sequence[object] = (),
    ) -> None:
        """Write down what was put aside at `path` on the host; `size` in bytes."""
        row = {"run": run, "site": site, "path": path, "created": created, "bytes": size}
        row |= {"items": list(items)}
        with self._write() as connection:
            upsert(connection, restore_points, row, key="run site path")

    def restore_point_removed(self, run: str, site: str, path: str, at: datetime) -> None:
        """Say that a restore point is no longer on the host."""
        mine = restore_points.c.run == run, restore_points.c.site == site, restore_points.c.path == path
        with self._write() as connection:
            connection.execute(update(restore_points).where(*mine).values(removed=at))

    def record_backup(
        self,
        snapshot: str,
        *,
        site: str,
        client: str,
        taken: datetime,
        store: str,
        uri: str,
        size: int,
        manifest_sha256: str,
        run: str | None = None,
        files: int | None = None,
        tables: int | None = None,
        verified: datetime | None = None,
    ) -> bool:
        """Write down a snapshot that lies complete in its store; `size` is in bytes.

        Returns:
            False when it is recorded already.
        """
        row = {
            "snapshot": snapshot,
            "site": site,
            "client": client,
            "run": run,
            "taken": taken,
            "store": store,
            "uri": uri,
            "bytes": size,
            "files": files,
            "tables": tables,
            "manifest_sha256": manifest_sha256,
            "verified": verified,
        }
        with self._write() as connection:
            website, _ = website_of_run(connection, run, site, taken)
            return insert_new(connection, backups, row | {"website": website})

    def backup_verified(self, snapshot: str, at: datetime | None = None) -> None:
        """Say that a snapshot was read back and is what its manifest says."""
        self._mark_backup(snapshot, verified=at or now())

    def backup_removed(self, snapshot: str, at: datetime | None = None) -> None:
        """Say that a snapshot left its store."""
        self._mark_backup(snapshot, removed=at or now())

    def list_backups(self, site: str | None = None, *, removed: bool = False) -> tuple[BackupView, ...]:
        """Snapshots, newest first; those that left their store only when `removed`."""
        query = of_backups().order_by(backups.c.taken.desc(), backups.c.snapshot.desc())
        if not removed:
            query = query.where(backups.c.removed.is_(None))
        with self._read() as connection:
            if site is not None:
                query = query.where(backups.c.website == find_website(connection, site))
            return tuple(map(backup_view, connection.execute(query).mappings()))

    def last_backup(self, site: str) -> BackupView | None:
        """The newest snapshot that is still in its store, None when there is none."""
        query = of_backups().where(backups.c.removed.is_(None)).order_by(backups.c.taken.desc()).limit(1)
        with self._read() as connection:
            query = query.where(backups.c.website == find_website(connection, site))
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else backup_view(row)

    def _mark_backup(self, snapshot: str, **values: datetime) -> None:
        with self._write() as connection:
            connection.execute(update(backups).where(backups.c.snapshot == snapshot).values(**values))


def of_backups() -> Select[Any]:
    """Rows of `backups` with what their site is called now."""
    columns = (column for column in backups.c if column.name != "site")
    return select(websites.c.name.label("site"), *columns).join(websites, websites.c.id == backups.c.website)


def backup_view(row: RowMapping) -> BackupView:
    """A row of `of_backups`."""
    fields: dict[str, Any] = {name: row[name] for name in BackupView.__slots__ if name != "size"}
    return BackupView(**fields | {"size": row["bytes"]})
