"""Settling an interrupted run: its jobs are followed to their end, and nothing else is started."""

from __future__ import annotations

import pytest

from runner.hosts.fake import Answer, ControllerKilled, Fault, FaultKind
from runner.model import Outcome
from runner.plan import Segment
from tests.apply.conftest import Bench, quick_cancellation
from tests.apply.fakesite import Break, FakeSite
from tests.apply.test_cut_anywhere import EMITTED, EVENTS, check_end, culprit
from tests.apply.test_segments import segment, shell

VERSIONS = {"changed": "1.1", "undone": "1.0", "cancelled": "1.0"}


@pytest.fixture
def two(make_bench) -> tuple[Bench, Segment]:
    """A bench and a segment of two shell steps."""
    raw = make_bench(begin=False)
    return raw, segment(raw, shell("first"), shell("second", changes=True))


def settle(bench: Bench) -> dict[str, str]:
    """Settle the run in the next attempt."""
    bench.attempt += 1
    bench.stop = quick_cancellation()
    bench.stop.settle()
    return bench.outcomes(bench.apply())


def check_settled(bench: Bench, outcomes: dict[str, str], jobs: int) -> None:
    """No job waits, the site has what is on record, and no change was tried that was not started before."""
    assert {item: VERSIONS[outcome] for item, outcome in outcomes.items()} == bench.site.versions
    assert "started" not in {state for state, _ in bench.jobs().values()}
    assert len(bench.jobs()) == jobs
    assert bench.site.twice == []


@pytest.mark.parametrize("still_waits", [False, True])
@pytest.mark.parametrize("at", range(1, EVENTS + 1, 2))
def test_killed_batch_is_settled_and_resumes_to_the_same_end(make_bench, at, still_waits):
    bench = culprit(make_bench)
    bench.remote.still_waits = still_waits
    bench.remote.faults = [Fault(FaultKind.KILL, at)]
    bench.killed()
    jobs = len(bench.jobs())
    check_settled(bench, settle(bench), jobs)
    check_end(bench, bench.outcomes(bench.resume()))


@pytest.mark.parametrize("at", range(1, EMITTED + 1, 2))
def test_run_killed_before_any_emitted_event_is_settled(make_bench, at):
    bench = culprit(make_bench)
    bench.killed_before_event(at)
    jobs = len(bench.jobs())
    check_settled(bench, settle(bench), jobs)
    check_end(bench, bench.outcomes(bench.resume()))


def test_change_that_broke_the_site_is_rolled_back_and_held(make_bench):
    bench = make_bench(FakeSite(items=("a",), breaks=[Break.of("a")]))
    bench.remote.faults = [Fault(FaultKind.KILL, 20)]
    bench.killed()
    assert settle(bench) == {"a": "undone"}
    assert list(bench.holds()) == ["a"]


@pytest.mark.parametrize("at", range(1, 8))
def test_started_segment_is_followed_to_its_end(two, at):
    bench, part = two
    bench.remote.faults = [Fault(FaultKind.KILL, at)]
    bench.killed(lambda: bench.run(part))
    bench.attempt = 2
    bench.stop.settle()
    assert [one.outcome for one in bench.run(part)] == [Outcome.OK, Outcome.CHANGED]
    assert bench.site.shell == ["first", "second"]
    assert bench.jobs() == {1: ("acked", "ok")}


def test_recorded_job_that_was_not_sent_is_not_started(two):
    bench, part = two
    bench.remote.failures["run"] = [ControllerKilled()]
    bench.killed(lambda: bench.run(part))
    bench.attempt = 2
    bench.stop.settle()
    found = bench.run(part)
    assert {one.outcome for one in found} == {Outcome.CANCELLED}
    assert {one.why for one in found} == {"not started: the process that ran it ended"}
    assert bench.site.shell == []
    bench.attempt, bench.stop = 3, quick_cancellation()
    assert [one.outcome for one in bench.run(part)] == [Outcome.OK, Outcome.CHANGED]


def test_cancelled_run_does_not_start_job_that_was_not_sent(two):
    bench, part = two
    bench.remote.failures["run"] = [ControllerKilled()]
    bench.killed(lambda: bench.run(part))
    bench.attempt = 2
    bench.stop.ask()
    assert {one.outcome for one in bench.run(part)} == {Outcome.CANCELLED}
    assert not bench.remote.jobs


def test_failed_step_is_not_retried(make_bench):
    bench = make_bench(begin=False)
    bench.site.programs["flaky"] = Answer(1, "busy\n")
    part = segment(bench, shell("flaky", retries=3))
    bench.remote.faults = [Fault(FaultKind.KILL, 3)]
    bench.killed(lambda: bench.run(part))
    bench.attempt = 2
    bench.stop.settle()
    (found,) = bench.run(part)
    assert found.outcome is Outcome.FAILED
    assert bench.site.shell == ["flaky"]
