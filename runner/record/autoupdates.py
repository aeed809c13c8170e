"""WordPress's automatic updates of held items, and whether they are switched off."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from runner.record.schema import auto_updates
from runner.record.store import Records
from runner.record.views import AutoUpdateView, HeldAutoUpdate
from runner.record.websites import find_website, website_of_run

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["AutoUpdates", "auto_update_view"]


class AutoUpdates(Records):
    """Automatic updates that are switched off while their item is held."""

    def asked(self, site: str, run: str, held: HeldAutoUpdate, *, was: str, at: datetime) -> int:
        """Record that an automatic update is about to be switched off; return the row's number.

        If an unsettled row exists, because it is not known whether an earlier request took effect, that row
        is kept.

        Args:
            site: the site's name in the run.
            run: the run that asks.
            held: the automatic update.
            was: the value of WordPress's option before.
            at: when.
        """
        with self._store.write() as connection:
            website, client = website_of_run(connection, run, site, at)
            mine = (
                auto_updates.c.website == website,
                auto_updates.c.kind == held.kind,
                auto_updates.c.key == held.key,
            )
            unsettled = select(auto_updates.c.id).where(*mine, auto_updates.c.settled.is_(None))
            if (number := connection.execute(unsettled).scalar_one_or_none()) is not None:
                return int(number)
            row = asdict(held) | {"site": site, "run": run, "was": was, "state": "asked", "forced": ""}
            row |= {"website": website, "client": client, "since": at}
            found = connection.execute(insert(auto_updates).values(**row))
            return int(found.inserted_primary_key[0])  # type: ignore[index]

    def forced(self, site: str, run: str, held: HeldAutoUpdate, *, by: str, at: datetime) -> None:
        """Record once per run that an automatic update cannot be switched off; `by` says what forces it."""
        mine = auto_updates.c.run == run, auto_updates.c.site == site, auto_updates.c.state == "forced"
        same = auto_updates.c.kind == held.kind, auto_updates.c.key == held.key
        row = asdict(held) | {"site": site, "run": run, "was": "", "state": "forced", "forced": by}
        row |= {"settled_run": run, "since": at, "settled": at}
        with self._store.write() as connection:
            if not connection.execute(select(auto_updates.c.id).where(*mine, *same)).first():
                website, client = website_of_run(connection, run, site, at)
                connection.execute(insert(auto_updates).values(**row, website=website, client=client))

    def set_state(
        self, number: int, state: str, *, run: str | None = None, at: datetime | None = None
    ) -> None:
        """Set the state of a row; `run` and `at` settle it."""
        mine = auto_updates.c.id == number
        values: dict[str, object] = {"state": state, "settled_run": run, "settled": at}
        with self._store.write() as connection:
            if run is not None and at is not None:
                site = connection.execute(select(auto_updates.c.site).where(mine)).scalar_one()
                website, client = website_of_run(connection, run, site, at)
                values |= {"website": website, "client": client}
            connection.execute(update(auto_updates).where(mine).values(**values))

    def delete(self, number: int) -> None:
        """Delete the row of a request that had no effect."""
        with self._store.write() as connection:
            connection.execute(delete(auto_updates).where(auto_updates.c.id == number))

    def list_unsettled(self, site: str, *, run: str | None = None) -> tuple[AutoUpdateView, ...]:
        """Return what is switched off at a site, or was about to be; with `run`, `site` is its name there."""
        with self._store.read() as connection:
            mine = auto_updates.c.website == find_website(connection, site, run)
            query = select(auto_updates).where(mine, auto_updates.c.settled.is_(None))
            found = connection.execute(query.order_by(auto_updates.c.id)).mappings()
            return tuple(map(auto_update_view, found))


def auto_update_view(row: RowMapping) -> AutoUpdateView:
    """Convert a row of `auto_updates`."""
    return AutoUpdateView(**{name: row[name] for name in AutoUpdateView.__slots__})
