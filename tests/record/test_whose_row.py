"""Through any renames and moves, each row counts for one client, and reports match what is installed."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from runner.model import Client, Outcome, Period, Settings, Site
from runner.record import BackupView, HeldAutoUpdate, Ledger, WindowState, WindowView
from runner.record.holds import Offer
from runner.record.schema import metadata
from runner.record.websites import OF_CLIENTS, OF_WEBSITES
from runner.report import build_report
from tests.record.book import at, back, change, inventory, site, work

NAMES = ("blog", "shop", "docs")
CLIENTS = ("acme", "bolt", "big-acme")
ITEMS = ("forms", "slider")
QUARTER = Period.parse("2026-Q4")


@dataclass(eq=False)
class Website:
    """The true state of a website, independent of its name."""

    place: Site
    disk: dict[str, int] = field(default_factory=lambda: {"forms": 1, "slider": 1})
    last: dict[str, str] = field(default_factory=dict)
    """The last run that changed each item."""
    held: set[str] = field(default_factory=set)
    seen: dict[Offer, datetime] = field(default_factory=dict)
    """The first sighting of each offered version."""
    snapshots: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Did:
    """A run and its changes."""

    run: str
    website: Website
    client: str
    moves: dict[str, tuple[int, int]]
    """The versions before and after each change in effect."""
    tried: frozenset[str]
    """Items with rows."""
    undoes: str | None = None


class Agency:
    """A model of the expected state. An action that does not apply does nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = at(1, month=10)
        self.numbers = itertools.count(1)
        self.here: list[Website] = []
        self.gone: list[Website] = []
        self.runs: list[Did] = []
        self.ids: dict[str, str] = {}
        """Present ids of clients by their first id."""
        for name, client in (("blog", "acme"), ("shop", "bolt")):
            self.add(name, client)
            self.update(-1, "forms", Outcome.CHANGED)

    def recognise(self, **renamed: str) -> None:
        self.now += timedelta(hours=7)
        clients = tuple(
            Client(id=id_, name=id_, was=renamed.get(id_, ""))
            for id_ in {one.place.client for one in self.here}
        )
        self.ledger.websites.sync(inventory(*(one.place for one in self.here), clients=clients), at=self.now)
        for one in self.here:
            one.place = replace(one.place, was="")

    def free(self, name: str) -> bool:
        return all(one.place.name != name for one in self.here)

    def add(self, name: str, client: str) -> None:
        if not self.free(name):
            return
        number = next(self.numbers)
        place = {"url": f"https://w{number}.example", "path": f"/srv/w{number}"}
        one = Website(site(name, self.ids.get(client, client), **place))
        self.here.append(one)
        self.recognise()

    def update(self, which: int, item: str, outcome: Outcome) -> None:
        one = self.here[which % len(self.here)]
        before = one.disk[item]
        after = next(self.numbers)
        self.work(one, {item: (before, after)}, outcome)
        offer = ("plugin", item, f"{after}")
        one.seen[offer] = self.now
        assert self.ledger.sightings.first_seen(one.place.name, [offer], self.now) == {offer: self.now}
        if outcome is Outcome.CHANGED:
            return
        self.ledger.holds.add(one.place.name, item, f"{after}", why="")
        one.held.add(f"{item} {after}")

    def crash(self, which: int) -> None:
        """Record a lost run."""
        self.work(self.here[which % len(self.here)], {}, Outcome.LOST)

    def undo(self, which: int, *, succeeds: bool) -> None:
        """Undo one of the last runs, which may be an undo itself."""
        then = self.runs[-1 - which % min(4, len(self.runs))]
        one = then.website
        if one not in self.here:
            return
        assert one.place.name in self.ledger.websites.names_in_run(then.run)
        moves = {
            item: (one.disk[item], was) for item, (was, _) in then.moves.items() if one.disk[item] != was
        }
        self.work(one, moves, Outcome.UNDONE if succeeds else Outcome.FAILED, undoes=then.run)

    def rename(self, which: int, name: str) -> None:
        one = self.here[which % len(self.here)]
        if self.free(name):
            one.place = replace(one.place, name=name, was=one.place.name)
            self.recognise()

    def rename_late(self, which: int, name: str) -> None:
        """Rename a site in the inventory only after a run under the new name."""
        one = self.here[which % len(self.here)]
        if not self.free(name):
            return
        old, one.place = one.place.name, replace(one.place, name=name)
        self.recognise()
        self.update(self.here.index(one), ITEMS[which % 2], Outcome.CHANGED)
        one.place = replace(one.place, was=old)
        self.recognise()

    def move(self, which: int, client: str) -> None:
        one = self.here[which % len(self.here)]
        one.place = replace(one.place, client=self.ids.get(client, client))
        self.recognise()

    def new_address(self, which: int) -> None:
        one = self.here[which % len(self.here)]
        one.place = replace(one.place, url=f"https://w{next(self.numbers)}.example")
        self.recognise()

    def remove(self, which: int) -> None:
        self.gone.append(self.here.pop(which % len(self.here)))
        self.recognise()

    def rename_client(self, first: str) -> None:
        old, new = self.ids.get(first, first), f"{first}-{next(self.numbers)}"
        if all(one.place.client != old for one in self.here):
            return
        self.ids[first] = new
        for one in (*self.here, *self.gone):
            if one.place.client == old:
                one.place = replace(one.place, client=new)
        for run in self.runs:
            run.client = new if run.client == old else run.client
        self.recognise(**{new: old})

    def work(
        self, one: Website, moves: dict[str, tuple[int, int]], outcome: Outcome, undoes: str | None = None
    ) -> None:
        self.now += timedelta(hours=7)
        number = next(self.numbers)
        found = Did(f"r{number}", one, one.place.client, moves, frozenset(moves), undoes)
        kind = back if undoes else change
        changes = [kind(item, f"{was}", f"{then}", outcome) for item, (was, then) in moves.items()]
        work(
            self.ledger, found.run, self.now, *changes, on=one.place.name, client=found.client, undoes=undoes,
            outcome=outcome if changes or outcome is Outcome.LOST else Outcome.OK,
        )  # fmt: skip
        self.record_other_rows(found)
        self.runs.append(found)
        in_place = outcome is Outcome.CHANGED or (outcome is Outcome.UNDONE and undoes)
        if not in_place:
            found.moves = {}
        for item, (_, then) in moves.items() if in_place else ():
            one.disk[item], one.last[item] = then, found.run

    def record_other_rows(self, did: Did) -> None:
        """Record a row in each other table with a client, named after the run."""
        run, name = did.run, did.website.place.name
        self.ledger.backups.record(
            BackupView(
                snapshot=run,
                site=name,
                client=did.client,
                taken=self.now,
                store="archive",
                uri="file",
                size=1,
                manifest_sha256="0" * 64,
                run=run,
            )
        )
        held = HeldAutoUpdate(kind="plugin", key=run, item=run, why="")
        self.ledger.auto_updates.forced(name, run, held, by="", at=self.now)
        closes = self.now + timedelta(hours=1)
        self.ledger.windows.claim(
            WindowView(
                window=run, starts=self.now, closes=closes, state=WindowState.MISSED, client=did.client,
                recorded=closes,
            )
        )  # fmt: skip
        did.website.snapshots.add(run)

    def check_rows_per_client(self) -> None:
        counted = []
        for client in {run.client for run in self.runs}:
            history = self.ledger.reports.history((), *QUARTER.instants("UTC"), client=client)
            mine = [run.run for run in self.runs if run.client == client]
            assert sorted(run.run for run in history.runs) == sorted(mine)
            assert sum(look.total for look in history.looks) == len(mine)
            assert sorted(backup.snapshot for backup in history.backups) == sorted(mine)
            assert sorted(auto.key for auto in history.auto_updates) == sorted(mine)
            assert sorted(window.window for window in history.windows) == sorted(mine)
            tried = [(run.run, item) for run in self.runs if run.client == client for item in run.tried]
            assert sorted((change.run, change.item) for change in history.changes) == sorted(tried)
            bad = {run.run for run in history.runs if run.outcome in {Outcome.FAILED, Outcome.LOST}}
            assert bad <= {failure.run for failure in history.failures} <= {*mine}
            held = {(hold.site, hold.item, hold.version) for hold in history.holds}
            assert {site for site, *_ in held} <= {
                self.name(one) for one in (*self.here, *self.gone) if one.place.client == client
            }
            counted += mine
        assert sorted(counted) == sorted(run.run for run in self.runs)

    def check_rows_per_website(self) -> None:
        for one in (*self.here, *self.gone):
            name = self.name(one)
            held = {f"{hold.item} {hold.version}" for hold in self.ledger.holds.list(name)}
            assert held == one.held
            assert {backup.snapshot for backup in self.ledger.backups.list(name)} == one.snapshots
            assert (
                self.ledger.sightings.first_seen(name, one.seen, datetime(2030, 1, 1, tzinfo=UTC)) == one.seen
            )

    def check_reports(self) -> None:
        client_of = {run.run: run.client for run in self.runs}
        put = {(run.client, item, str(after)) for run in self.runs for item, (_, after) in run.moves.items()}
        every = (*self.here, *self.gone)
        for client in {run.client for run in self.runs}:
            sites = [one.place for one in self.here if one.place.client == client]
            report = build_report(
                self.ledger,
                Client(id=client, name=client),
                sites,
                QUARTER,
                Settings(),
                now=datetime(2027, 1, 2, tzinfo=UTC),
            )
            assert {*report.evidence.runs} == {run.run for run in self.runs if run.client == client}
            assert {(client, done.item, done.to_version) for done in report.done} <= put
            for one in every:
                for item, run in one.last.items():
                    if client != client_of[run]:
                        continue
                    name, version = self.name(one), str(one.disk[item])
                    assert _version(report, name, item) == version
                    if one.disk[item] in self.updated(one, client, item):
                        assert _done(report, name, item)[-1:] == [version]

    def updated(self, one: Website, client: str, item: str) -> set[int]:
        """Return the versions that runs of a client installed."""
        runs = [run for run in self.runs if run.client == client and run.website is one and not run.undoes]
        return {run.moves[item][1] for run in runs if item in run.moves}

    def name(self, one: Website) -> str:
        """Return the name in the ledger: a removed website may have lost its name to another."""
        return next(found.name for found in self.ledger.websites.list() if found.url == one.place.url)


def _version(report, name: str, item: str) -> str:
    """Return the version that is in place according to a report."""
    of_item = [point for point in report.open if (point.site, point.item) == (name, item)]
    by_hand = [point for point in of_item if point.about == "undo"]
    said = {point.to_version for point in by_hand if point.outcome is Outcome.UNDONE}
    said |= {point.from_version for point in by_hand if point.outcome is not Outcome.UNDONE}
    said |= {*_done(report, name, item)[-1:]}
    assert len(said) == 1, said
    return said.pop()


def _done(report, name: str, item: str) -> list[str]:
    """Return the updates of an item that are in place according to a report."""
    return [found.to_version for found in report.done if (found.site, found.item) == (name, item)]


ACTIONS = {
    "add": lambda agency, a, b: agency.add(NAMES[a % 3], CLIENTS[b % 3]),
    "update": lambda agency, a, b: agency.update(a, ITEMS[b % 2], Outcome.CHANGED),
    "roll back": lambda agency, a, b: agency.update(a, ITEMS[b % 2], Outcome.UNDONE),
    "crash": lambda agency, a, _: agency.crash(a),
    "undo": lambda agency, a, _: agency.undo(a, succeeds=True),
    "undo that fails": lambda agency, a, _: agency.undo(a, succeeds=False),
    "rename": lambda agency, a, b: agency.rename(a, NAMES[b % 3]),
    "rename late": lambda agency, a, b: agency.rename_late(a, NAMES[b % 3]),
    "move": lambda agency, a, b: agency.move(a, CLIENTS[b % 3]),
    "new address": lambda agency, a, _: agency.new_address(a),
    "remove": lambda agency, a, _: agency.remove(a),
    "rename client": lambda agency, a, _: agency.rename_client(CLIENTS[a % 3]),
}
NUMBER = st.integers(0, 11)
HISTORIES = st.lists(st.tuples(st.sampled_from([*ACTIONS]), NUMBER, NUMBER), min_size=12, max_size=24)


TOUR = [
    ("update", 0, 1), ("roll back", 0, 0), ("move", 0, 1), ("update", 0, 0), ("undo", 0, 0),
    ("rename client", 0, 0), ("update", 1, 0), ("undo", 0, 0), ("undo", 0, 0), ("rename late", 0, 2),
    ("roll back", 0, 1), ("remove", 0, 0), ("add", 0, 0), ("update", -1, 0), ("rename client", 1, 0),
    ("add", 2, 1), ("rename", 0, 2), ("undo that fails", 0, 0), ("crash", 0, 0), ("remove", 1, 0),
]  # fmt: skip
"""Every way for a row to change its owner, at least once."""
REPLACED = [("undo", 1, 0), ("update", 0, 0), ("undo", 1, 0), ("update", 0, 1)]
"""The undo of an undo replaces a newer update."""
BROUGHT_BACK = [
    ("undo", 8, 5), ("update", 0, 8), ("undo", 3, 8), ("undo that fails", 5, 9), ("undo", 10, 10),
    ("remove", 10, 0),
]  # fmt: skip
"""An undo brings back an update that another undo had removed."""
SAME_NAMES = [
    ("rename late", 0, 2), ("rename", 1, 0), ("remove", 0, 0), ("roll back", 0, 0),
    ("rename", 0, 2), ("undo", 0, 0),
]  # fmt: skip
"""A second website is renamed in the same way as an earlier one."""


@example(history=TOUR)
@example(history=REPLACED)
@example(history=BROUGHT_BACK)
@example(history=SAME_NAMES)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes
)
@given(history=HISTORIES)
def test_any_history_is_attributed_correctly(history):
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger:
        agency = Agency(ledger)
        for name, a, b in history:
            if agency.here or name == "add":
                ACTIONS[name](agency, a, b)
        agency.check_rows_per_client()
        agency.check_rows_per_website()
        agency.check_reports()


def test_all_tables_with_client_or_website_follow_renames():
    tables = metadata.tables.values()
    clients = {table.name for table in tables if "client" in table.c}
    assert clients - {"clients"} == {table.name for table in OF_CLIENTS}
    websites = {table.name for table in tables if "website" in table.c}
    assert websites - {"sightings"} == {table.name for table in OF_WEBSITES}
