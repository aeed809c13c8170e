"""Each opening that needs approval is run, missed or skipped as it was answered, whatever happens when."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from runner.record import ApprovalState, WindowState
from tests.workflows.scheduling import SchedulerProcess, at, rows, write
from tests.workflows.test_approvals import Planner, tick

START = at("2027-03-01 03:30")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
NIGHTLY = '  night: {playbook: hello, day: daily, at: "02:00", deadline: 1h, approve: all, plan_ahead: 12h}\n'
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
WAITING, APPROVED, DECLINED = ApprovalState.WAITING, ApprovalState.APPROVED, ApprovalState.DECLINED
RUN, SKIPPED, MISSED = WindowState.RUN, WindowState.SKIPPED, WindowState.MISSED


class Approvals(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.planner = Planner()
        self.now = START
        self.answers: dict[datetime, ApprovalState] = {}
        """The openings with a plan."""
        self.expected: dict[datetime, WindowState] = {}

    @initialize()
    def first(self) -> None:
        write(self.folder, NIGHTLY)
        self.start()
        tick(self.one, self.now)

    def start(self) -> None:
        with time_machine.travel(START, tick=False):
            self.one = self.planner.of(SchedulerProcess(self.folder))

    @rule(hours=st.sampled_from([0, 1, 5, 10, 11, 12, 24, 50]), minutes=st.sampled_from([10, 30, 50]))
    def pass_time(self, hours: int, minutes: int) -> None:
        self.now += hours * HOUR + minutes * MINUTE

    @rule(hour=st.sampled_from([1, 2]))
    def go_to_night(self, hour: int) -> None:
        """Advance to half an hour before or after an opening."""
        night = self.now.replace(hour=hour, minute=30)
        self.now = night if night > self.now else night + DAY

    @rule(state=st.sampled_from([APPROVED, DECLINED]))
    def answer(self, state: ApprovalState) -> None:
        """Answer the open plan, if there is one, also again."""
        views = [one for one in self.one.ledger.approvals.list() if one.is_open(self.now)]
        for one in views:
            self.one.ledger.approvals.answer([one], state, "because", at=self.now)
            self.answers[one.starts] = state
        undecided = {starts for starts in self.answers if starts not in self.expected}
        assert {one.starts for one in views} == {one for one in undecided if self.now <= one + HOUR}

    @rule()
    def restart(self) -> None:
        self.one.die()
        self.start()

    @rule()
    def tick(self) -> None:
        self.decide()
        runs = tick(self.one, self.now)
        self.one.end(*runs)
        assert {row.starts: row.state for row in rows(self.folder)} == self.expected
        states = {view.starts: view.state for view in self.one.ledger.approvals.list()}
        assert states == self.answers

    def decide(self) -> None:
        """Decide by the rules of docs/approve.md."""
        opening = START.replace(hour=2, minute=0) + DAY
        while opening <= self.now + 12 * HOUR:
            if opening not in self.expected and (found := self.state_of(opening)):
                self.expected[opening] = found
            opening += DAY

    def state_of(self, opening: datetime) -> WindowState | None:
        answer = self.answers.get(opening)
        if self.now > opening + HOUR:
            return MISSED if answer in {None, APPROVED} else SKIPPED
        state = self.answers.setdefault(opening, WAITING)
        if self.now < opening or state is WAITING:
            return None
        return RUN if state is APPROVED else SKIPPED

    def teardown(self) -> None:
        if hasattr(self, "one"):
            self.one.die()
        shutil.rmtree(self.folder)


class ManyApprovals(Approvals):
    """The same, more often."""


FEW = settings(
    max_examples=4,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
Approvals.TestCase.settings = FEW
ManyApprovals.TestCase.settings = settings(FEW, max_examples=60)
TestApprovals = Approvals.TestCase
TestManyApprovals = pytest.mark.long(ManyApprovals.TestCase)
