"""Undo of an earlier run: its plan, its transaction, and what is held afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.apply.undo import plan_undo, undo_step
from runner.errors import HostError, LostError
from runner.hosts.fake import ControllerKilled, Fault, FaultKind
from runner.inspect.undo import undo_order
from runner.model import StepOutcome, UndoOrder
from runner.plan import Segment
from tests.apply.conftest import Bench, quick_cancellation
from tests.apply.fakesite import Break, Database, FakeSite

EVENTS = 26
"""Of the job of an undo that is kept."""


@pytest.fixture
def updated(make_bench) -> Bench:
    """A site on which an earlier run has updated two items."""
    bench = make_bench(FakeSite(items=("a", "b")))
    bench.apply()
    return bench


def planned(bench: Bench, run: str = "undo-1", **options: object) -> Bench:
    """The undo of the bench's run, planned."""
    if bench.ledger.sites.plan(bench.order.run, "shop") is None:
        then = bench.context()
        then.journal.planned(then.plan, then.facts)
    undo = UndoOrder(run=bench.order.run, **options)
    order = undo_order(replace(bench.order, run=run), bench.order, undo)
    found = replace(bench, order=order, events=[], plan=None, attempt=1, stop=quick_cancellation())
    found.begin(*order.playbook.steps, run=run, undoes=bench.order.run)
    found._facts = found.site.facts()
    ctx = plan_undo(found.context())
    found.plan, found._facts = ctx.plan, ctx.facts
    return found


def undo(bench: Bench) -> StepOutcome:
    (outcome,), _ = undo_step(bench.context(), Segment(1, (bench.step,)))
    return outcome


def actions(bench: Bench) -> dict[str, str]:
    return {change.item: change.action.value for change in bench.plan.changes}


def test_plan_turns_versions_around(updated):
    (a, b) = planned(updated).plan.changes
    assert (a.item, a.from_version, a.to_version, a.action) == ("a", "1.1", "1.0", "change")
    assert b.item == "b"


def test_plan_is_on_record(updated):
    bench = planned(updated)
    assert bench.ledger.sites.plan("undo-1", "shop") == bench.plan
    assert plan_undo(bench.context()).plan == bench.plan
    assert bench.remote.calls.count(("read", "kept")) == 1


def test_plan_holds_what_has_no_restore_point(updated):
    updated.site.removed = set(updated.site.points)
    bench = planned(updated)
    assert actions(bench) == {"a": "hold", "b": "hold"}
    assert bench.plan.changes[0].why == "its restore point is no longer on the host"


def test_plan_holds_what_was_updated_since(updated):
    updated.site.versions["a"] = "1.2"
    bench = planned(updated)
    assert actions(bench) == {"a": "hold", "b": "change"}
    assert "1.2 has been installed since" in bench.plan.changes[0].why


def test_force_undoes_what_was_updated_since(updated):
    updated.site.versions["a"] = "1.2"
    assert actions(planned(updated, force=True)) == {"a": "change", "b": "change"}


def test_plan_holds_what_is_back_already(updated):
    updated.site.versions["a"] = "1.0"
    bench = planned(updated)
    assert bench.plan.changes[0].why == "is already at 1.0"


def test_culprit_of_the_run_is_not_undone(make_bench):
    bench = make_bench(FakeSite(items=("a", "b"), breaks=[Break.of("b")]))
    bench.apply()
    assert actions(planned(bench)) == {"a": "change"}


def test_undone_items_have_their_old_versions(updated):
    bench = planned(updated)
    outcome = undo(bench)
    assert (outcome.outcome, bench.outcomes(outcome)) == ("undone", {"a": "undone", "b": "undone"})
    assert bench.site.versions == {"a": "1.0", "b": "1.0"}


def test_undone_items_are_held(updated):
    bench = planned(updated)
    undo(bench)
    holds = bench.ledger.holds.list("shop", run="undo-1")
    assert {(hold.item, hold.version) for hold in holds} == {("a", "1.1"), ("b", "1.1")}
    assert all(hold.why == "undone by hand (ann, undo-1)" for hold in holds)


def test_held_items_of_the_plan_stay(updated):
    updated.site.versions["a"] = "1.2"
    bench = planned(updated)
    outcome = undo(bench)
    assert bench.outcomes(outcome) == {"a": "held", "b": "undone"}
    assert bench.site.versions == {"a": "1.2", "b": "1.0"}
    assert list(bench.holds()) == ["b"]


def test_undo_of_nothing_starts_no_job(updated):
    updated.site.removed = set(updated.site.points)
    bench = planned(updated)
    jobs = len(bench.remote.jobs)
    assert undo(bench).outcome == "held"
    assert len(bench.remote.jobs) == jobs


def test_undo_of_an_undo_updates_again(updated):
    first = planned(updated)
    undo(first)
    second = planned(first, run="undo-2")
    assert actions(second) == {"a": "change", "b": "change"}
    outcome = undo(second)
    assert outcome.outcome == "undone"
    assert second.site.versions == {"a": "1.1", "b": "1.1"}


def test_undo_of_an_undo_lifts_the_holds(updated):
    first = planned(updated)
    undo(first)
    second = planned(first, run="undo-2")
    undo(second)
    assert second.holds() == {}


def breaks_when_undone(make_bench) -> Bench:
    """A site that only works with the new version of `a`."""
    bench = make_bench(FakeSite(items=("a",)))
    bench.apply()
    bench.site.breaks_at = {"a": "1.0"}
    return bench


def test_undo_that_breaks_the_site_is_rolled_back(make_bench):
    bench = planned(breaks_when_undone(make_bench))
    outcome = undo(bench)
    assert outcome.outcome == "failed"
    assert "left as it was: /: answers 500" in outcome.why
    assert bench.site.versions == {"a": "1.1"}
    assert not bench.holds()


def test_failed_undo_names_the_database_option(make_bench):
    bench = planned(breaks_when_undone(make_bench))
    assert "sitecrew undo weekly-1 -l shop --database" in undo(bench).why


def test_site_still_unhealthy_after_undo_fails(updated):
    updated.site.sick = "answers 500"
    bench = planned(updated)
    outcome = undo(bench)
    assert outcome.outcome == "failed"
    assert "/: answers 500" in outcome.why
    assert bench.outcomes(outcome) == {"a": "undone", "b": "undone"}
    assert bench.site.versions == {"a": "1.0", "b": "1.0"}


def test_undo_repairs_a_site_that_broke_later(updated):
    updated.site.breaks = [Break.of("a")]
    bench = planned(updated)
    assert undo(bench).outcome == "undone"
    assert not bench.site.findings()


def test_undo_of_an_unread_site_is_an_error(updated):
    bench = planned(updated)
    bench._facts = None
    with pytest.raises(HostError):
        undo(bench)


def test_cancelled_undo_leaves_the_site(updated):
    bench = planned(updated)
    bench.site.before["change"] = bench.stop.ask
    outcome = undo(bench)
    assert (outcome.outcome, bench.site.versions) == ("cancelled", {"a": "1.1", "b": "1.1"})
    assert not bench.holds()


# -- database


def test_database_is_undone_with_the_files(make_bench):
    bench = make_bench(FakeSite(items=("a",), database=Database(lost={"all": {"orders": 2}})))
    bench.apply()
    bench.site.database.spoiled = "all"
    found = planned(bench, database=True)
    assert [change.item for change in found.plan.changes] == ["a", "database"]
    outcome = undo(found)
    assert {one.item: one.outcome.value for one in outcome.changes} == {"a": "undone", "database": "undone"}
    assert bench.site.database.spoiled == ""
    assert "lost with it: 2 orders" in outcome.changes[1].why


def test_database_is_never_held(make_bench):
    bench = make_bench(FakeSite(items=("a",)))
    bench.apply()
    found = planned(bench, database=True)
    undo(found)
    assert list(found.holds()) == ["a"]


def test_database_stays_when_newer_code_would(make_bench):
    bench = make_bench(FakeSite(items=("a",)))
    bench.apply()
    bench.site.versions["a"] = "1.2"
    found = planned(bench, database=True)
    assert actions(found) == {"a": "hold", "database": "hold"}
    assert "a would stay" in found.plan.changes[1].why


def test_database_is_left_without_the_option(make_bench):
    bench = make_bench(FakeSite(items=("a",)))
    bench.apply()
    found = planned(bench)
    assert actions(found) == {"a": "change"}
    assert "count" not in bench.site.ran


# -- interrupted


def check_undone(bench: Bench, outcome: StepOutcome) -> None:
    assert bench.outcomes(outcome) == {"a": "undone"}
    assert bench.site.versions == {"a": "1.0"}
    assert list(bench.holds()) == ["a"]
    assert "started" not in {state for state, _ in bench.jobs().values()}


@pytest.fixture
def undoing(make_bench) -> Bench:
    bench = make_bench(FakeSite(items=("a",)))
    bench.apply()
    bench.remote.events.clear()
    return planned(bench)


def test_events_of_an_undo(undoing):
    undo(undoing)
    assert len(undoing.remote.events) == EVENTS


@pytest.mark.parametrize(
    ("at", "still_waits"),
    [(at, False) for at in range(1, EVENTS + 1)] + [(at, True) for at in range(1, EVENTS + 1, 3)],
)
def test_killed_undo_resumes_to_the_same_end(undoing, at, still_waits):
    undoing.remote.still_waits = still_waits
    undoing.remote.faults = [Fault(FaultKind.KILL, at)]
    undoing.killed(lambda: undo(undoing))
    undoing.attempt = 2
    check_undone(undoing, undo(undoing))


@pytest.mark.parametrize("at", range(1, EVENTS, 3))
def test_undo_that_died_is_done_again(undoing, at):
    undoing.remote.faults = [Fault(FaultKind.LOST, at), Fault(FaultKind.DIE, at + 1)]
    with pytest.raises((LostError, ControllerKilled)):
        undo(undoing)
    undoing.attempt = 2
    check_undone(undoing, undo(undoing))


@pytest.mark.parametrize("at", range(1, EVENTS, 3))
def test_death_during_undo_leaves_the_site(undoing, at):
    undoing.remote.faults = [Fault(FaultKind.DIE, at)]
    outcome = undo(undoing)
    assert (outcome.outcome, undoing.site.versions) == ("failed", {"a": "1.1"})
    assert not undoing.holds()
