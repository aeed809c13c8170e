"""Automatic updates of WordPress that were switched off, and what became of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from runner.record.schema import auto_updates
from runner.record.store import Store
from runner.record.views import AutoUpdateView
from runner.record.websites import find_website, website_of_run

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["AutoUpdateBook", "auto_update_view"]


class AutoUpdateBook(Store):
    """What is switched off at sites for as long as an item is held."""

    def auto_update_asked(
        self, site: str, run: str, *, kind: str, key: str, item: str, was: str, why: str, at: datetime
    ) -> int:
        """Write down that one is about to be switched off; the number of the row.

        One that was asked for and of which it is not known whether it happened keeps its row.
        """
        with self._write() as connection:
            website, client = website_of_run(connection, run, site, at)
            mine = auto_updates.c.website == website, auto_updates.c.kind == kind, auto_updates.c.key == key
            known = select(auto_updates.c.id).where(*mine, auto_updates.c.settled.is_(None))
            if (number := connection.execute(known).scalar_one_or_none()) is not None:
                return int(number)
            row: dict[str, object] = {
                "site": site,
                "run": run,
                "kind": kind,
                "key": key,
                "item": item,
                "was": was,
            }
            row |= {"state": "asked", "why": why, "forced": ""} | _owner(website, client)
            found = connection.execute(insert(auto_updates).values(**row, since=at))
            return int(found.inserted_primary_key[0])  # type: ignore[index]

    def auto_update_forced(
        self, site: str, run: str, *, kind: str, key: str, item: str, why: str, forced: str, at: datetime
    ) -> None:
        """Write down that one could not be switched off in a run, once."""
        mine = auto_updates.c.run == run, auto_updates.c.site == site, auto_updates.c.state == "forced"
        same = auto_updates.c.kind == kind, auto_updates.c.key == key
        row = {"site": site, "run": run, "kind": kind, "key": key, "item": item, "was": "", "why": why}
        row |= {"state": "forced", "forced": forced, "settled_run": run}
        with self._write() as connection:
            if not connection.execute(select(auto_updates.c.id).where(*mine, *same)).first():
                owner = _owner(*website_of_run(connection, run, site, at))
                connection.execute(insert(auto_updates).values(**row, **owner, since=at, settled=at))

    def auto_update_state(
        self, number: int, state: str, *, run: str | None = None, at: datetime | None = None
    ) -> None:
        """How one is now; with `run` and `at` it is settled."""
        mine = auto_updates.c.id == number
        values: dict[str, object] = {"state": state, "settled_run": run, "settled": at}
        with self._write() as connection:
            if run is not None and at is not None:
                site = connection.execute(select(auto_updates.c.site).where(mine)).scalar_one()
                values |= _owner(*website_of_run(connection, run, site, at))
            connection.execute(update(auto_updates).where(mine).values(**values))

    def auto_update_dropped(self, number: int) -> None:
        """Forget one that was asked for and did not happen."""
        with self._write() as connection:
            connection.execute(delete(auto_updates).where(auto_updates.c.id == number))

    def open_auto_updates(self, site: str, *, run: str | None = None) -> tuple[AutoUpdateView, ...]:
        """What is switched off at a site, or was about to be; `site` is its name in `run`, if given."""
        with self._read() as connection:
            mine = auto_updates.c.website == find_website(connection, site, run)
            query = select(auto_updates).where(mine, auto_updates.c.settled.is_(None))
            found = connection.execute(query.order_by(auto_updates.c.id)).mappings()
            return tuple(map(auto_update_view, found))


def _owner(website: int, client: str) -> dict[str, object]:
    return {"website": website, "client": client}


def auto_update_view(row: RowMapping) -> AutoUpdateView:
    """A row of `auto_updates`."""
    return AutoUpdateView(**{name: row[name] for name in AutoUpdateView.__slots__})
