"""For any history of windows, crashes, downtime and changes, each due opening has one row and no other has.

The model is a few lines: which windows were in force when, by the rules of docs/inventory.md, hour by hour.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runner.record import WindowState
from tests.workflows.scheduling import SchedulerProcess, at, rows, write

START = at("2027-03-01 12:00")
HOUR = timedelta(hours=1)
DEADLINE = HOUR
CLIENTS = ("acme", "big-acme")
NAMES = ("weekly", "nightly")
DAYS = {"daily": set(range(7)), "[monday, tuesday, thursday]": {0, 1, 3}}
HOURS = (2, 3)

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""A folder in memory, so that the ledgers need not wait for a disk."""

Definition = tuple[str, int]
"""Days and hour of the day."""
Change = tuple[str, Any] | None
DEFINITIONS = st.tuples(st.sampled_from(sorted(DAYS)), st.sampled_from(HOURS))
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.none(),
    st.just(("rename", None)),
    st.tuples(st.just("clients"), st.sampled_from([CLIENTS, CLIENTS[:1], CLIENTS[1:]])),
    st.tuples(st.sampled_from(NAMES), st.one_of(st.none(), DEFINITIONS)),
)
HOPS = st.one_of(
    st.none(), st.tuples(st.sampled_from([0, 0, 0, 1, 8, 40]), st.sampled_from([-10, 0, 20, 59, 61]))
)
"""Days, and minutes relative to the next hour at which windows open."""


class Model:
    """The windows that were in force, and the openings that are due."""

    def __init__(self) -> None:
        self.files: dict[str, Definition] = {}
        self.clients: tuple[str, ...] = CLIENTS
        self.force: dict[tuple[str, str], tuple[Definition, datetime]] = {}
        """Definitions in force, each with its first instant."""
        self.known: set[str] = set()
        self.due: set[tuple[str, str, datetime]] = set()
        self.seen = START

    def sight(self, now: datetime) -> None:
        """A scheduler reads the files. Removed windows count until now, exclusive."""
        self.collect(now - timedelta(minutes=1))
        wanted = {(name, client): found for name, found in self.files.items() for client in self.clients}
        gone = {key: old for key, old in self.force.items() if wanted.get(key) != old[0]}
        for key in gone:
            del self.force[key]
        new = {key: found for key, found in wanted.items() if key not in self.force}
        for (name, client), found in new.items():
            since = now
            before = [key for key in gone if key == (name, client)] or [
                key for key, (old, _) in gone.items() if key[1] == client and old == found
            ]
            last = opening_before(found, now)
            if now - last <= DEADLINE:
                if before:
                    (former, _), taken = gone[before[0]], (before[0][0], client, last)
                    if opens(former, last) and taken in self.due and self.is_undecided(taken):
                        self.due.discard(taken)
                        since = last
                elif name not in self.known:
                    since = last
            self.force[name, client] = found, since
        self.known |= set(self.files)
        self.collect(now)

    def is_undecided(self, opening: tuple[str, str, datetime]) -> bool:
        """Whether no scheduler has ticked since the opening started."""
        return opening[2] > self.seen

    def collect(self, now: datetime) -> None:
        """Add the openings that have become due until now."""
        for (name, client), (found, since) in self.force.items():
            moment = since.replace(minute=0) if since.minute == 0 else since.replace(minute=0) + HOUR
            moment = max(moment, self.seen.replace(minute=0) - 2 * HOUR)
            while moment <= now:
                if moment >= since and opens(found, moment):
                    self.due.add((name, client, moment))
                moment += HOUR


def opens(found: Definition, moment: datetime) -> bool:
    return moment.minute == 0 and moment.hour == found[1] and moment.weekday() in DAYS[found[0]]


def opening_before(found: Definition, now: datetime) -> datetime:
    moment = now.replace(minute=0)
    while not opens(found, moment):
        moment -= HOUR
    return moment


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.now, self.model = START, Model()
        self.schedulers: list[SchedulerProcess] = []
        self.started: list[str] = []

    @initialize(found=DEFINITIONS)
    def first(self, found: Definition) -> None:
        self.model.files = {"weekly": found}
        self.write()
        self.schedulers = [SchedulerProcess(self.folder), SchedulerProcess(self.folder)]

    def write(self) -> None:
        lines = "".join(
            f'  {name}: {{playbook: hello, day: {days}, at: "{hour:02}:00", lasts: 2h, deadline: 1h}}\n'
            for name, (days, hour) in self.model.files.items()
        )
        write(self.folder, lines or "  {}\n", self.model.clients)
        for one in self.schedulers:
            one.reload(self.folder)

    @rule(change=CHANGES, hop=HOPS, ticks=st.sampled_from([True, True, True, False]), ends=st.booleans())
    def step(self, *, change: Change, hop: tuple[int, int] | None, ticks: bool, ends: bool) -> None:
        """The files may change, time may pass, and the schedulers may tick."""
        self.change(change)
        if hop:
            self.pass_time(*hop)
        if ticks:
            self.tick(ends=ends)

    @rule(hop=HOPS)
    def restart_all(self, hop: tuple[int, int] | None) -> None:
        """All schedulers stop, with open runs, and start again later."""
        for one in self.schedulers:
            one.die()
        if hop:
            self.pass_time(*hop)
        self.schedulers = [SchedulerProcess(self.folder), SchedulerProcess(self.folder)]

    def change(self, change: Change) -> None:
        match change:
            case ("rename", _):
                if len(self.model.files) == 1:
                    ((name, found),) = self.model.files.items()
                    self.model.files = {next(one for one in NAMES if one != name): found}
            case ("clients", clients):
                self.model.clients = clients
            case (name, None):
                self.model.files.pop(name, None)
            case (name, found):
                self.model.files[name] = found
            case None:
                return
        self.write()

    def pass_time(self, days: int, minutes: int) -> None:
        """Advance to about the next hour at which windows open, or days later."""
        hour = self.now.replace(minute=0) + HOUR
        while hour.hour not in HOURS:
            hour += HOUR
        self.now = max(self.now, hour + timedelta(days=days, minutes=minutes))

    def tick(self, *, ends: bool) -> None:
        """All schedulers tick; with `ends`, their runs end."""
        self.model.sight(self.now)
        self.model.seen = self.now
        for one in self.schedulers:
            one.tick(self.now)
        if ends:
            for one in self.schedulers:
                one.end(*one.works.in_hand)
        decided = [(row.window, row.client, row.starts) for row in rows(self.folder)]
        assert len(decided) == len(set(decided))
        assert set(decided) == self.model.due

    @invariant()
    def every_run_has_its_row(self) -> None:
        """Each run in progress belongs to a row with the state `run`."""
        if not (self.folder / ".sitecrew/ledger.db").exists():
            return
        runs = {row.run for row in rows(self.folder) if row.state is WindowState.RUN}
        for one in self.schedulers:
            assert one.works.in_hand <= runs

    def teardown(self) -> None:
        for one in self.schedulers:
            one.die()
        shutil.rmtree(self.folder)


class ManyHistories(Histories):
    """The same, more often."""


FEW = settings(
    max_examples=10,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
Histories.TestCase.settings = FEW
ManyHistories.TestCase.settings = settings(FEW, max_examples=40)
TestHistories = Histories.TestCase
TestManyHistories = pytest.mark.long(ManyHistories.TestCase)
