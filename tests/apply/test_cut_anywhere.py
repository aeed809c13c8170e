"""A batch that is interrupted at any point ends as it would have ended without the interruption."""

from __future__ import annotations

import contextlib

import pytest

from runner.errors import LostError
from runner.hosts.fake import ControllerKilled, Fault, FaultKind
from tests.apply.conftest import Bench
from tests.apply.fakesite import Break, FakeSite

EVENTS, EMITTED = 89, 34
"""Of a batch of two items, one of which breaks the site: events of its jobs, and events emitted."""
OF_ONE = 27
"""Events of the job of one item that is kept."""


def culprit(make_bench) -> Bench:
    return make_bench(FakeSite(items=("a", "b"), breaks=[Break.of("b")]))


def check_end(bench: Bench, outcomes: dict[str, str]) -> None:
    """Whatever happened on the way: the culprit is held, the other item kept, and nothing done twice."""
    assert outcomes == {"a": "changed", "b": "undone"}
    assert bench.site.versions == {"a": "1.1", "b": "1.0"}
    assert list(bench.holds()) == ["b"]
    assert bench.site.twice == []
    assert "started" not in {state for state, _ in bench.jobs().values()}
    assert {one.item: one.outcome for one in bench.recorded().changes} == outcomes


def test_points_of_interruption_are_all_of_them(make_bench):
    bench = culprit(make_bench)
    check_end(bench, bench.outcomes(bench.apply()))
    assert (len(bench.remote.events), len(bench.events)) == (EVENTS, EMITTED)
    single = make_bench(FakeSite(items=("a",)))
    single.apply()
    assert len(single.remote.events) == OF_ONE


@pytest.mark.parametrize("at", range(1, EVENTS + 1))
def test_killed_controller_resumes_to_the_same_end(make_bench, at):
    bench = culprit(make_bench)
    bench.remote.faults = [Fault(FaultKind.KILL, at)]
    bench.killed()
    check_end(bench, bench.outcomes(bench.resume()))


@pytest.mark.parametrize("at", range(1, EVENTS + 1, 3))
def test_job_that_still_waits_is_rolled_back_first(make_bench, at):
    bench = culprit(make_bench)
    bench.remote.still_waits = True
    bench.remote.faults = [Fault(FaultKind.KILL, at)]
    bench.killed()
    check_end(bench, bench.outcomes(bench.resume()))


@pytest.mark.parametrize("at", range(1, EMITTED + 1))
def test_killed_before_any_emitted_event_resumes(make_bench, at):
    bench = culprit(make_bench)
    bench.killed_before_event(at)
    check_end(bench, bench.outcomes(bench.resume()))


@pytest.mark.parametrize("at", range(5, EVENTS, 8))
def test_controller_killed_twice_resumes(make_bench, at):
    bench = culprit(make_bench)
    bench.remote.faults = [Fault(FaultKind.KILL, at), Fault(FaultKind.KILL, at + 4)]
    bench.killed()
    bench.attempt += 1
    with contextlib.suppress(ControllerKilled):
        bench.apply()
    check_end(bench, bench.outcomes(bench.resume()))


@pytest.mark.parametrize("at", range(1, EVENTS + 1, 6))
def test_connection_lost_anywhere_resumes(make_bench, at):
    bench = culprit(make_bench)
    bench.remote.faults = [Fault(FaultKind.LOST, at)]
    with pytest.raises(LostError):
        bench.apply()
    check_end(bench, bench.outcomes(bench.resume()))


def single_with(make_bench, kind: FaultKind, at: int) -> Bench:
    bench = make_bench(FakeSite(items=("a",)))
    bench.remote.faults = [Fault(kind, at)]
    return bench


def check_single(bench: Bench, outcomes: dict[str, str]) -> None:
    """The item has the version that its outcome says, is not held, and no job is left open."""
    assert outcomes == {"a": "changed" if bench.site.changed else "failed"}
    assert not bench.holds()
    assert {job for job in bench.remote.jobs.values() if not job.acknowledged} == set()
    assert "started" not in {state for state, _ in bench.jobs().values()}


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.AWAY])
@pytest.mark.parametrize("at", range(1, OF_ONE + 1))
def test_connection_that_returns_changes_nothing(make_bench, at, kind):
    bench = single_with(make_bench, kind, at)
    check_single(bench, bench.outcomes(bench.apply()))
    assert bench.site.changed
    assert bench.site.updates == {"a": 1}


@pytest.mark.parametrize(
    ("kind", "at"),
    [(FaultKind.DIE, at) for at in range(1, OF_ONE)]
    + [(FaultKind.DIE_UNWRITTEN, at) for at in range(1, OF_ONE + 1)],
)
def test_death_anywhere_is_rolled_back(make_bench, at, kind):
    bench = single_with(make_bench, kind, at)
    check_single(bench, bench.outcomes(bench.apply()))
    assert not bench.site.changed


@pytest.mark.parametrize("at", range(1, OF_ONE + 1))
def test_killed_driver_leaves_one_of_two_ends(make_bench, at):
    bench = single_with(make_bench, FaultKind.DRIVER, at)
    check_single(bench, bench.outcomes(bench.apply()))
    assert bool(bench.site.changed) == (at >= 21), "from the wait for the verdict on it is kept"


@pytest.mark.parametrize("at", range(1, OF_ONE))
def test_death_found_by_the_next_attempt_is_tried_again(make_bench, at):
    bench = single_with(make_bench, FaultKind.LOST, at)
    bench.remote.faults.append(Fault(FaultKind.DIE, at + 1))
    with pytest.raises(LostError):
        bench.apply()
    check_single(bench, bench.outcomes(bench.resume()))
    assert bench.site.changed


def test_unattended_change_is_not_repeated_on_resume(make_bench):
    bench = single_with(make_bench, FaultKind.KILL, 21)
    bench.killed()
    assert bench.outcomes(bench.resume()) == {"a": "changed"}
    assert bench.site.updates == {"a": 1}
    assert bench.site.checks == 1


def test_unattended_culprit_is_held_on_resume(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")]))
    bench.remote.faults = [Fault(FaultKind.KILL, 21)]
    bench.killed()
    assert bench.outcomes(bench.resume()) == {"a": "undone"}
    assert bench.site.updates == {"a": 1}
    assert "answers 500" in bench.holds()["a"]


def test_review_without_effect_ends_the_resumed_batch(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")], stuck={"a"}))
    bench.remote.faults = [Fault(FaultKind.KILL, 21)]
    bench.killed()
    outcome = bench.resume()
    assert (bench.outcomes(outcome), outcome.changes[0].uncertain) == ({"a": "failed"}, True)
    assert not bench.holds()
