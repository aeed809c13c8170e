"""Restore points on the hosts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update

from runner.record.schema import restore_points
from runner.record.store import Records, upsert

__all__ = ["RestorePoints"]


class RestorePoints(Records):
    """The restore points of all runs."""

    def record(
        self,
        run: str,
        site: str,
        path: str,
        *,
        created: datetime,
        size: int | None = None,
        items: Sequence[object] = (),
    ) -> None:
        """Record a restore point at `path` on the host; `size` is in bytes."""
        row = {"run": run, "site": site, "path": path, "created": created, "bytes": size}
        row |= {"items": list(items)}
        with self._store.write(concurrent=True) as connection:
            upsert(connection, restore_points, row, key="run site path")

    def removed(self, run: str, site: str, path: str, at: datetime) -> None:
        """Record that a restore point was deleted from the host."""
        mine = restore_points.c.run == run, restore_points.c.site == site, restore_points.c.path == path
        with self._store.write(concurrent=True) as connection:
            connection.execute(update(restore_points).where(*mine).values(removed=at))
