"""Whatever happens to names and clients, each row counts for one client, and reports agree with the disk."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.model import Client, Outcome, Period, Settings, Site
from runner.record import Ledger
from runner.report import build_report
from tests.record.book import at, back, change, inventory, site, work

NAMES = ("blog", "shop", "docs")
CLIENTS = ("acme", "bolt", "big-acme")
ITEMS = ("forms", "slider")
QUARTER = Period.parse("2026-Q4")


@dataclass(eq=False)
class Website:
    """What is true of a website, whatever it is called."""

    place: Site
    disk: dict[str, int] = field(default_factory=lambda: {"forms": 1, "slider": 1})
    last: dict[str, str] = field(default_factory=dict)
    """The run that changed an item last."""
    held: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Did:
    """A run: what it changed, from which version to which."""

    run: str
    website: Website
    client: str
    moves: dict[str, tuple[int, int]]


class Agency:
    """The model beside the ledger. An action that does not apply does nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = at(1, month=10)
        self.numbers = itertools.count(1)
        self.here: list[Website] = []
        self.runs: list[Did] = []
        self.ids: dict[str, str] = {}
        """Clients by the id that they had at first."""
        for name, client in (("blog", "acme"), ("shop", "bolt")):
            self.add(name, client)
            self.update(-1, "forms", Outcome.CHANGED)

    def recognise(self, **renamed: str) -> None:
        self.now += timedelta(hours=7)
        clients = tuple(
            Client(id=id_, name=id_, was=renamed.get(id_, ""))
            for id_ in {one.place.client for one in self.here}
        )
        self.ledger.recognise(inventory(*(one.place for one in self.here), clients=clients), at=self.now)
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
        after = before + next(self.numbers)
        self.work(one, {item: (before, after)}, outcome)
        if outcome is Outcome.CHANGED:
            return
        self.ledger.add_hold(one.place.name, item, f"{after}", why="")
        one.held.add(f"{item} {after}")

    def crash(self, which: int) -> None:
        """A run that was given up as lost."""
        self.work(self.here[which % len(self.here)], {}, Outcome.LOST)

    def undo(self, which: int, *, succeeds: bool) -> None:
        """One of the last runs, which may be an undo itself."""
        then = self.runs[-1 - which % min(4, len(self.runs))]
        one = then.website
        if one not in self.here:
            return
        assert one.place.name in self.ledger.names_then(then.run)
        moves = {
            item: (one.disk[item], was) for item, (was, _) in then.moves.items() if one.disk[item] != was
        }
        self.work(one, moves, Outcome.UNDONE if succeeds else Outcome.FAILED, undoes=then.run)

    def rename(self, which: int, name: str) -> None:
        one = self.here[which % len(self.here)]
        if self.free(name):
            one.place = replace(one.place, name=name, was=one.place.name)
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
        self.here.pop(which % len(self.here))
        self.recognise()

    def rename_client(self, first: str) -> None:
        old, new = self.ids.get(first, first), f"{first}-{next(self.numbers)}"
        if all(one.place.client != old for one in self.here):
            return
        self.ids[first] = new
        for one in self.here:
            if one.place.client == old:
                one.place = replace(one.place, client=new)
        for run in self.runs:
            run.client = new if run.client == old else run.client
        self.recognise(**{new: old})

    def work(
        self, one: Website, moves: dict[str, tuple[int, int]], outcome: Outcome, undoes: str | None = None
    ) -> None:
        self.now += timedelta(hours=7)
        found = Did(f"r{next(self.numbers)}", one, one.place.client, moves)
        kind = back if undoes else change
        changes = [kind(item, f"{was}", f"{then}", outcome) for item, (was, then) in moves.items()]
        work(
            self.ledger, found.run, self.now, *changes, on=one.place.name, client=found.client, undoes=undoes,
            outcome=outcome if changes or outcome is Outcome.LOST else Outcome.OK,
        )  # fmt: skip
        self.runs.append(found)
        in_place = outcome is Outcome.CHANGED or (outcome is Outcome.UNDONE and undoes)
        if not in_place:
            found.moves = {}
        for item, (_, then) in moves.items() if in_place else ():
            one.disk[item], one.last[item] = then, found.run

    def each_row_counts_for_one_client(self) -> None:
        counted = []
        for client in {run.client for run in self.runs}:
            history = self.ledger.history((), *QUARTER.instants("UTC"), client=client)
            mine = [run.run for run in self.runs if run.client == client]
            assert sorted(run.run for run in history.runs) == sorted(mine)
            assert sum(look.total for look in history.looks) == len(mine)
            assert {change.run for change in history.changes} <= {*mine}
            counted += mine
        assert sorted(counted) == sorted(run.run for run in self.runs)

    def what_is_known_of_a_website_follows_it(self) -> None:
        for one in self.here:
            held = {f"{hold.item} {hold.version}" for hold in self.ledger.list_holds(one.place.name)}
            assert held == one.held

    def reports_agree_with_what_is_on_disk(self) -> None:
        client_of = {run.run: run.client for run in self.runs}
        for client in {one.place.client for one in self.here}:
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
            for one in self.here:
                for item, run in one.last.items():
                    if one.place.client == client == client_of[run]:
                        assert _version(report, one.place.name, item) == str(one.disk[item])


def _version(report, name: str, item: str) -> str:
    """The version that a report says is in place."""
    of_item = [point for point in report.open if (point.site, point.item) == (name, item)]
    by_hand = [point for point in of_item if point.about == "undo"]
    said = {point.to_version for point in by_hand if point.outcome is Outcome.UNDONE}
    said |= {point.from_version for point in by_hand if point.outcome is not Outcome.UNDONE}
    done = [found.to_version for found in report.done if (found.site, found.item) == (name, item)]
    said |= {*done[-1:]}
    assert len(said) == 1, said
    return said.pop()


ACTIONS = {
    "add": lambda agency, a, b: agency.add(NAMES[a % 3], CLIENTS[b % 3]),
    "update": lambda agency, a, b: agency.update(a, ITEMS[b % 2], Outcome.CHANGED),
    "roll back": lambda agency, a, b: agency.update(a, ITEMS[b % 2], Outcome.UNDONE),
    "crash": lambda agency, a, _: agency.crash(a),
    "undo": lambda agency, a, _: agency.undo(a, succeeds=True),
    "undo that fails": lambda agency, a, _: agency.undo(a, succeeds=False),
    "rename": lambda agency, a, b: agency.rename(a, NAMES[b % 3]),
    "move": lambda agency, a, b: agency.move(a, CLIENTS[b % 3]),
    "new address": lambda agency, a, _: agency.new_address(a),
    "remove": lambda agency, a, _: agency.remove(a),
    "rename client": lambda agency, a, _: agency.rename_client(CLIENTS[a % 3]),
}
NUMBER = st.integers(0, 11)
HISTORIES = st.lists(st.tuples(st.sampled_from([*ACTIONS]), NUMBER, NUMBER), min_size=12, max_size=24)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=HISTORIES)
def test_any_history_counts_for_the_right_clients_and_agrees_with_the_disk(history):
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger:
        agency = Agency(ledger)
        for name, a, b in history:
            if agency.here or name == "add":
                ACTIONS[name](agency, a, b)
        agency.each_row_counts_for_one_client()
        agency.what_is_known_of_a_website_follows_it()
        agency.reports_agree_with_what_is_on_disk()
