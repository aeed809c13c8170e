"""Runs and items in the ledger, read with plain SQL: the ledger's own code takes too long to import."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from urllib.parse import quote

__all__ = ["changed_items", "held_items", "planned_runs", "runs"]

_RUNS = 50
_ITEMS = 200
_WAIT = 0.05
"""Seconds to wait for a lock."""


def runs(file: str, *, unfinished: bool = False) -> dict[str, str]:
    """Return the latest runs, newest first, each with its playbook, start and outcome."""
    where = "where state <> 'ended'" if unfinished else ""
    query = f"select run, playbook, started, coalesce(outcome, state) from runs {where} order by started desc"  # noqa: S608
    with _reading(file) as ledger:
        found = ledger.execute(f"{query} limit {_RUNS}")
        return {
            run: f"{playbook}, {started[:16].replace('T', ' ')} UTC, {end}"
            for run, playbook, started, end in found
        }


def planned_runs(file: str) -> dict[str, str]:
    """Return the runs whose plan can be answered, the soonest first, each with its state."""
    query = (
        "select \"window\", starts, client, state from approvals a where sites <> '[]' "
        "and until >= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') and not exists (select 1 from windows w "
        'where w."window" = a."window" and w.client = a.client and w.starts = a.starts) order by starts'
    )
    with _reading(file) as ledger:
        found = ledger.execute(f"{query} limit {_RUNS}")
        return {
            f"{window}-{starts[:16].replace('-', '').replace('T', '-').replace(':', '')}-{client}": state
            for window, starts, client, state in found
        }


def held_items(file: str, sites: Collection[str] = ()) -> dict[str, str]:
    """Return the items on hold, with the site and the version; only those of `sites` if these have any."""
    query = (
        "select item, site, version from holds where lifted is null "
        "and (until is null or until >= date('now', '-1 day')) order by item, site desc"
    )
    with _reading(file) as ledger:
        held = ledger.execute(query).fetchall()
    mine = [row for row in held if row[1] in sites] or held
    return {item: f"{site} {version}".strip() for item, site, version in mine}


def changed_items(file: str) -> dict[str, str]:
    """Return items that were changed before, by name."""
    query = f"select distinct item, title from changes order by item limit {_ITEMS}"  # noqa: S608
    with _reading(file) as ledger:
        return dict(ledger.execute(query).fetchall())


@contextmanager
def _reading(file: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{quote(file)}?mode=ro", uri=True, timeout=_WAIT)) as ledger:
        yield ledger
