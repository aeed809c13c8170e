"""Websites and clients in the ledger: which website a name means, renames, and reused names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, delete, exists, insert, select, update

from runner.errors import LockedError, UsageError
from runner.model import RESUMABLE, Inventory, Site, State
from runner.record.acts import add_act
from runner.record.identity import (
    Added,
    Known,
    Merged,
    Moves,
    Retired,
    Updated,
    compare,
    is_another,
    name_before_rename,
)
from runner.record.open_runs import IS_OPEN
from runner.record.schema import (
    announcements,
    approvals,
    auto_updates,
    backups,
    clients,
    deliveries,
    holds,
    look_summaries,
    looks,
    pauses,
    reports,
    run_sites,
    runs,
    schedules,
    sightings,
    websites,
    windows,
)
from runner.record.store import Records, now, upsert
from runner.record.views import ClientView, WebsiteView
from runner.shell import command

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping, Select, Table

__all__ = [
    "OF_CLIENTS",
    "OF_WEBSITES",
    "Websites",
    "ensure_website",
    "find_website",
    "recorded_website_of_run",
    "website_of_run",
]

OF_WEBSITES = (run_sites, looks, look_summaries, backups, holds, auto_updates)
"""Tables with a column `website` that is not part of the key (unlike `sightings`)."""
OF_CLIENTS = (
    run_sites,
    looks,
    look_summaries,
    backups,
    auto_updates,
    websites,
    windows,
    pauses,
    approvals,
    schedules,
    reports,
    deliveries,
    announcements,
)
"""Tables with a column `client`."""


class Websites(Records):
    """All websites that ever were in the inventory."""

    def sync(self, inventory: Inventory, *, at: datetime | None = None) -> tuple[str, ...]:
        """Update websites and clients from the inventory: new sites, renames, moves and reused names.

        Does nothing if the ledger is read-only. A name keeps its meaning until all runs of its website have
        ended.

        Returns:
            Messages about renames and about names that mean another website now.

        Raises:
            UsageError: `was` names a site or client that is still in the inventory.
        """
        at = at or now()
        with self._store.read() as connection:
            if self._store.read_only or not compare(_known(connection), inventory, at):
                return ()
        with self._store.write() as connection:
            moves = compare(_known(connection), inventory, at)
            return tuple(self._apply(connection, moves, at))

    def check_names_free(self, sites: Iterable[Site]) -> None:
        """Check that no site's name still belongs to another website in an unfinished run.

        Raises:
            LockedError: a name does; the hint says how to finish that run.
        """
        with self._store.read() as connection:
            known = _known(connection).websites
            for site in sites:
                there = known.get(site.name)
                if there is None or not is_another(there, site):
                    continue
                if run := connection.execute(_open_runs(there.id)).scalars().first():
                    raise LockedError(
                        f"site {site.name} is a different website now (its address and path changed),"
                        f" and run {run} of the previous one has not ended",
                        hint=f"first run `{command('resume', run)}` or `{command('cancel', run)}`",
                    )

    def check_names_unchanged(self, run: str) -> None:
        """Check that a run can be resumed: its sites' names still mean the same websites.

        Sites with nothing left to do are not checked.

        Raises:
            UsageError: a name means another website now.
        """
        then, today = websites.alias(), websites.alias()
        query = (
            select(run_sites.c.site, then.c.name, runs.c.state)
            .join(runs, runs.c.run == run_sites.c.run)
            .join(then, then.c.id == run_sites.c.website)
            .join(today, (today.c.name == run_sites.c.site) & (today.c.id != then.c.id))
            .where(
                run_sites.c.run == run, run_sites.c.outcome.is_(None) | run_sites.c.outcome.in_(_RESUMABLE)
            )
            .order_by(run_sites.c.site)
        )
        with self._store.read() as connection:
            found = connection.execute(query).first()
        if found is not None:
            ended = found.state == State.ENDED.value
            raise UsageError(
                f"run {run} cannot be resumed: {found.site} is a different website now;"
                f" the website of the run is in the ledger as {found.name}",
                hint=f"start a new run; see: {command('show', run)}" if ended else command("cancel", run),
            )

    def recorded_name(self, site: Site) -> str:
        """Return a site's name in the ledger; empty if the ledger has no rows about it.

        It can differ from the inventory only in a read-only ledger, which cannot apply renames.
        """
        if not self._store.read_only:
            return site.name
        with self._store.read() as connection:
            return name_before_rename(_known(connection), site)

    def list(self) -> tuple[WebsiteView, ...]:
        """Return all websites by name, including those that have left the inventory."""
        with self._store.read() as connection:
            return tuple(_known(connection).websites.values())

    def knows(self, name: str) -> bool:
        """Return whether any website has or had this name."""
        with self._store.read() as connection:
            return find_website(connection, name) is not None

    def names_in_run(self, run: str) -> dict[str, str]:
        """Return the sites of a run: their present names, mapped to their names in the run."""
        query = (
            select(websites.c.name, run_sites.c.site)
            .join(websites, websites.c.id == run_sites.c.website)
            .where(run_sites.c.run == run)
        )
        with self._store.read() as connection:
            return {row.name: row.site for row in connection.execute(query)}

    def name_in_run(self, run: str, site: str) -> str:
        """Return the name that a site had in a run."""
        return self.names_in_run(run).get(site, site)

    def _apply(self, connection: Connection, moves: Moves, at: datetime) -> Iterator[str]:
        for old, new in moves.renamed:
            _rename_client(connection, old, new)
            details = {"client": new, "was": old}
            add_act(connection, self._store.operator, "rename", f"client {old} to {new}", details=details)
            yield f"client {old} is now {new}; its history is kept"
        for client in moves.clients:
            row = {name: getattr(client, name) for name in ClientView.__slots__}
            upsert(connection, clients, row, key="client")
        for move in moves.websites:
            yield from self._move(connection, move, at)

    def _move(
        self, connection: Connection, move: Added | Updated | Merged | Retired, at: datetime
    ) -> Iterator[str]:
        match move:
            case Added(site):
                row = {"name": site.name, "client": site.client, "since": at, "was": site.was}
                row |= {"url": site.url, "host": site.host, "path": site.path}
                connection.execute(insert(websites), row)
            case Merged(gone, into):
                _merge(connection, gone.id, into.id)
            case Updated(website, before):
                _store(connection, website)
                if website.name != before:
                    details = {"site": website.name, "was": before, "client": website.client}
                    subject = f"site {before} to {website.name}"
                    add_act(connection, self._store.operator, "rename", subject, details=details)
                    yield f"site {before} is now {website.name}; its history is kept"
            case Retired(website, before):
                _store(connection, website)
                details = {"site": before, "kept": website.name, "client": website.client}
                add_act(connection, self._store.operator, "retire", f"site {before}", details=details)
                yield (
                    f"site {before} has a new address and a new path, so it is treated as a different"
                    f" website; the history of the previous one is kept as {website.name}."
                    f" If it is the same website, add `was: {website.name}` to the site"
                )


def find_website(connection: Connection, site: str, run: str | None = None) -> int | None:
    """Return the id of the website with this name, else of the last one that had it, else None.

    With `run`, the website that had the name in that run comes first.
    """
    if run is not None:
        mine = select(run_sites.c.website).where(run_sites.c.run == run, run_sites.c.site == site)
        if (then := connection.execute(mine).scalar_one_or_none()) is not None:
            return int(then)
    named = select(websites.c.id).where(websites.c.name == site)
    current: int | None = connection.execute(named).scalar_one_or_none()
    if current is not None:
        return current
    before = (
        select(run_sites.c.website)
        .join(runs, runs.c.run == run_sites.c.run)
        .where(run_sites.c.site == site)
        .order_by(runs.c.started.desc())
        .limit(1)
    )
    found: int | None = connection.execute(before).scalar_one_or_none()
    return found


def ensure_website(
    connection: Connection, site: str, at: datetime, *, client: str = "", host: str = ""
) -> int:
    """Return the id of the website with this name; add it if needed, and set its client if that changed."""
    found = find_website(connection, site)
    if found is None:
        row = {"name": site, "client": client, "host": host, "since": at}
        return int(connection.execute(insert(websites).values(**row)).inserted_primary_key[0])  # type: ignore[index]
    if client:
        mine = update(websites).where(websites.c.id == found, websites.c.client != client)
        connection.execute(mine.where(websites.c.client != "").values(moved=at))
        connection.execute(mine.values(client=client))
    return found


def recorded_website_of_run(connection: Connection, run: str | None, site: str) -> tuple[int, str] | None:
    """Return the website of a site in a run and its client then, None if neither was recorded."""
    mine = select(run_sites.c.website, run_sites.c.client).where(
        run_sites.c.run == run, run_sites.c.site == site
    )
    row = connection.execute(mine).one_or_none()
    return None if row is None or row.website is None else (row.website, row.client)


def website_of_run(connection: Connection, run: str | None, site: str, at: datetime) -> tuple[int, str]:
    """Return the website of a site in a run, and the client that it belonged to then."""
    if (known := recorded_website_of_run(connection, run, site)) is not None:
        return known
    found = ensure_website(connection, site, at)
    return found, connection.execute(select(websites.c.client).where(websites.c.id == found)).scalar_one()


def _known(connection: Connection) -> Known:
    sites = connection.execute(select(websites).order_by(websites.c.name)).mappings()
    known = connection.execute(select(clients)).mappings()
    busy = connection.execute(_BUSY).scalars()
    return Known(
        {row["name"]: _website(row) for row in sites},
        {row["client"]: ClientView(**row) for row in known},
        frozenset(busy),
    )


def _website(row: RowMapping) -> WebsiteView:
    return WebsiteView(**row)


def _store(connection: Connection, website: WebsiteView) -> None:
    row = {name: getattr(website, name) for name in WebsiteView.__slots__ if name != "id"}
    connection.execute(update(websites).where(websites.c.id == website.id).values(**row))


def _merge(connection: Connection, gone: int, into: int) -> None:
    for table in OF_WEBSITES:
        connection.execute(update(table).where(table.c.website == gone).values(website=into))
    _reassign(connection, sightings, "website", gone, into)
    connection.execute(delete(websites).where(websites.c.id == gone))


def _rename_client(connection: Connection, old: str, new: str) -> None:
    for table in OF_CLIENTS:
        _reassign(connection, table, "client", old, new)
    connection.execute(delete(clients).where(clients.c.client == old))


def _reassign(connection: Connection, table: Table, column: str, old: object, new: object) -> None:
    """Move rows to another owner. Rows that the new owner has already win."""
    mine, other = table.c[column] == old, table.alias()
    for key in _keys(table, column):
        same = (other.c[name] == table.c[name] for name in key - {column})
        connection.execute(delete(table).where(mine, exists().where(other.c[column] == new, *same)))
    connection.execute(update(table).where(mine).values({column: new}))


def _keys(table: Table, column: str) -> Iterator[set[str]]:
    """Yield the columns of each unique key that a column is part of."""
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint) and column in constraint.columns:
            yield {one.name for one in constraint.columns}


_RESUMABLE = tuple(outcome.value for outcome in RESUMABLE)
_BUSY = select(run_sites.c.website).join(runs, runs.c.run == run_sites.c.run).where(IS_OPEN).distinct()


def _open_runs(website: int) -> Select[Any]:
    return (
        select(runs.c.run)
        .join(run_sites, run_sites.c.run == runs.c.run)
        .where(run_sites.c.website == website, IS_OPEN)
    )
