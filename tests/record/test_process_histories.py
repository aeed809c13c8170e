"""Any history of several processes on one ledger does what a model of a few rules says.

Each pretend process has a connection and a lease of its own. They decide openings, take runs over from dead
processes, cancel and end them, pause clients, and plan and approve openings. The test sets the time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runner.errors import LockedError
from runner.model import RESUMABLE, Outcome, State
from runner.record import (
    LEASE,
    ApprovalState,
    ApprovalView,
    Ledger,
    NewApproval,
    WindowState,
    WindowView,
)
from tests.ledgers import create_run

START = datetime(2027, 1, 5, 2, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
NAMES = ("acme", "bolt")
CLIENTS = st.sampled_from(NAMES)
FRONT = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 7])
"""An opening: the first ones are planned and not decided, the last ones are decided."""
SLOTS = st.integers(0, 2)
ANY = st.integers(0, 11)
OUTCOMES = st.sampled_from([Outcome.OK, Outcome.UNDONE, Outcome.MISSED, Outcome.LOST])

Opening = tuple[str, datetime]
"""A client, and when the window opens for it."""


@dataclass
class Lease:
    renewed: datetime
    released: bool = False

    def is_valid(self, now: datetime) -> bool:
        return not self.released and abs(now - self.renewed) <= LEASE


@dataclass
class Run:
    opening: Opening
    executor: str
    state: State = State.RUNNING
    outcome: Outcome | None = None
    """Of its one site."""


@dataclass
class Decision:
    state: WindowState
    run: str | None
    recorded: datetime


@dataclass
class Approval:
    state: ApprovalState
    made: datetime


@dataclass
class Model:
    """What the ledger must hold."""

    leases: dict[str, Lease] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    openings: dict[Opening, Decision] = field(default_factory=dict)
    pauses: dict[str, list[datetime]] = field(default_factory=lambda: {"acme": [], "bolt": []})
    """When each pause of a client ends."""
    approvals: dict[Opening, Approval] = field(default_factory=dict)
    acts: int = 0

    def claim(self, run: Run, executor: str, now: datetime) -> bool:
        """A run is free if its process is dead; that process may not return then."""
        lease = self.leases[run.executor]
        if run.executor != executor and lease.is_valid(now):
            return False
        lease.released = lease.released or run.executor != executor
        run.executor = executor
        return True


class Process:
    """A pretend process."""

    def __init__(self, url: str, executor: str) -> None:
        self.ledger, self.executor = Ledger.open(url), executor

    def decide(
        self, opening: Opening, state: WindowState, now: datetime, approval: ApprovalView | None
    ) -> bool:
        """Start or skip an opening, as a scheduler does that has read this approval."""
        client, starts = opening
        run = run_id(opening) if state is WindowState.RUN else None
        row = WindowView(
            window="weekly",
            client=client,
            starts=starts,
            closes=starts + HOUR,
            state=state,
            run=run,
            recorded=now,
        )
        if run is None:
            return self.ledger.windows.claim(row)
        return create_run(
            self.ledger,
            "{}",
            run=run,
            playbook="weekly",
            title="",
            trigger="window",
            window="weekly",
            started=now,
            executor=self.executor,
            opening=row,
            approval=approval,
            sites=[(f"{client}-site", client, "web1", 0, 0)],
            steps=[],
        )

    def end(self, run: str, outcome: Outcome, now: datetime) -> None:
        for site in self.ledger.sites.list_unfinished(run):
            self.ledger.sites.finished(run, site.site, outcome, "", now)
        self.ledger.runs.finished(run, outcome, now)


def run_id(opening: Opening) -> str:
    return f"weekly-{opening[1]:%Y%m%d}-{opening[0]}"


class Processes(RuleBasedStateMachine):
    def __init__(self, new_ledger: Callable[[], str]) -> None:
        super().__init__()
        self.url, self.now, self.model = new_ledger(), START, Model()
        self.reader = Ledger.open(self.url, read_only=True)
        self.processes: dict[int, Process] = {}
        self.read: dict[Opening, ApprovalView | None] = {}
        """Approvals as they were read last."""
        self.names = (f"process-{number}" for number in count())
        for slot in range(3):
            self.start(slot)

    @rule(seconds=st.sampled_from([1, 6, 10, 11, 3600, 86400]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(seconds=st.sampled_from([1, 9, 12]))
    def set_clock_back(self, seconds: int) -> None:
        self.now -= seconds * SECOND

    def start(self, slot: int) -> None:
        process = self.processes[slot] = Process(self.url, next(self.names))
        process.ledger.leases.acquire(process.executor, host="here", pid=slot, process_start="0", at=self.now)
        self.model.leases[process.executor] = Lease(self.now)

    @rule(slot=SLOTS, cleanly=st.booleans())
    def restart(self, slot: int, *, cleanly: bool) -> None:
        """A process exits or is killed, and another one starts."""
        process = self.processes.pop(slot)
        if cleanly:
            process.ledger.leases.release(process.executor, at=self.now)
            self.model.leases[process.executor].released = True
        process.ledger.close()
        self.start(slot)

    @rule(slots=st.sets(SLOTS, min_size=1))
    def renew(self, slots: set[int]) -> None:
        """A process that others took for dead may only return if nothing was taken from it."""
        for process in map(self.processes.__getitem__, slots):
            lease = self.model.leases[process.executor]
            assert process.ledger.leases.renew(process.executor, at=self.now) is not lease.released
            if not lease.released:
                lease.renewed = self.now

    @rule(order=st.permutations(range(3)), number=FRONT, starts=st.booleans())
    def decide(self, order: list[int], number: int, *, starts: bool) -> None:
        """All processes see an opening; the first one decides it.

        It is started in spite of a decision that was made while the clock was ahead, but not if its approval
        was changed since it was read.
        """
        self.decide_in_order(self.some_opening(number), order, starts=starts)

    def decide_in_order(self, opening: Opening, order: list[int], *, starts: bool) -> None:
        state = WindowState.RUN if starts else WindowState.SKIPPED
        for process in map(self.processes.__getitem__, order):
            old = self.model.openings.get(opening)
            first = old is None or (starts and old.run is None and old.recorded > self.now)
            first = first and (not starts or self.is_as_read(opening))
            assert process.decide(opening, state, self.now, self.read.get(opening)) is first
            if first:
                run = run_id(opening) if starts else None
                self.model.openings[opening] = Decision(state, run, self.now)
                if starts:
                    self.model.runs[run_id(opening)] = Run(opening, process.executor)
                    self.model.acts += 1

    @precondition(lambda self: self.model.runs)
    @rule(slot=SLOTS, number=ANY, resumes=st.booleans())
    def claim(self, slot: int, number: int, *, resumes: bool) -> None:
        """A process takes over a run, and may resume it."""
        process, (name, run) = self.processes[slot], self.some_run(number)
        claimed = self.model.claim(run, process.executor, self.now)
        assert process.ledger.runs.claim(name, process.executor, at=self.now) is claimed
        if claimed and resumes:
            again = run.outcome is None or run.outcome in RESUMABLE
            site = f"{run.opening[0]}-site"
            assert process.ledger.runs.reopen(name) == ((site,) if again else ())
            run.state, run.outcome = State.RUNNING, None if again else run.outcome
            self.model.acts += 1

    @precondition(lambda self: self.model.runs)
    @rule(slot=SLOTS, number=ANY)
    def cancel(self, slot: int, number: int) -> None:
        """A process asks that a run is cancelled, whichever executes it."""
        process, (name, run) = self.processes[slot], self.some_run(number)
        unfinished = run.state is not State.ENDED
        assert process.ledger.runs.set_state(name, State.CANCELLING) is unfinished
        run.state = State.CANCELLING if unfinished else run.state

    @precondition(lambda self: any(run.state is not State.ENDED for run in self.model.runs.values()))
    @rule(number=ANY, outcome=OUTCOMES)
    def end(self, number: int, outcome: Outcome) -> None:
        """The process that has a run ends it."""
        name, run = self.some_run(number)
        process = next((one for one in self.processes.values() if one.executor == run.executor), None)
        if process and run.state is not State.ENDED:
            process.end(name, outcome, self.now)
            run.state, run.outcome = State.ENDED, run.outcome or outcome
            missed = run.outcome is Outcome.MISSED
            self.model.openings[run.opening].state = WindowState.MISSED if missed else WindowState.RUN

    @rule(slot=SLOTS, client=CLIENTS, days=st.integers(1, 3))
    def pause(self, slot: int, client: str, days: int) -> None:
        ends, pauses = self.now + days * DAY, self.processes[slot].ledger.pauses
        replaced = pauses.pause(client, until=date(2027, 1, 20), ends=ends, why="sale", at=self.now)
        assert (replaced is not None) is self.is_paused(client)
        self.end_pauses(client)
        self.model.pauses[client].append(ends)
        self.model.acts += 1

    @rule(slot=SLOTS, client=CLIENTS)
    def resume(self, slot: int, client: str) -> None:
        paused, pauses = self.is_paused(client), self.processes[slot].ledger.pauses
        assert (pauses.resume(client, at=self.now) is not None) is paused
        self.end_pauses(client)
        self.model.acts += paused

    def is_paused(self, client: str) -> bool:
        return any(self.now < end for end in self.model.pauses[client])

    def end_pauses(self, client: str) -> None:
        self.model.pauses[client] = [min(end, self.now) for end in self.model.pauses[client]]

    @rule(slot=SLOTS, number=FRONT, fails=st.booleans())
    def plan(self, slot: int, number: int, *, fails: bool) -> None:
        """A process plans an opening; the first plan counts."""
        opening = client, starts = self.some_opening(number)
        old = self.model.approvals.get(opening)
        state = ApprovalState.FAILED if fails else ApprovalState.WAITING
        new = NewApproval(
            window="weekly",
            client=client,
            starts=starts,
            until=starts + HOUR,
            made=self.now,
            state=state,
            sites=(f"{client}-site",),
        )
        added = old is None or old.state is ApprovalState.FAILED
        assert self.processes[slot].ledger.approvals.add(new) is added
        if added:
            self.model.approvals[opening] = Approval(state, self.now)

    @rule(slots=st.permutations(range(3)), number=FRONT, order=st.sampled_from(["ad", "da", "a", "d", "aad"]))
    def answer_while_starting(self, slots: list[int], number: int, order: str) -> None:
        """An operator answers (a) and schedulers start (d) an opening, with what all have read before."""
        opening = self.some_opening(number)
        if opening in self.model.approvals:
            self.read[opening] = self.reader.approvals.get("weekly", *opening)
            for place, act in enumerate(order):
                if act == "a":
                    self.answer(opening, slots[0], approves=place == 0)
                else:
                    self.decide_in_order(opening, slots[1:], starts=True)

    def answer(self, opening: Opening, slot: int, *, approves: bool) -> None:
        """What was planned again or decided since it was read is not answered."""
        view, approval = self.read[opening], self.model.approvals[opening]
        state = ApprovalState.APPROVED if approves else ApprovalState.DECLINED
        ledger = self.processes[slot].ledger
        if opening in self.model.openings or view.made != approval.made:
            with pytest.raises(LockedError):
                ledger.approvals.answer([view], state, at=self.now)
            return
        ledger.approvals.answer([view], state, at=self.now)
        approval.state = state
        self.model.acts += 1

    def is_as_read(self, opening: Opening) -> bool:
        view, approval = self.read.get(opening), self.model.approvals.get(opening)
        if view is None or approval is None:
            return True
        return (view.state, view.made) == (approval.state, approval.made)

    def openings(self) -> list[Opening]:
        """Return the openings of four nights, in the order of `FRONT`."""
        found = [(client, START + night * DAY) for night in range(4) for client in NAMES]
        model = self.model
        return sorted(found, key=lambda one: (one in model.openings, one not in model.approvals))

    def some_opening(self, number: int) -> Opening:
        return self.openings()[number]

    def some_run(self, number: int) -> tuple[str, Run]:
        found = list(self.model.runs.items())
        return found[number % len(found)]

    @invariant()
    def ledger_is_as_in_the_model(self) -> None:
        """Each opening is decided once, and each run has one process."""
        model, ledger = self.model, self.reader
        rows = ledger.windows.list()
        assert {(row.client, row.starts): (row.state, row.run) for row in rows} == {
            opening: (decision.state, decision.run) for opening, decision in model.openings.items()
        }
        assert len(rows) == len(model.openings)
        assert {run.run: (run.executor, run.state) for run in ledger.runs.list_unfinished()} == {
            name: (run.executor, run.state)
            for name, run in model.runs.items()
            if run.state is not State.ENDED
        }
        assert {lease.executor for lease in ledger.leases.list_valid(at=self.now)} == {
            name for name, lease in model.leases.items() if lease.is_valid(self.now)
        }
        assert {
            (one.client, one.starts): (one.state, one.made, one.decided) for one in ledger.approvals.list()
        } == {
            opening: (one.state, one.made, opening in model.openings)
            for opening, one in model.approvals.items()
        }
        paused = {client for client in model.pauses if self.is_paused(client)}
        assert {pause.client for pause in ledger.pauses.in_force(self.now)} == paused

    def teardown(self) -> None:
        found = self.reader.acts.verify()
        assert (found.problem, found.acts) == ("", self.model.acts)
        for process in self.processes.values():
            process.ledger.close()
        self.reader.close()


USUAL = settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def new_ledger(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """A function that creates a ledger and returns its URL."""
    if database == "postgresql":
        yield request.getfixturevalue("postgresql").ledger
        return
    memory = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path
    empty, numbers = tmp_path / "empty.db", count()
    Ledger.open(f"sqlite:///{empty}").close()
    folder = memory / f"histories-{tmp_path.name}-{id(numbers)}"
    folder.mkdir(mode=0o700)

    def create() -> str:
        file = folder / f"{next(numbers)}.db"
        shutil.copy(empty, file)
        return f"sqlite:///{file}"

    yield create
    shutil.rmtree(folder)


def test_any_history_of_processes(new_ledger: Callable[[], str]) -> None:
    run_state_machine_as_test(lambda: Processes(new_ledger), settings=USUAL)


@pytest.mark.long
def test_many_histories_of_processes(new_ledger: Callable[[], str]) -> None:
    run_state_machine_as_test(lambda: Processes(new_ledger), settings=settings(USUAL, max_examples=150))
