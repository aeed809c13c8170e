"""For any history of windows, crashes, absences and changes: each due opening has one row, and nothing else has.

The model is a few lines: what was in force when, by the rules of docs/inventory.md, asked for minute by minute.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runner.record import WindowState
from tests.workflows.scheduling import Scheduler, at, rows, write

START = at("2027-03-01 12:00")
HOUR = timedelta(hours=1)
DEADLINE = HOUR
CLIENTS = ("acme", "big-acme")
NAMES = ("weekly", "nightly")
DAYS = {"daily": set(range(7)), "tuesday": {1}, "[monday, thursday]": {0, 3}}
HOURS = (2, 3)

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the ledgers of many examples need not wait for a disk."""

Definition = tuple[str, int]
"""Days and hour of the day."""


class Model:
    """What was in force, and what is due by it."""

    def __init__(self) -> None:
        self.files: dict[str, Definition] = {}
        self.clients: tuple[str, ...] = CLIENTS
        self.force: dict[tuple[str, str], tuple[Definition, datetime]] = {}
        """Each with the first instant."""
        self.known: set[str] = set()
        self.due: set[tuple[str, str, datetime]] = set()
        self.seen = START

    def sight(self, now: datetime) -> None:
        """A scheduler looks at the files."""
        self.collect(now)
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
        """Nobody has looked since it started."""
        return opening[2] > self.seen

    def collect(self, now: datetime) -> None:
        """What has become due until now."""
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
        self.schedulers: list[Scheduler] = []
        self.started: list[str] = []

    @initialize(found=st.tuples(st.sampled_from(sorted(DAYS)), st.sampled_from(HOURS)))
    def first(self, found: Definition) -> None:
        self.model.files = {"weekly": found}
        self.write()
        self.schedulers.append(Scheduler(self.folder))

    def write(self) -> None:
        lines = "".join(
            f'  {name}: {{playbook: hello, day: {days}, at: "{hour:02}:00", lasts: 2h, deadline: 1h}}\n'
            for name, (days, hour) in self.model.files.items()
        )
        write(self.folder, lines or "  {}\n", self.model.clients)
        for one in self.schedulers:
            one.reload(self.folder)

    @rule(
        name=st.sampled_from(NAMES),
        found=st.one_of(st.none(), st.tuples(st.sampled_from(sorted(DAYS)), st.sampled_from(HOURS))),
    )
    def change(self, name: str, found: Definition | None) -> None:
        self.model.files.pop(name, None)
        if found:
            self.model.files[name] = found
        self.write()

    @precondition(lambda self: len(self.model.files) == 1)
    @rule()
    def rename(self) -> None:
        ((name, found),) = self.model.files.items()
        self.model.files = {next(one for one in NAMES if one != name): found}
        self.write()

    @rule(clients=st.sampled_from([CLIENTS, CLIENTS[:1], CLIENTS[1:]]))
    def clients_come_and_go(self, clients: tuple[str, ...]) -> None:
        self.model.clients = clients
        self.write()

    @rule(
        days=st.sampled_from([0, 0, 0, 1, 3, 8, 40]),
        minutes=st.sampled_from([-10, 0, 20, 59, 61, 130]),
        ends=st.booleans(),
    )
    def time_passes(self, days: int, minutes: int, ends: bool) -> None:
        """To about the next hour at which windows open, or days later; whoever is there looks."""
        hour = self.now.replace(minute=0) + HOUR
        while hour.hour not in HOURS:
            hour += HOUR
        self.now = max(self.now, hour + timedelta(days=days, minutes=minutes))
        self.look(ends)

    @rule(ends=st.booleans())
    def look(self, ends: bool) -> None:
        """All schedulers tick."""
        if not self.schedulers:
            return
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

    @precondition(lambda self: len(self.schedulers) < 2)
    @rule()
    def a_scheduler_comes(self) -> None:
        self.schedulers.append(Scheduler(self.folder))

    @precondition(lambda self: self.schedulers)
    @rule()
    def a_scheduler_dies(self) -> None:
        self.schedulers.pop().die()

    @invariant()
    def no_run_is_left_by_all(self) -> None:
        """A run belongs to a row that says `run` or, if none of its sites was started, `missed`."""
        if not (self.folder / ".sitecrew/ledger.db").exists():
            return
        runs = {row.run for row in rows(self.folder) if row.state is WindowState.RUN}
        for one in self.schedulers:
            assert one.works.in_hand <= runs

    def teardown(self) -> None:
        for one in self.schedulers:
            one.die()
        shutil.rmtree(self.folder)


Histories.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestHistories = Histories.TestCase
