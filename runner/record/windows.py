"""Due windows: each ends as exactly one of run, missed, skipped, whoever was there to see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from runner.record.schema import windows
from runner.record.store import Store, insert_new, now
from runner.record.views import WindowState, WindowView

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["WindowBook", "window_view"]


class WindowBook(Store):
    """Due windows."""

    def claim_window(
        self,
        window: str,
        starts: datetime,
        *,
        closes: datetime,
        state: WindowState,
        client: str = "",
        site: str = "",
        run: str | None = None,
        why: str = "",
        at: datetime | None = None,
    ) -> bool:
        """Decide what becomes of a due window. True for exactly one of all who try; it stays as decided."""
        row = {
            "window": window,
            "client": client,
            "site": site,
            "starts": starts,
            "closes": closes,
            "state": state.value,
            "run": run,
            "why": why,
            "recorded": at or now(),
        }
        with self._write() as connection:
            return insert_new(connection, windows, row)

    def window_missed(
        self, window: str, starts: datetime, *, why: str, client: str = "", site: str = ""
    ) -> bool:
        """Correct a claimed window whose run never began work; False when it was not claimed as run."""
        mine = (
            (windows.c.window == window)
            & (windows.c.starts == starts)
            & (windows.c.client == client)
            & (windows.c.site == site)
            & (windows.c.state == WindowState.RUN.value)
        )
        missed = {"state": WindowState.MISSED.value, "why": why}
        with self._write() as connection:
            return connection.execute(update(windows).where(mine).values(**missed)).rowcount == 1

    def list_windows(
        self, window: str | None = None, *, since: datetime | None = None, limit: int | None = 100
    ) -> tuple[WindowView, ...]:
        """Due windows that were decided, the latest start first."""
        query = select(windows).order_by(windows.c.starts.desc(), windows.c.id.desc()).limit(limit)
        if window is not None:
            query = query.where(windows.c.window == window)
        if since is not None:
            query = query.where(windows.c.starts >= since)
        with self._read() as connection:
            return tuple(map(window_view, connection.execute(query).mappings()))


def window_view(row: RowMapping) -> WindowView:
    """A row of `windows`."""
    fields = {name: row[name] for name in WindowView.__slots__}
    return WindowView(**fields | {"state": WindowState(row["state"])})
