"""Each due opening is run, missed or skipped, once, whatever pauses, calendars, downtime and clocks do."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from runner.record import WindowState
from tests.workflows.scheduling import SchedulerProcess, at, rows, write

START = at("2027-03-01 01:30")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NIGHTLY = (
    '  night: {playbook: hello, day: daily, at: "02:00", lasts: 2h, deadline: 1h, blackouts: [closed.ics]}\n'
)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
RUN, SKIPPED, MISSED = WindowState.RUN, WindowState.SKIPPED, WindowState.MISSED

Closed = frozenset[tuple[date, str]]
"""Days with an event: of the whole day, or during the start (`at night`)."""


@dataclass
class Pause:
    """From an instant to the end of a day, or until it was ended."""

    since: datetime
    end: datetime


@dataclass
class Row:
    """What an opening should be, and when that was decided."""

    state: WindowState
    recorded: datetime


class States(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.now = START
        self.settled = START - MINUTE
        self.closed: Closed = frozenset()
        self.read: Closed = frozenset()
        """The events when a scheduler last read the file."""
        self.pauses: list[Pause] = []
        self.expected: dict[datetime, Row] = {}

    @initialize()
    def first(self) -> None:
        self.write()
        write(self.folder, NIGHTLY)
        self.start()
        self.one.tick(self.now)

    def start(self) -> None:
        with time_machine.travel(START, tick=False):
            self.one = SchedulerProcess(self.folder)

    def write(self) -> None:
        events = "".join(
            f"BEGIN:VEVENT\nUID:{number}\n{self.event(day, kind)}\nEND:VEVENT\n"
            for number, (day, kind) in enumerate(sorted(self.closed))
        )
        self.folder.joinpath("closed.ics").write_text(f"BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")

    @staticmethod
    def event(day: date, kind: str) -> str:
        if kind == "whole day":
            return f"DTSTART;VALUE=DATE:{day:%Y%m%d}"
        return f"DTSTART:{day:%Y%m%d}T015000Z\nDTEND:{day:%Y%m%d}T020500Z"

    @rule(hours=st.sampled_from([0, 1, 1, 22, 23, 24, 47, 100]), minutes=st.sampled_from([10, 20, 35, 60]))
    def pass_time(self, hours: int, minutes: int) -> None:
        self.now += hours * HOUR + minutes * MINUTE

    @rule(days=st.integers(0, 3))
    def go_to_night(self, days: int) -> None:
        """Advance to ten minutes after an opening."""
        night = self.now.replace(hour=2, minute=10) + days * DAY
        self.now = night if night > self.now else night + DAY

    @rule()
    def set_back(self) -> None:
        """Set the clock back by an hour."""
        if self.now - HOUR > START:
            self.now -= HOUR

    @rule(days=st.integers(0, 2), kind=st.sampled_from(["whole day", "at night"]))
    def edit(self, days: int, kind: str) -> None:
        """Add or remove an event."""
        self.closed ^= {(self.now.date() + days * DAY, kind)}
        self.write()
        with time_machine.travel(START, tick=False):
            self.one.reload(self.folder)

    @rule(days=st.integers(0, 3))
    def pause(self, days: int) -> None:
        self.end_pauses()
        last = self.now.date() + days * DAY
        end = at(f"{last + DAY} 00:00")
        self.one.ledger.pauses.pause("c0", until=last, ends=end, why="", at=self.now)
        self.pauses.append(Pause(self.now, end))

    @rule()
    def resume(self) -> None:
        self.one.ledger.pauses.resume("c0", at=self.now)
        self.end_pauses()

    def end_pauses(self) -> None:
        for pause in self.pauses:
            pause.end = min(pause.end, self.now)

    @rule()
    def restart(self) -> None:
        self.one.die()
        self.start()

    @rule()
    def tick(self) -> None:
        self.decide()
        self.one.end(*self.one.tick(self.now))
        found = [(row.starts, row.state) for row in rows(self.folder)]
        assert found == [(starts, row.state) for starts, row in sorted(self.expected.items())]

    def decide(self) -> None:
        """Decide the openings since the last decision, by the rules of docs/inventory.md."""
        self.settled = min(self.settled, self.now)
        opening = START.replace(hour=2, minute=0)
        while opening <= self.now:
            if opening > self.settled:
                self.record(opening, self.state_of(opening))
            opening += DAY
        self.settled, self.read = self.now, self.closed

    def record(self, opening: datetime, state: WindowState) -> None:
        """The first decision stays, unless the clock was ahead then and the window is started now."""
        old = self.expected.get(opening)
        if old is None or (state is RUN and old.state is not RUN and old.recorded > self.now):
            self.expected[opening] = Row(state, self.now)

    def state_of(self, opening: datetime) -> WindowState:
        late = self.now > opening + HOUR
        closed = self.read if late else self.read | self.closed
        if any(day == opening.date() for day, _ in closed):
            return SKIPPED
        instants = [opening] if late else [opening, self.now]
        if any(pause.since <= instant < pause.end for pause in self.pauses for instant in instants):
            return SKIPPED
        return MISSED if late else RUN

    def teardown(self) -> None:
        if hasattr(self, "one"):
            self.one.die()
        shutil.rmtree(self.folder)


class ManyStates(States):
    """The same, more often."""


FEW = settings(
    max_examples=4,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
States.TestCase.settings = FEW
ManyStates.TestCase.settings = settings(FEW, max_examples=60)
TestStates = States.TestCase
TestManyStates = pytest.mark.long(ManyStates.TestCase)
