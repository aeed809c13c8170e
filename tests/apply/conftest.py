"""A bench for one site of a run: fake host and site, and a real ledger."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

import runner.steps
from runner.apply.cancellation import Cancellation
from runner.apply.context import SiteContext
from runner.apply.journal import Journal
from runner.apply.parts import run_part, steps_of
from runner.apply.transaction.batch import apply_changes
from runner.hosts.fake import ControllerKilled, FakeRemote
from runner.load import Redactor, Workspace, freeze
from runner.model import (
    Client,
    Host,
    Inventory,
    Order,
    Playbook,
    Policy,
    Settings,
    Site,
    SitePlan,
    Step,
    StepOutcome,
)
from runner.plan import Segment
from runner.record import Ledger
from runner.record.operators import Operator
from tests.apply.fakesite import NOW, FakeProber, FakeSite, ItemOptions, Items, change, the_site
from tests.ledgers import create_run

RUN = "weekly-1"


@pytest.fixture(scope="module", autouse=True)
def _test_kind() -> Iterator[None]:
    """The step kind `test.items` is registered while tests of this folder run."""
    installed = runner.steps._installed
    runner.steps._installed = lambda: [*installed(), ("tests", Items())]
    runner.steps.registry.cache_clear()
    yield
    runner.steps._installed = installed
    runner.steps.registry.cache_clear()


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    """A folder in memory, where the machine has one: a ledger waits for its disk at each write."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


class Ledgers:
    """Real ledgers, opened once and emptied for each bench: what costs time is to open one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._free: list[Ledger] = []
        self._count = 0
        file = folder / "empty.db"
        Ledger.open(f"sqlite:///{file}").close()
        self._empty = sqlite3.connect(file)

    def take(self) -> Ledger:
        """Return an empty ledger that nobody else has."""
        if self._free:
            ledger = self._free.pop()
            with closing(sqlite3.connect(ledger.store.database.name)) as file:
                self._empty.backup(file)
            return ledger
        self._count += 1
        file = self._folder / f"{self._count}.db"
        shutil.copy(self._folder / "empty.db", file)
        return Ledger.open(f"sqlite:///{file}", operator=Operator("ann", "ann", "desk"))

    def give_back(self, ledger: Ledger) -> None:
        """Let another bench have it."""
        self._free.append(ledger)

    def close(self) -> None:
        """Close all that were given back."""
        self._empty.close()
        for ledger in self._free:
            ledger.close()


@pytest.fixture(scope="session")
def ledgers(memory: Path) -> Iterator[Ledgers]:
    """The ledgers of this session."""
    found = Ledgers(memory)
    yield found
    found.close()


class QuickEvent(threading.Event):
    """An event on which nobody waits: it notes how long would have been waited."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []
        self.on_wait: Callable[[], object] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        self.on_wait()
        return self.is_set()


def quick_cancellation() -> Cancellation:
    """What stops a run, without real waits between tries."""
    stop = Cancellation()
    stop.asked = QuickEvent()
    return stop


@dataclass
class Event:
    """An event that was emitted."""

    name: str
    step: str | None
    data: dict[str, object]


@dataclass
class Bench:
    """One site of a run: what it takes to apply parts of its plan, and what came of them."""

    workspace: Workspace
    ledger: Ledger
    site: FakeSite
    remote: FakeRemote
    prober: FakeProber
    order: Order
    events: list[Event] = field(default_factory=list)
    stop: Any = field(default_factory=quick_cancellation)
    plan: SitePlan | None = None
    on_emit: Callable[[str], object] = lambda _: None
    attempt: int = 1

    def emit(
        self, event: str, _run: str, _site: str | None = None, step: str | None = None, /, **data: object
    ) -> None:
        self.on_emit(event)
        self.events.append(Event(event, step, data))

    def emitted(self, name: str) -> list[Event]:
        return [event for event in self.events if event.name == name]

    def policy(self, **changes: Any) -> None:
        self.order = replace(self.order, policy=replace(self.order.policy, **changes))

    def begin(self, *steps: Step, run: str = "", undoes: str | None = None) -> None:
        """Write the run into the ledger; by default with one step that updates all items."""
        steps = steps or self.order.playbook.steps
        playbook = replace(self.order.playbook, steps=steps)
        self.order = replace(self.order, run=run or self.order.run, playbook=playbook)
        create_run(
            self.ledger,
            freeze(self.order),
            run=self.order.run,
            playbook=playbook.name,
            title=playbook.title,
            sites=[
                (one.name, one.client, one.host, 0, number) for number, one in enumerate(self.order.sites)
            ],
            steps=[(step.id, step.kind, step.title) for step in steps],
            started=NOW,
            trigger="manual",
            undoes=undoes,
        )

    def context(self, site: Site | None = None) -> SiteContext:
        site = site or self.order.sites[0]
        plan = self.plan or SitePlan(
            site="shop", client="acme", changes=tuple(change(item) for item in self.site.items)
        )
        return SiteContext(
            workspace=self.workspace,
            order=self.order,
            site=site,
            attempt=self.attempt,
            plan=plan,
            facts=self.first_facts,
            remote=self.remote,
            prober=self.prober,
            journal=Journal(self.ledger, self.remote.redactor, self.emit, self.order.run, site.name),
            stop=self.stop,
            redactor=self.remote.redactor,
            published=cast("Any", None),
        )

    @property
    def first_facts(self):
        """The facts on which the plan is based: an attempt does not read them again."""
        if not hasattr(self, "_facts"):
            self._facts = self.site.facts()
        return self._facts

    @property
    def step(self) -> Step:
        return self.order.playbook.steps[0]

    def apply(self) -> StepOutcome:
        """Apply the changes of the first step."""
        (outcome,), _ = apply_changes(self.context(), Segment(1, (self.step,)))
        return outcome

    def run(self, part: Any) -> tuple[StepOutcome, ...]:
        """Run a part as the plan of a site does."""
        return run_part(self.context(), part, steps_of(part)).outcomes

    def resume(self) -> StepOutcome:
        """Apply the changes in the next attempt."""
        self.attempt += 1
        self.stop = quick_cancellation()
        return self.apply()

    def killed(self, work: Callable[[], object] | None = None) -> None:
        """Apply the changes with a controller that is killed on the way."""
        with pytest.raises(ControllerKilled):
            (work or self.apply)()

    def killed_before_event(self, number: int) -> None:
        """Apply the changes with a controller that is killed before it emits this event, counted from 1."""
        left = [number]

        def count(_: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise ControllerKilled

        self.on_emit = count
        self.killed()

    def outcomes(self, outcome: StepOutcome) -> dict[str, str]:
        return {one.item: one.outcome.value for one in outcome.changes}

    def holds(self) -> dict[str, str]:
        return {hold.item: hold.why for hold in self.ledger.holds.list("shop", run=self.order.run)}

    def jobs(self) -> dict[int, tuple[str, str | None]]:
        """State and status of each job on record."""
        return {job.number: (job.state, job.status) for job in self.ledger.jobs.list(self.order.run, "shop")}

    def recorded(self, step: str = "") -> Any:
        """The outcome of a step on record."""
        wanted = step or self.step.id
        (view,) = (one for one in self.ledger.runs.show(self.order.run).sites if one.row.site == "shop")
        return next(one for one in view.steps if one.step == wanted)


@pytest.fixture
def make_bench(memory: Path, ledgers: Ledgers) -> Iterator[Callable[..., Bench]]:
    """Make benches, each with a ledger of its own."""
    taken: list[Ledger] = []

    def make(site: FakeSite | None = None, *, begin: bool = True, **more: Any) -> Bench:
        ledger = ledgers.take()
        taken.append(ledger)
        site = site or FakeSite()
        host, entry = Host(name="web1", address="192.0.2.1"), the_site(**more)
        inventory = Inventory(
            hosts={"web1": host}, clients={"acme": Client(id="acme", name="Acme")}, sites={entry.name: entry}
        )
        workspace = Workspace(folder=memory, inventory=inventory, settings=Settings(), playbooks={})
        order = Order(
            run=RUN,
            playbook=Playbook(
                name="weekly",
                title="Weekly",
                steps=(Step(id="items", kind="test.items", options=ItemOptions()),),
            ),
            sites=(entry,),
            rings=((entry.name,),),
            hosts=inventory.hosts,
            clients=inventory.clients,
            policy=Policy(),
            secret_folder="f00d",
        )
        remote = FakeRemote(host, workspace, site.answer, redactor=Redactor())
        bench = Bench(workspace, ledger, site, remote, FakeProber(site), order)
        if begin:
            bench.begin()
        return bench

    yield make
    for ledger in taken:
        ledgers.give_back(ledger)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A bench with a site of four items that all can be updated."""
    return make_bench()
