"""How large the ledger becomes: rows and bytes of 1,000 sites in five years, with and without pruning.

Records what a weekly window of a tenth of the sites leaves behind, prunes it, and scales the result. The
proportions are those of a site with 25 plugins, 3 of which are updated each week.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from bench.parts.measure import Criterion, show
from runner.model import Retention
from runner.plan import cutoffs
from runner.record import Ledger
from runner.record.chain import START, Link, seal
from runner.record.schema import (
    acts,
    backups,
    changes,
    deliveries,
    instant_text,
    looks,
    metadata,
    reports,
    restore_points,
    run_sites,
    runs,
    segments,
    sightings,
    steps,
    websites,
    windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SITES, YEARS, CLIENTS_OF = 1_000, 5, 5
SHARE = 10
"""One of so many sites is recorded."""
LIMIT = 2_000.0
"""Megabytes of the pruned ledger."""
KINDS = ("backup", "wordpress.core", "wordpress.plugins", "wordpress.themes", "probe.http")
PLUGINS, UPDATED, PAGES = 25, 3, 6
_WEEK, _WINDOW = timedelta(days=7), timedelta(hours=4)
_FACTS = {f"plugin-{number}": {"version": "1.2.3", "update": "", "active": True} for number in range(PLUGINS)}
_PLAN = {"changes": [{"item": f"plugin-{number}", "why": "", "from": "1.2.3"} for number in range(PLUGINS)]}
_SITE_IN_ORDER = {"name": "site", "pages": ["/"] * PAGES, "options": "x" * 900}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with `--check` return 1 if the limit is exceeded."""
    parser = argparse.ArgumentParser(prog="scripts/bench ledger", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if the limit is exceeded")
    parser.add_argument("--years", type=int, default=YEARS)
    parser.add_argument("--share", type=int, default=SHARE, help="record one of so many sites (10)")
    options = parser.parse_args(arguments)
    now = datetime.now(UTC)
    with (
        tempfile.TemporaryDirectory(prefix="sitecrew-bench-") as folder,
        Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger,
    ):
        _record(ledger, now, options.years, SITES // options.share)
        before, grown = _counts(ledger), _size(ledger)
        start = time.perf_counter()
        ledger.pruning.prune(cutoffs(Retention(), now))
        seconds = time.perf_counter() - start
        after, pruned = _counts(ledger), _size(ledger)
        ledger.compact()
        compact = _size(ledger)
    rows = [
        (name, f"{before[name] * options.share:,}", f"{after[name] * options.share:,}")
        for name in before
        if before[name] or after[name]
    ]
    megabytes = [f"{size * options.share / 1e6:,.0f}" for size in (grown, pruned, compact)]
    sizes = [("MB", *megabytes[:2]), ("MB without gaps", "", megabytes[2])]
    took = f"the first pruning took {seconds * options.share:.0f} s"
    title = f"{SITES:,} sites, {options.years} years, a window a week; {took}"
    show(title, [("rows", "never pruned", "pruned daily"), *rows, *sizes])
    criterion = Criterion("the pruned ledger", pruned * options.share / 1e6, LIMIT, "MB")
    print(f"\nlimit {LIMIT:,.0f} MB: {'met' if criterion.met else 'MISSED'}")
    return int(options.check and not criterion.met)


def _record(ledger: Ledger, now: datetime, years: int, sites: int) -> None:
    """Record a run for each client and week."""
    previous, number = START, 0
    with ledger.store.write() as connection:
        for site in range(sites):
            row = {"name": f"s{site}", "client": f"c{site // CLIENTS_OF}", "since": now}
            connection.execute(insert(websites), row)
    for week in range(52 * years, 0, -1):
        found: dict[Any, list[dict[str, Any]]] = {}
        for client in range(sites // CLIENTS_OF):
            number += 1
            for table, row in _of_run(number, week, client, now - week * _WEEK):
                found.setdefault(table, []).append(row)
            link = _link(number, f"weekly-{week}-{client}", now - week * _WEEK, previous)
            found.setdefault(acts, []).append(link)
            previous = link["hash"]
        with ledger.store.write(synced_later=True) as connection:
            for table, new in found.items():
                connection.execute(insert(table), new)


def _of_run(number: int, week: int, client: int, at: datetime) -> Iterator[tuple[Any, dict[str, Any]]]:
    run, name = f"weekly-{week}-{client}", f"c{client}"
    ended = {"state": "ended", "outcome": "changed", "started": at, "finished": at + timedelta(minutes=9)}
    order = json.dumps([_SITE_IN_ORDER] * CLIENTS_OF)
    new = {"run": run, "playbook": "weekly", "trigger": "window", "window": "weekly", "order_text": order}
    yield runs, new | ended
    opening = {"window": "weekly", "client": name, "run": run, "starts": at, "closes": at + _WINDOW}
    yield windows, opening | {"state": "run", "recorded": at, "noticed": at}
    for site in range(CLIENTS_OF):
        for table, row in _of_site(client * CLIENTS_OF + site, site, at):
            extra = ended if table is run_sites else {}
            yield table, row | ({} if table is sightings else {"run": run}) | extra
    if week % 4 == 0:
        yield from _report(number, name, at)


def _of_site(site: int, position: int, at: datetime) -> Iterator[tuple[Any, dict[str, Any]]]:
    name, client, website = f"s{site}", f"c{site // CLIENTS_OF}", site + 1
    of = {"site": name}
    row = of | {"client": client, "host": "web1", "ring": 0, "position": position, "website": website}
    yield run_sites, row | {"plan": _PLAN, "facts": _FACTS}
    for number, kind in enumerate(KINDS):
        step = of | {"step": kind, "position": number, "kind": kind, "outcome": "changed"}
        yield steps, step | {"seconds": 12.0, "started": at, "finished": at, "output": "Updating...\n" * 60}
        yield segments, of | {"number": number, "job": f"{name}-{number}", "state": "acked", "recorded": at}
    for number in range(UPDATED):
        item = f"plugin-{(site + number + at.day) % PLUGINS}"
        change = of | {"step": "wordpress.plugins", "position": number, "kind": "plugin", "item": item}
        versions = {"from_version": "1.2.3", "to_version": f"1.2.{at:%j%y}"}
        yield changes, change | versions | {"outcome": "changed", "finished": at}
        sighting = {"website": website, "kind": "plugin", "item": item, "version": f"1.2.{at:%j%y}"}
        yield sightings, sighting | {"first_seen": at}
    yield restore_points, of | {"path": f"~/.sitecrew/points/{name}-{at:%j%y}", "created": at, "bytes": 10**7}
    backup = of | {"snapshot": f"{name}-{at:%Y%m%d}", "client": client, "taken": at, "website": website}
    kept = {"store": "folder", "uri": f"/b/{name}", "bytes": 10**9, "manifest_sha256": "0" * 64}
    yield backups, backup | kept
    for phase, minute in (("before", 1), ("after", 6)):
        for page in range(PAGES):
            look = of | {"at": at + timedelta(minutes=minute, seconds=page), "phase": phase, "signal": "page"}
            seen = {"url": f"/page-{page}/", "healthy": True, "status": 200, "seconds": 0.4, "bytes": 80_000}
            yield looks, look | seen | {"client": client, "website": website, "seen": "seen"}


def _report(number: int, client: str, at: datetime) -> Iterator[tuple[Any, dict[str, Any]]]:
    period = f"{at:%Y-%m}-{number}"
    report = {"client": client, "period": period, "kind": "final", "created": at, "status": "good"}
    yield reports, report | {"data": {"lines": ["x" * 80] * 120}}
    message = {"message_id": f"<{period}>", "client": client, "period": period}
    sent = {"recipients": [{"address": "a"}], "message": b"x" * 60_000, "state": "sent"}
    sent |= {"created": at, "updated": at}
    yield deliveries, message | sent


def _link(number: int, run: str, at: datetime, previous: str) -> dict[str, Any]:
    details = {"order_sha256": "0" * 64, "playbook": "weekly", "sites": CLIENTS_OF, "trigger": "window"}
    link = Link(
        id=number,
        at=instant_text(at),
        act="run",
        operator="scheduler",
        login="sitecrew",
        host="controller",
        seal=seal("0" * 32, run, run, details),
        previous=previous,
    )
    row = {name: getattr(link, name) for name in Link.__slots__}
    of_run = {"at": at, "subject": run, "run": run, "details": details, "salt": "0" * 32}
    return row | of_run | {"hash": link.hash}


def _counts(ledger: Ledger) -> dict[str, int]:
    with ledger.store.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def _size(ledger: Ledger) -> int:
    """Return the size of the file when all rows are in it."""
    ledger.store.database.shrink(lambda: False)
    name = Path(ledger.store.database.name)
    log = name.with_name(f"{name.name}-wal")
    return name.stat().st_size + (log.stat().st_size if not name.stat().st_size else 0)


if __name__ == "__main__":
    sys.exit(main())
