"""Rows of a ledger of revision 0007 get a website and a client on upgrade."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runner.model import Period
from runner.record import History, Ledger
from runner.record.database import FOR_WRITING
from runner.record.migrate import upgrade
from runner.record.sqlite import _engine

NOVEMBER = Period.parse("2026-11").instants("UTC")
FORMS = ("plugin", "forms")


def instant(day: int, minute: int = 0) -> str:
    return f"2026-11-{day:02}T01:{minute:02}:00.000000Z"


def order(client: str, undo: str | None = None) -> str:
    return json.dumps(
        {
            "sites": [{"name": "blog", "client": client, "url": "https://blog.example", "path": "/srv/blog"}],
            "clients": {client: {"name": client.title(), "language": "de", "timezone": "Europe/Berlin"}},
            "undo": {"run": undo} if undo else None,
        }
    )


class Before:
    """A ledger of revision 0007, filled by SQL."""

    def __init__(self, file: Path) -> None:
        file.touch()
        engine = _engine(file, "mode=rw")
        with engine.connect().execution_options(**{FOR_WRITING: True}) as connection, connection.begin():
            upgrade(connection, "0007")
        engine.dispose()
        self._connection = sqlite3.connect(file, isolation_level=None)

    def close(self) -> None:
        self._connection.close()

    def insert(self, table: str, **row: object) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])  # noqa: S608

    def work(
        self, run: str, day: int, client: str, before: str, after: str, *, site: str = "blog", undo: str = ""
    ) -> None:
        """A run with one change, a look after it, and a backup."""
        outcome = "undone" if undo else "changed"
        span = {"started": instant(day), "finished": instant(day, 5)}
        text = order(client, undo or None) if site == "blog" else "no order"
        self.insert(
            "runs", run=run, playbook="weekly", title="", trigger="manual", order_text=text, state="ended",
            outcome=outcome, attempt=1, **span,
        )  # fmt: skip
        of_site: Mapping[str, object] = {"run": run, "site": site}
        self.insert(
            "run_sites", **of_site, client=client, host="web1", ring=0, position=0, state="ended",
            outcome=outcome, why="", problems="[]", **span,
        )  # fmt: skip
        self.insert(
            "steps", **of_site, step="p", position=0, kind="wordpress.plugins", title="", outcome=outcome,
            why="", output="", **span,
        )  # fmt: skip
        self.insert(
            "changes", **of_site, step="p", position=0, kind="plugin", item="forms", title="Forms",
            from_version=before, to_version=after, outcome=outcome, why="", finished=instant(day, 3),
        )  # fmt: skip
        self.insert(
            "looks", **of_site, at=instant(day, 4), phase="after", signal="page", url="/", healthy=1,
            status=200, findings="[]", note="",
        )  # fmt: skip
        self.insert(
            "backups", **of_site, snapshot=f"s-{run}", client=client, taken=instant(day, 1), store="archive",
            uri=f"/b/{run}", bytes=1, manifest_sha256="",
        )  # fmt: skip


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Ledger]:
    """`blog` belonged to acme until the 10th, then to bolt; the order of `docs` cannot be read."""
    before = Before(tmp_path / "ledger.db")
    before.work("r1", 3, "acme", "1.0", "1.1")
    before.work("r2", 5, "acme", "1.1", "1.0", undo="r1")
    before.work("r3", 12, "bolt", "1.0", "1.2")
    before.work("r4", 13, "acme", "2.0", "2.1", site="docs")
    hold = {"item": "slider", "version": "4.2", "why": "white page", "evidence": "{}"}
    before.insert("holds", site="blog", since=instant(4), **hold)
    before.insert("holds", site="gone", since=instant(4), **hold)
    before.insert("sightings", site="blog", kind="plugin", item="forms", version="1.2", first_seen=instant(2))
    before.insert("looks", site="blog", at=instant(8), phase="before", signal="page", url="/", healthy=1,
                  findings="[]", note="")  # fmt: skip
    auto = {"kind": "plugin", "key": "slider", "item": "slider", "was": "on", "why": "", "forced": ""}
    before.insert("auto_updates", site="blog", state="off", run="r1", since=instant(3), **auto)
    before.close()
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield ledger


def changes(history: History) -> list[tuple[str, str, str]]:
    return [(one.run, one.site, one.to_version) for one in history.changes]


def test_upgraded_rows_refer_to_websites(upgraded: Ledger) -> None:
    websites = {one.name: one for one in upgraded.websites.list()}
    assert set(websites) == {"blog", "docs", "gone"}
    blog = websites["blog"]
    assert (blog.client, blog.host, blog.url, blog.path) == (
        "bolt", "web1", "https://blog.example", "/srv/blog",
    )  # fmt: skip
    assert blog.moved is not None
    assert blog.moved.day == 12
    assert (websites["docs"].client, websites["docs"].url, websites["gone"].client) == ("acme", "", "")
    assert [hold.item for hold in upgraded.holds.list("blog")] == ["slider"]
    assert [hold.site for hold in upgraded.holds.list()] == ["blog", "gone"]
    assert [auto.item for auto in upgraded.auto_updates.list_unsettled("blog")] == ["slider"]
    assert [one.snapshot for one in upgraded.backups.list("blog")] == ["s-r3", "s-r2", "s-r1"]
    offer = (*FORMS, "1.2")
    assert {at.day for at in upgraded.sightings.first_seen("blog", [offer], NOVEMBER[1]).values()} == {2}
    assert upgraded.websites.names_in_run("r1") == {"blog": "blog"}


def test_upgraded_month_is_split_by_client(upgraded: Ledger) -> None:
    acme = upgraded.reports.history(["docs"], *NOVEMBER, client="acme")
    bolt = upgraded.reports.history(["blog"], *NOVEMBER, client="bolt")
    assert changes(acme) == [("r1", "blog", "1.1"), ("r2", "blog", "1.0"), ("r4", "docs", "2.1")]
    assert changes(bolt) == [("r3", "blog", "1.2")]
    assert {one.snapshot for one in acme.backups} == {"s-r1", "s-r2", "s-r4"}
    assert {one.snapshot for one in bolt.backups} == {"s-r3"}
    assert sum(look.total for look in acme.looks) == 4, "the look without a run is of the client at that time"
    assert sum(look.total for look in bolt.looks) == 1


def test_client_is_taken_from_last_order(upgraded: Ledger) -> None:
    acme = upgraded.clients.get("acme")
    assert acme is not None
    assert (acme.name, acme.language, acme.timezone) == ("Acme", "de", "Europe/Berlin")


def test_upgraded_history_of_site_is_complete(upgraded: Ledger) -> None:
    history = upgraded.reports.history(["blog", "docs"], *NOVEMBER)
    assert [run.run for run in history.runs] == ["r1", "r2", "r3", "r4"]
    assert [run.undoes for run in history.runs if run.run == "r2"] == ["r1"]
    assert len(history.changes) == 4
