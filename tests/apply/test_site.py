"""One site of a run: which parts are run, what is skipped, and how the site ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runner.apply.site import work_on
from runner.errors import (
    EngineError,
    HostError,
    HostKeyError,
    JobRefusedError,
    LedgerError,
    LostError,
    SecretError,
    UnreachableError,
)
from runner.execute import Ended
from runner.hosts.exclusive import Exclusive
from runner.hosts.fake import Answer, ControllerKilled, Fault, FaultKind
from runner.model import (
    AutoUpdate,
    DateRange,
    OnFailure,
    Outcome,
    SitePlan,
    Step,
    StepOutcome,
    UndoDatabase,
)
from runner.model.published import Offers
from tests.apply.conftest import Bench, quick_cancellation
from tests.apply.fakesite import NOW, Break, Database, FakeSite, ItemOptions
from tests.apply.test_segments import shell

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.journal import Journal
    from runner.apply.site import Ending


class NothingPublished:
    """wordpress.org knows nothing."""

    def offers(self, *_: object) -> Offers:
        """No item is known."""
        return Offers()


@dataclass
class Work:
    """What `work_on` needs of a session, over a bench."""

    bench: Bench
    at: datetime = NOW
    ask: Any = None
    exclusive: Exclusive = field(default_factory=Exclusive)
    draining: threading.Event = field(default_factory=threading.Event)
    closed: bool = False

    @property
    def ledger(self) -> Any:
        return self.bench.ledger

    def now(self) -> datetime:
        return self.at

    def stopping(self, _: str) -> bool:
        return self.draining.is_set() or self.bench.stop.asked.is_set()

    def stop(self, _: str) -> Any:
        return self.bench.stop

    def journal(self, _run: str, _site: str) -> Journal:
        return self.bench.context().journal

    def context(self, _order: object, _site: object, attempt: int) -> SiteContext:
        self.bench.attempt = attempt
        self.bench._facts = None
        return replace(self.bench.context(), plan=_EMPTY, published=NothingPublished())

    def check_open(self) -> None:
        if self.closed:
            raise EngineError("this process is ending")

    def reason(self, text: str) -> str:
        return text

    def emit(self, event: str, run: str, site: str | None = None, **data: object) -> None:
        self.bench.emit(event, run, site, **data)

    def run(self, *steps: Step, attempt: int = 1, **order: object) -> Ending:
        """Work on the site; the first attempt writes the run into the ledger."""
        if steps and attempt == 1:
            self.bench.order = replace(self.bench.order, **order)
            self.bench.begin(*steps)
        return work_on(self, self.bench.order, self.bench.order.sites[0], attempt)  # type: ignore[arg-type]

    def resume(self) -> Ending:
        self.bench.stop = quick_cancellation()
        self.draining.clear()
        return self.run(attempt=self.bench.attempt + 1)

    def steps(self) -> dict[str, str]:
        """The outcome of each step on record."""
        (view,) = self.ledger.runs.show(self.bench.order.run).sites
        return {step.step: str(step.outcome) for step in view.steps}

    def row(self) -> Any:
        (row,) = self.ledger.sites.list(self.bench.order.run)
        return row


_EMPTY = SitePlan(site="shop", client="acme")
FIRST, SECOND, THIRD = shell("first"), shell("second", retries=0), shell("third")
ALONE = tuple(replace(step, retries=1) for step in (FIRST, SECOND, THIRD))
"""Steps that are parts of their own."""
ITEMS = Step(id="items", kind="test.items", options=ItemOptions())


@pytest.fixture
def work(make_bench) -> Work:
    return Work(make_bench(begin=False))


def test_steps_that_succeed_end_the_site_ok(work):
    assert work.run(FIRST, SECOND).outcome == "ok"
    assert work.steps() == {"first": "ok", "second": "ok"}
    assert work.row().outcome == "ok"


def test_end_of_a_site_is_emitted(work):
    work.run(FIRST)
    assert next(event.name for event in work.bench.events) == "site.started"
    (finished,) = work.bench.emitted("site.finished")
    assert finished.data == {"outcome": "ok", "why": "", "locked": False}


# -- not started


def test_stopped_run_starts_no_site(work):
    work.draining.set()
    ending = work.run(FIRST)
    assert (ending.outcome, bool(ending.why)) == ("cancelled", True)
    assert work.steps() == {"first": "cancelled"}
    assert not work.bench.remote.calls


def test_closed_window_misses_the_site(work):
    ending = work.run(FIRST, closes=NOW - timedelta(seconds=1))
    assert ending.outcome == "missed"
    assert "window" in ending.why
    assert work.steps() == {"first": "missed"}


def test_window_that_closes_this_second_is_open(work):
    assert work.run(FIRST, closes=NOW).outcome == "ok"


def test_blackout_day_misses_the_site(work):
    ending = work.run(FIRST, blackouts=(DateRange(date(2026, 11, 3), date(2026, 11, 3)),))
    assert ending.outcome == "missed"
    assert ending.why.startswith("2026-11-03 is a blackout day")
    assert not work.bench.remote.calls


@pytest.mark.parametrize(
    "change", [{"closes": NOW - timedelta(seconds=1)}, {"blackouts": (DateRange(NOW.date(), NOW.date()),)}]
)
def test_site_that_is_under_way_is_finished(work, change):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 3)]
    work.bench.killed(lambda: work.run(FIRST))
    work.bench.order = replace(work.bench.order, **change)
    assert work.resume().outcome == "ok"


def test_site_that_is_under_way_is_finished_while_draining(work):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 3)]
    work.bench.killed(lambda: work.run(FIRST))
    work.draining.set()
    assert work.run(attempt=2).outcome == "ok"


# -- skips


def test_failed_step_skips_later_parts(work):
    work.bench.site.programs["first"] = Answer(1, "no\n")
    ending = work.run(*ALONE)
    assert (ending.outcome, ending.why) == ("failed", "first: exit status 1: no; tried 2 times")
    assert work.steps() == {"first": "failed", "second": "skipped", "third": "skipped"}
    assert work.bench.recorded("third").why.endswith("first failed")


def test_failed_step_may_continue(work):
    work.bench.site.programs["first"] = Answer(1)
    first = replace(ALONE[0], on_failure=OnFailure.CONTINUE)
    assert work.run(first, ALONE[1]).outcome == "failed"
    assert work.steps() == {"first": "failed", "second": "ok"}


def test_steps_without_the_tag_are_skipped(work):
    tagged = replace(SECOND, tags=frozenset({"nightly"}))
    work.run(FIRST, tagged, tags=("nightly",))
    assert work.steps() == {"first": "skipped", "second": "ok"}
    assert work.bench.recorded("first").why == "has none of the tags nightly"


def test_step_for_other_sites_is_skipped(work):
    work.run(replace(FIRST, when="tag:redis"), SECOND)
    assert work.steps() == {"first": "skipped", "second": "ok"}


def test_site_without_steps_is_skipped(work):
    assert work.run(replace(FIRST, when="tag:redis")).outcome == "skipped"


def test_step_that_needs_root_fails_before_any(work):
    ending = work.run(FIRST, replace(SECOND, become=True))
    assert ending.outcome == "failed"
    assert "become" in ending.why
    assert not work.bench.remote.jobs


@pytest.mark.parametrize(
    ("answers", "outcome", "steps"),
    [
        ([True, True], "ok", ["ok", "ok"]),
        ([False, True], "ok", ["skipped", "ok"]),
        ([True, None], "cancelled", ["ok", "cancelled"]),
        ([None], "cancelled", ["cancelled", "cancelled"]),
    ],
)
def test_asked_steps_follow_the_answers(work, answers, outcome, steps):
    left = list(answers)
    work.ask = lambda _: left.pop(0)
    assert work.run(*ALONE[:2]).outcome == outcome
    assert list(work.steps().values()) == steps


# -- cancelled


def test_cancelled_run_starts_no_further_part(work):
    work.bench.site.before["first"] = work.bench.stop.ask
    work.run(*ALONE)
    assert work.steps() == {"first": "cancelled", "second": "cancelled", "third": "cancelled"}
    assert work.bench.site.shell == ["first"]


def test_cancelled_part_is_run_on_resume(work):
    work.bench.on_emit = lambda name: work.bench.stop.ask() if name == "step.finished" else None
    ending = work.run(*ALONE)
    assert (ending.outcome, ending.why) == ("cancelled", "the run was cancelled")
    work.bench.on_emit = lambda _: None
    work.ledger.runs.reopen("weekly-1")
    assert work.resume().outcome == "ok"
    assert work.bench.site.shell == ["first", "second", "third"]


def test_cancelled_run_still_follows_a_started_job(work):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 3)]
    work.bench.killed(lambda: work.run(*ALONE[:1]))
    work.bench.stop.ask()
    assert work.run(attempt=2).outcome == "ok", "the job had ended by itself"


# -- resumed


def test_known_steps_are_not_run_again(work):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 8)]
    work.bench.killed(lambda: work.run(*ALONE))
    assert work.resume().outcome == "ok"
    assert work.bench.site.shell == ["first", "second", "third"]


def test_known_step_of_a_segment_is_left_out(work):
    work.bench.begin(FIRST, SECOND)
    work.ledger.steps.finished("weekly-1", "shop", StepOutcome(step="first", outcome=Outcome.OK), NOW)
    assert work.run(attempt=2).outcome == "ok"
    assert work.bench.site.shell == ["second"]


def test_known_failure_still_stops_the_others(work):
    work.bench.site.programs["first"] = Answer(1)
    work.bench.on_emit = lambda name: (
        (_ for _ in ()).throw(ControllerKilled()) if name == "step.finished" else None
    )
    work.bench.killed(lambda: work.run(replace(FIRST, tags=frozenset("x")), *ALONE[1:]))
    work.bench.on_emit = lambda _: None
    assert work.resume().outcome == "failed"
    assert work.steps() == {"first": "failed", "second": "skipped", "third": "skipped"}
    assert work.bench.site.shell == ["first"]


def test_resumed_site_has_its_first_plan(work):
    work.bench.site.breaks = [Break.of("a")]
    work.bench.remote.faults = [Fault(FaultKind.KILL, 30)]
    work.bench.killed(lambda: work.run(ITEMS))
    plan = work.ledger.sites.plan("weekly-1", "shop")
    work.bench.site.versions["new"] = "1.0"
    work.resume()
    assert work.ledger.sites.plan("weekly-1", "shop") == plan
    assert len(work.bench.emitted("site.planned")) == 1
    assert work.bench.site.versions["new"] == "1.0"


def test_ended_job_is_acknowledged_by_the_next_attempt(work):
    work.bench.remote.failures["acknowledge"] = [ControllerKilled()]
    work.bench.killed(lambda: work.run(FIRST))
    assert work.bench.jobs() == {1: ("ended", "ok")}
    work.resume()
    assert work.bench.jobs() == {1: ("acked", "ok")}


# -- errors


ERRORS: list[tuple[Exception, str]] = [
    (UnreachableError("no route"), "unreachable"),
    (HostKeyError("unknown key"), "unreachable"),
    (LostError("how it ended is unknown"), "lost"),
    (JobRefusedError("no space for the job"), "failed"),
    (HostError("cannot be read"), "failed"),
    (SecretError("no such variable"), "failed"),
]


@pytest.mark.parametrize(("error", "outcome"), ERRORS, ids=lambda one: getattr(type(one), "__name__", ""))
def test_error_becomes_the_outcome_of_the_site(work, error, outcome):
    work.bench.remote.failures["run"] = [error]
    ending = work.run(FIRST)
    assert (ending.outcome, work.row().outcome) == (outcome, outcome)
    assert str(error) in ending.why


@pytest.mark.parametrize("error", [HostError("cannot be read"), JobRefusedError("no space")])
def test_error_of_a_later_attempt_leaves_an_open_job_lost(work, error):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 3)]
    work.bench.killed(lambda: work.run(FIRST))
    work.bench.remote.failures["run"] = [error]
    assert work.resume().outcome == "lost"


def test_locked_site_is_skipped_and_marked(work):
    work.bench.remote.owners["/srv/shop"] = "monthly-7/shop"
    ending = work.run(FIRST)
    assert (ending.outcome, ending.locked) == ("skipped", True)
    assert work.bench.emitted("site.finished")[0].data["locked"] is True


@pytest.mark.usefixtures("unexpected_errors")
def test_unexpected_error_fails_the_site_with_its_trace(work):
    work.bench.remote.failures["read"] = [KeyError("a defect")]
    ending = work.run(ITEMS)
    assert ending.outcome == "failed"
    assert "KeyError" not in ending.why


@pytest.mark.usefixtures("unexpected_errors")
def test_unexpected_error_while_a_job_runs_is_lost(work):
    work.bench.on_emit = lambda name: {}["a defect"] if name == "step.started" else None
    assert work.run(FIRST).outcome == "lost"
    assert work.bench.recorded("first").outcome == "lost"


@pytest.mark.parametrize("error", [LedgerError("disk full"), EngineError("stopped")])
def test_error_of_the_ledger_is_no_verdict(work, error):
    work.bench.remote.failures["run"] = [error]
    with pytest.raises(type(error)):
        work.run(FIRST)
    assert work.row().outcome is None


def test_closed_process_gives_no_verdict(work):
    work.closed = True
    work.bench.remote.failures["run"] = [HostError("the pool is closed")]
    with pytest.raises(EngineError):
        work.run(FIRST)
    assert work.row().outcome is None


def test_unreachable_host_at_the_survey_starts_nothing(work):
    work.bench.remote.offline = True
    assert work.run(ITEMS).outcome == "unreachable"
    assert work.steps() == {"items": "unreachable"}
    assert work.ledger.sites.plan("weekly-1", "shop") is None


def test_unreadable_site_is_not_touched(work):
    work.bench.site.codes["s0"] = Answer(1, "Error establishing a database connection")
    ending = work.run(ITEMS)
    assert ending.outcome == "failed"
    assert "the database does not answer" in ending.why
    assert not work.bench.remote.jobs


# -- whole runs


def test_batch_of_a_planned_site_finds_its_culprit(work):
    work.bench.site.breaks = [Break.of("b")]
    ending = work.run(FIRST, ITEMS, THIRD)
    assert (ending.outcome, ending.why) == ("undone", "items: b: /: answers 500")
    assert work.steps() == {"first": "ok", "items": "undone", "third": "ok"}


def test_held_item_is_not_updated_by_the_next_run(work):
    work.bench.site.breaks = [Break.of("b")]
    work.run(ITEMS)
    before = work.bench.site.updates["b"]
    work.bench.order = replace(work.bench.order, run="weekly-2")
    assert work.run(ITEMS).outcome == "held"
    assert work.bench.site.updates["b"] == before


def test_auto_updates_that_cannot_be_held_decide_nothing(work):
    auto = AutoUpdate(kind="plugin", key="b/b.php", was="listed")
    work.bench.site.breaks, work.bench.site.more = [Break.of("b")], {"auto_updates": (auto,)}
    assert work.run(ITEMS).outcome == "undone"
    assert work.bench.emitted("auto_updates.failed")


EVENTS = 99
"""Of all jobs of a run with a batch of two items, one a culprit, between two shell steps."""


def two_items(make_bench) -> Work:
    site = FakeSite(items=("a", "b"), breaks=[Break.of("b", by="boot")])
    return Work(make_bench(site, begin=False))


def check_run(work: Work, ending: Ending) -> None:
    assert ending.outcome == "undone"
    assert work.steps() == {"first": "ok", "items": "undone", "third": "ok"}
    assert work.bench.site.shell == ["first", "third"]
    assert work.bench.site.versions == {"a": "1.1", "b": "1.0"}
    assert list(work.bench.holds()) == ["b"]
    assert {state for state, _ in work.bench.jobs().values()} == {"acked"}
    assert all(job.acknowledged for job in work.bench.remote.jobs.values())


def test_uninterrupted_run_is_the_measure(make_bench):
    work = two_items(make_bench)
    check_run(work, work.run(FIRST, ITEMS, THIRD))
    assert len(work.bench.remote.events) == EVENTS
    assert isinstance(work.bench.remote.events[-1], Ended)


@pytest.mark.parametrize("at", range(1, EVENTS + 1, 3))
def test_killed_run_resumes_to_the_same_end(make_bench, at):
    work = two_items(make_bench)
    work.bench.remote.faults = [Fault(FaultKind.KILL, at)]
    work.bench.killed(lambda: work.run(FIRST, ITEMS, THIRD))
    check_run(work, work.resume())


@pytest.mark.parametrize("at", range(2, EVENTS + 1, 6))
def test_lost_run_resumes_to_the_same_end(make_bench, at):
    work = two_items(make_bench)
    work.bench.remote.faults = [Fault(FaultKind.LOST, at)]
    assert work.run(FIRST, ITEMS, THIRD).outcome == "lost"
    work.ledger.runs.reopen("weekly-1")
    check_run(work, work.resume())


def test_run_with_database_is_restored_whole(make_bench):
    site = FakeSite(items=("a",), database=Database(spoiled_by="a", needs="tables"))
    work = Work(make_bench(site, begin=False))
    work.bench.policy(undo_database=UndoDatabase.ALWAYS)
    assert work.run(ITEMS).outcome == "undone"
    assert site.database.spoiled == ""
