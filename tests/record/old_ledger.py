"""Print a new ledger with rows in every table as SQL: the fixture of a revision, for `test_old_ledgers.py`.

    python tests/record/old_ledger.py >tests/record/fixtures/0014.sql

Tables, orders, definitions of windows and acts are made by the code in PYTHONPATH, which may be that of an
earlier revision. A fixture is written once, before the next revision is added, and never changed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from runner.load import freeze, load_workspace
from runner.record import Ledger
from runner.workflows.orders import new_order

__all__ = ["INTERRUPTED", "UNDOING", "UNDONE"]

UNDONE, UNDOING, INTERRUPTED = (
    "weekly-20261103-0100-acme",
    "weekly-20261105-0900-ab12",
    "weekly-20261110-0100-acme",
)
INVENTORY = """\
hosts:
  web1: {address: 192.0.2.1, user: deploy}
clients:
  acme:
    name: Acme Bakery
    language: de
    timezone: Europe/Berlin
    contacts: [{name: Office, email: office@acme.example}]
    sites:
      blog: {url: "https://blog.example", host: web1, path: /srv/blog, kind: wordpress}
windows:
  weekly: {playbook: weekly, day: tuesday, at: "02:00", lasts: 2h, timezone: Europe/Berlin}
"""
PLAYBOOK = """\
name: Weekly
steps:
  - backup: {include: [database, files]}
  - wordpress.plugins: {update: [forms, slider]}
  - wordpress.core: {update: minor}
"""
LATER = {
    "steps": {"trials", "looks"},
    "segments": {"trial", "span", "undo_seconds"},
    "changes": {"unverified", "uncertain"},
    "looks": {"seen", "client", "website"},
    "runs": {"undoes", "pruned"},
    "run_sites": {"website"},
    "backups": {"website"},
    "holds": {"website", "operator", "until"},
    "auto_updates": {"client", "website"},
    "sightings": {"site", "website"},
    "windows": {"noticed"},
    "deliveries": {"channel", "kind", "topic", "noticed"},
}
"""Columns that only some revisions have; the others are as old as their table."""


def at(day: int, hour: int = 1, minute: int = 0) -> str:
    return f"2026-11-{day:02}T{hour:02}:{minute:02}:00.000000Z"


def rows(order: str, definition: object) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table, with the columns of all revisions."""
    span = {"started": at(3), "finished": at(3, 1, 9)}
    of_site = {"run": UNDONE, "site": "blog"}
    own = {"client": "acme", "website": 1}
    run = {"playbook": "weekly", "title": "Weekly", "order_text": order}
    site = {"site": "blog", "host": "web1", "ring": 0, "position": 0} | own
    change = {**of_site, "step": "wordpress.plugins", "kind": "plugin", "finished": at(3, 1, 5)}
    look = {**of_site, **own, "phase": "after", "signal": "page", "url": "https://blog.example/"}
    reason = "slider: page / answers 500; and after it was taken back: page / answers 500"
    return {
        "clients": [
            {"client": "acme", "name": "Acme Bakery", "language": "de", "timezone": "Europe/Berlin",
             "was": ""}
        ],
        "websites": [
            {"id": 1, "name": "blog", "client": "acme", "url": "https://blog.example", "host": "web1",
             "path": "/srv/blog", "was": "", "since": at(2)}
        ],
        "runs": [
            run | span | {"run": UNDONE, "trigger": "window", "window": "weekly", "state": "ended",
                          "outcome": "failed", "attempt": 2, "executor": "controller-1-a"},
            run | {"run": UNDOING, "trigger": "manual", "state": "ended", "outcome": "ok", "attempt": 1,
                   "executor": "controller-2-b", "started": at(5, 9), "finished": at(5, 9, 2),
                   "undoes": UNDONE, "pruned": at(20)},
            run | {"run": INTERRUPTED, "trigger": "window", "window": "weekly", "state": "running",
                   "attempt": 1, "executor": "controller-3-c", "started": at(10)},
        ],
        "run_sites": [
            site | span | {"run": UNDONE, "state": "ended", "outcome": "failed", "why": reason,
                           "problems": ["PHP 7.4 is not maintained"], "plan": None,
                           "facts": {"core": "6.6.1"}},
            site | {"run": UNDOING, "state": "ended", "outcome": "ok", "why": "", "problems": [],
                    "started": at(5, 9), "finished": at(5, 9, 2)},
            site | {"run": INTERRUPTED, "state": "running", "why": "", "problems": [], "started": at(10)},
        ],
        "steps": [
            {**of_site, **span, "step": "backup", "position": 0, "kind": "backup", "title": "Back up",
             "outcome": "ok", "why": "", "seconds": 61.5, "output": ""},
            {**of_site, **span, "step": "wordpress.plugins", "position": 1, "kind": "wordpress.plugins",
             "title": "Plugins", "outcome": "failed", "why": reason, "seconds": 240.0,
             "output": "Updating Forms (1.0 -> 1.1)\n", "trials": 3, "looks": 8},
            {"run": INTERRUPTED, "site": "blog", "step": "backup", "position": 0, "kind": "backup",
             "title": "", "why": "", "output": ""},
        ],
        "changes": [
            change | {"position": 0, "item": "forms", "title": "Forms", "from_version": "1.0",
                      "to_version": "1.1", "outcome": "changed", "why": "", "unverified": None},
            change | {"position": 1, "item": "slider", "title": "Slider", "from_version": "4.1",
                      "to_version": "4.2", "outcome": "failed", "why": reason, "uncertain": 1},
        ],
        "segments": [
            {**of_site, "number": 1, "job": "a" * 32, "state": "acked", "status": "ok",
             "recorded": at(3, 1, 5), "trial": "{}", "span": [600.0, 60.0], "undo_seconds": 4.5},
            {"run": INTERRUPTED, "site": "blog", "number": 0, "job": "b" * 32, "state": "started",
             "recorded": at(10)},
        ],
        "looks": [
            look | {"at": at(3, 1, 6), "healthy": 1, "status": 200, "seconds": 0.25, "bytes": 5120,
                    "findings": [], "note": "", "seen": "seen"},
            look | {"run": None, "at": at(8), "phase": "before", "healthy": 0, "status": 500,
                    "findings": [{"finding": "status"}], "note": "answers 500"},
        ],
        "look_summaries": [
            {"id": 1, "run": UNDOING, "site": "blog", "phase": "after", "first": at(5, 9),
             "last": at(5, 9, 1), "total": 4, "healthy": 3, "unhealthy": 1, "slowest": 0.5,
             "last_healthy": at(5, 9, 1), "last_unhealthy": at(5, 9), "refused": 0, "answered": 1, **own}
        ],
        "restore_points": [
            {**of_site, "path": "/home/deploy/.sitecrew/points/a", "created": at(3, 1, 3), "bytes": 4096,
             "items": ["plugin:slider"], "removed": at(9)}
        ],
        "backups": [
            {**own, **of_site, "snapshot": "blog-20261103-0101", "taken": at(3, 1, 1), "store": "archive",
             "uri": "file:///backups/blog-20261103-0101", "bytes": 1_000_000_000_000, "files": 12,
             "tables": 11, "manifest_sha256": "0" * 64, "verified": at(4)}
        ],
        "sightings": [
            {"site": "blog", "website": 1, "kind": "plugin", "item": "slider", "version": "4.2",
             "first_seen": at(2)}
        ],
        "holds": [
            {"id": 1, "site": "blog", "website": 1, "item": "slider", "version": "4.2", "why": "white page",
             "evidence": {"run": UNDONE}, "since": at(3, 1, 8)},
            {"id": 2, "site": "blog", "website": 1, "item": "forms", "version": "", "why": "contract",
             "evidence": {}, "operator": "ann", "until": "2026-12-24", "since": at(4), "lifted": at(6)},
        ],
        "auto_updates": [
            {"id": 1, "site": "blog", "kind": "plugin", "key": "slider/slider.php", "item": "slider",
             "was": "on", "state": "off", "why": "white page", "forced": "", "run": UNDONE,
             "since": at(3, 1, 9), **own}
        ],
        "windows": [
            {"id": number, "window": "weekly", "client": "acme", "site": "", "starts": at(day),
             "closes": at(day, 3), "state": state, "run": run_id, "why": why, "recorded": at(day)}
            for number, (day, state, run_id, why) in enumerate([
                (3, "run", UNDONE, ""),
                (10, "run", INTERRUPTED, ""),
                (17, "missed", None, "no scheduler was running; the start deadline (1 h) passed"),
                (24, "skipped", None, "the day is a blackout"),
            ], 1)
        ],
        "schedules": [
            {"id": 1, "window": "weekly", "client": "acme", "since": at(2), "settled": at(24),
             "definition": definition},
            {"id": 2, "window": "nightly", "client": "acme", "since": at(2), "settled": at(2), "until": at(2),
             "definition": None},
        ],
        "calendars": [{"digest": "0" * 64, "periods": "[]"}],
        "pauses": [
            {"id": 1, "client": "acme", "since": at(25), "until": "2026-12-24",
             "ends": "2026-12-24T23:00:00.000000Z", "why": "Christmas sale", "operator": "ann"}
        ],
        "announcements": [
            {"id": 1, "window": "weekly", "client": "acme", "starts": "2026-12-01T01:00:00.000000Z",
             "closes": "2026-12-01T03:00:00.000000Z", "edition": 1, "state": "cancelled", "why": "paused",
             "announced": at(24), "message_id": "<2@acme>", "ended": at(25), "ended_message_id": "<3@acme>"}
        ],
        "approvals": [
            {"id": 1, "window": "weekly", "client": "acme", "starts": at(24), "until": at(24, 2),
             "made": at(23), "state": "declined", "sites": ["blog"], "others": 0, "plan": "{}",
             "why": "after the sale", "operator": "ann", "answered": at(23, 9), "noticed": at(23)}
        ],
        "reports": [
            {"client": "acme", "period": "2026-10", "kind": "final", "created": at(2, 8), "status": "good",
             "data": {"client": "acme", "period": "2026-10"}, "html_sha256": "1" * 64}
        ],
        "deliveries": [
            {"message_id": "<1@acme>", "client": "acme", "period": "2026-10",
             "recipients": [{"address": "office@acme.example", "name": "Office", "state": "sent",
                             "attempts": 1, "reply": "250 ok"}],
             "subject": "Wartung im Oktober", "message": b"Subject: Wartung\r\n\r\n\xff", "state": "sent",
             "attempts": 1, "reply": "250 ok", "created": at(2, 8), "updated": at(2, 9), "channel": "mail",
             "kind": "report", "topic": ""}
        ],
        "leases": [
            {"executor": "controller-1-a", "host": "controller", "pid": 1, "process_start": "10",
             "renewed": at(3, 1, 9), "released": at(3, 1, 9)},
            {"executor": "controller-3-c", "host": "controller", "pid": 3, "process_start": "30",
             "renewed": at(10)},
        ],
    }  # fmt: skip


def fill(file: Path, order: str, definition: object) -> None:
    """Insert the rows that the tables have columns for."""
    with closing(sqlite3.connect(file)) as connection, connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        for table, found in rows(order, definition).items():
            if table in tables:
                known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
                for row in found:
                    missing = row.keys() - known
                    assert missing <= LATER.get(table, set()), f"{table} has no {missing}"
                    values = {f'"{name}"': stored(row[name]) for name in row.keys() & known}
                    names, marks = ", ".join(values), ", ".join("?" * len(values))
                    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*values.values()])  # noqa: S608


def stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def act(url: str, order: str) -> None:
    """Add the acts, if there were any in this revision."""
    try:
        from runner.record.acts import add_act
        from runner.record.operators import Operator
    except ImportError:
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        ann = Operator(name="ann", login="ann", host="controller")
        for number, run in enumerate((UNDONE, UNDOING, INTERRUPTED)):
            when = datetime(2026, 11, 3 + number, 1, tzinfo=UTC)
            add_act(connection, ann, "run", run, run=run, details={"sites": 1}, order_text=order, at=when)
        add_act(
            connection, ann, "hold", "forms", details={"site": "blog"}, at=datetime(2026, 11, 4, tzinfo=UTC)
        )
    engine.dispose()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "playbooks").mkdir()
        (root / "inventory.yaml").write_text(INVENTORY)
        (root / "playbooks/weekly.yaml").write_text(PLAYBOOK)
        workspace = load_workspace(root, environ={})
        order = freeze(
            new_order(
                workspace,
                workspace.playbooks["weekly"],
                [[workspace.inventory.sites["blog"]]],
                now=datetime(2026, 11, 10, 1, tzinfo=UTC),
                run=INTERRUPTED,
                window="weekly",
                closes=datetime(2026, 11, 10, 3, tzinfo=UTC),
            )
        )
        file = root / "ledger.db"
        Ledger.open(f"sqlite:///{file}").close()
        fill(file, order, definition_of(workspace))
        act(f"sqlite:///{file}", order)
        with closing(sqlite3.connect(file)) as connection:
            sys.stdout.writelines(f"{line}\n" for line in connection.iterdump())


def definition_of(workspace: Any) -> object:
    try:
        from runner.workflows.schedules import _definition
    except ImportError:
        return None
    return _definition(workspace.inventory.windows["weekly"])


if __name__ == "__main__":
    main()
