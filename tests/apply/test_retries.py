"""Retries of each kind of part: counts, waits, events, and what ends them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runner.apply.retry import Try, run_with_retries
from runner.errors import UnreachableError
from runner.hosts.fake import Answer, ControllerKilled, Fault, FaultKind
from runner.model import OnFailure, Outcome, StepOutcome
from runner.plan import Barrier, Segment
from runner.steps import Where, registry
from tests.apply.conftest import Bench, quick_cancellation
from tests.apply.fakesite import Break, FakeSite
from tests.apply.test_segments import segment, shell

FAIL, OK = Answer(1, "busy\n"), Answer(0)


class Tries:
    """Tries with given outcomes."""

    def __init__(self, step: str, *outcomes: str) -> None:
        self.step, self.left = step, list(outcomes)
        self.numbers: list[int] = []
        self.settled: list[tuple[StepOutcome, ...]] = []

    def __call__(self, number: int) -> Try:
        self.numbers.append(number)
        outcome = StepOutcome(step=self.step, outcome=Outcome(self.left.pop(0)), why="busy")
        return Try((outcome,), self.settle)

    def settle(self, outcomes: tuple[StepOutcome, ...]) -> tuple[StepOutcome, ...]:
        self.settled.append(outcomes)
        return outcomes


def with_retries(bench: Bench, retries: int) -> None:
    step = replace(bench.step, retries=retries)
    bench.order = replace(bench.order, playbook=replace(bench.order.playbook, steps=(step,)))


@pytest.mark.parametrize(
    ("retries", "given", "numbers", "why"),
    [
        (0, ["failed"], [1], "busy"),
        (1, ["failed", "ok"], [1, 2], "busy; on try 2 of 2"),
        (2, ["failed", "failed", "changed"], [1, 2, 3], "busy; on try 3 of 3"),
        (2, ["failed", "failed", "failed"], [1, 2, 3], "busy; tried 3 times"),
        (2, ["ok"], [1], "busy"),
        (2, ["lost"], [1], "busy"),
        (2, ["cancelled"], [1], "busy"),
        (2, ["undone"], [1], "busy"),
        (2, ["failed", "lost"], [1, 2], "busy; on try 2 of 3"),
    ],
)
def test_only_failures_are_retried(bench, retries, given, numbers, why):
    tries = Tries("items", *given)
    with_retries(bench, retries)
    (outcome,) = run_with_retries(bench.context(), bench.step, tries)
    assert (tries.numbers, outcome.why) == (numbers, why)
    assert tries.settled == [()] * (len(numbers) - 1) + [(outcome,)]


def test_waits_double_up_to_ten_seconds(bench):
    with_retries(bench, 7)
    run_with_retries(bench.context(), bench.step, Tries("items", *["failed"] * 8))
    assert bench.stop.asked.waited == [1, 2, 4, 8, 10, 10, 10]


def test_each_retry_is_emitted_before_its_wait(bench):
    with_retries(bench, 2)
    run_with_retries(bench.context(), bench.step, Tries("items", "failed", "failed", "ok"))
    assert [event.data for event in bench.emitted("step.retried")] == [
        {"try": 1, "of": 3, "why": "busy", "seconds": 1.0},
        {"try": 2, "of": 3, "why": "busy", "seconds": 2.0},
    ]


@pytest.mark.parametrize("attempt_first", [2, 3])
def test_later_attempt_goes_on_counting(bench, attempt_first):
    with_retries(bench, 2)
    tries = Tries("items", *["failed"] * 3)
    (outcome,) = run_with_retries(bench.context(), bench.step, tries, first=attempt_first)
    assert tries.numbers == list(range(attempt_first, 4))
    assert outcome.why == "busy; tried 3 times"


def test_cancelled_wait_ends_the_step(bench):
    with_retries(bench, 2)
    bench.stop.asked.on_wait = bench.stop.ask
    tries = Tries("items", "failed", "ok")
    (outcome,) = run_with_retries(bench.context(), bench.step, tries)
    assert (outcome.outcome, outcome.why) == ("cancelled", "the run was cancelled between two tries")
    assert tries.numbers == [1]
    assert bench.recorded().outcome == "cancelled"
    assert bench.emitted("step.finished")[0].data["outcome"] == "cancelled"


def test_cancelled_run_does_not_retry(bench):
    with_retries(bench, 2)
    bench.stop.ask()
    (outcome,) = run_with_retries(bench.context(), bench.step, Tries("items", "failed"))
    assert outcome.outcome == "failed"
    assert not bench.emitted("step.retried")


def test_nothing_left_to_try_ends_the_tries(bench):
    with_retries(bench, 2)
    tries = Tries("items", "failed")
    run_with_retries(bench.context(), bench.step, tries, retriable=lambda: False)
    assert tries.numbers == [1]


# -- segments


@pytest.fixture
def flaky(make_bench) -> tuple[Bench, Segment]:
    """A shell step that fails twice before it succeeds, with two retries."""
    bench = make_bench(begin=False)
    bench.site.programs["flaky"] = [FAIL, FAIL, OK]
    return bench, segment(bench, shell("flaky", retries=2))


def test_segment_is_retried_in_a_new_job(flaky):
    bench, part = flaky
    (outcome,) = bench.run(part)
    assert (outcome.outcome, outcome.why) == ("ok", "on try 3 of 3")
    assert len(bench.remote.jobs) == 3
    assert bench.jobs() == {1: ("acked", "ok")}
    assert all(job.acknowledged for job in bench.remote.jobs.values())


def test_segment_fails_after_its_last_try(flaky):
    bench, part = flaky
    bench.site.programs["flaky"] = FAIL
    (outcome,) = bench.run(part)
    assert (outcome.outcome, outcome.why) == ("failed", "exit status 1: busy; tried 3 times")
    assert bench.recorded("flaky").why == outcome.why


EVENTS_OF_TRY = 6
"""Of a job of one shell step that prints: start, lock, begin, output, end, end of the job."""


@pytest.mark.parametrize("at", range(1, 3 * EVENTS_OF_TRY))
def test_killed_between_tries_runs_none_twice(flaky, at):
    bench, part = flaky
    bench.remote.faults = [Fault(FaultKind.KILL, at)]
    bench.killed(lambda: bench.run(part))
    bench.attempt = 2
    (outcome,) = bench.run(part)
    assert (outcome.outcome, outcome.why) == ("ok", "on try 3 of 3")
    assert bench.site.shell == ["flaky"] * 3


def killed_while_waiting(bench: Bench, part: Segment) -> None:
    """Run the part with a controller that is killed in the wait after the first try."""

    def kill() -> None:
        raise ControllerKilled

    bench.stop.asked.on_wait = kill
    bench.killed(lambda: bench.run(part))
    bench.attempt, bench.stop = 2, quick_cancellation()


def test_killed_while_waiting_goes_on_with_the_next_try(flaky):
    bench, part = flaky
    killed_while_waiting(bench, part)
    (outcome,) = bench.run(part)
    assert (outcome.why, bench.site.shell) == ("on try 3 of 3", ["flaky"] * 3)


def test_killed_while_waiting_and_cancelled_runs_nothing(flaky):
    bench, part = flaky
    killed_while_waiting(bench, part)
    bench.stop.ask()
    bench.run(part)
    assert bench.site.shell == ["flaky"]


def test_attempt_after_a_lost_job_counts_its_try(flaky):
    bench, part = flaky
    bench.remote.faults = [Fault(FaultKind.KILL, EVENTS_OF_TRY + 3)]
    bench.killed(lambda: bench.run(part))
    bench.attempt = 2
    bench.run(part)
    assert [event.data["try"] for event in bench.emitted("step.retried")] == [1, 2]


def test_unreachable_host_is_not_retried(flaky):
    bench, part = flaky
    bench.remote.failures["run"] = [UnreachableError("no route")]
    with pytest.raises(UnreachableError):
        bench.run(part)
    assert not bench.emitted("step.retried")


def test_continue_and_retries_go_together(make_bench):
    bench = make_bench(begin=False)
    bench.site.programs["flaky"] = [FAIL, OK]
    part = segment(bench, shell("flaky", retries=1, on_failure=OnFailure.CONTINUE))
    (outcome,) = bench.run(part)
    assert (outcome.outcome, outcome.why) == ("ok", "on try 2 of 2")


# -- batches


def test_batch_retries_only_what_failed(make_bench):
    bench = make_bench(FakeSite(fails={"b": "the download broke"}))
    with_retries(bench, 1)
    bench.stop.asked.on_wait = bench.site.fails.clear
    outcome = bench.apply()
    assert set(bench.outcomes(outcome).values()) == {"changed"}
    assert bench.site.updates == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert outcome.why.endswith("on try 2 of 2")


def test_batch_does_not_retry_culprits(make_bench):
    bench = make_bench(FakeSite(breaks=[Break.of("b")]))
    with_retries(bench, 3)
    bench.apply()
    assert not bench.emitted("step.retried")


def test_batch_whose_rollback_failed_is_not_retried(make_bench):
    bench = make_bench(FakeSite(breaks=[Break.of("b")], stuck={"b"}))
    with_retries(bench, 3)
    assert bench.apply().outcome == "failed"
    assert not bench.emitted("step.retried")


def test_batch_counts_trials_over_all_tries(make_bench):
    bench = make_bench(FakeSite(fails={"b": "the download broke"}))
    with_retries(bench, 2)
    outcome = bench.apply()
    assert outcome.trials == 3
    assert list(bench.jobs()) == [1001, 1002, 1003]


# -- steps without a job


BARRIERS = {
    "probe.http": Where.OUTSIDE,
    "backup": Where.STREAM,
}


def barrier(bench: Bench, kind: str, retries: int) -> Barrier:
    step = replace(bench.step, id=kind, kind=kind, options=registry()[kind].options(), retries=retries)
    bench.begin(step)
    return Barrier(1, step, BARRIERS[kind])


@pytest.mark.parametrize("kind", BARRIERS)
def test_step_without_a_job_is_retried(make_bench, kind):
    bench = make_bench(FakeSite(sick="answers 500"), begin=False)
    bench.site.codes = {"database": Answer(1), "files": Answer(1)}
    part = barrier(bench, kind, 2)
    (outcome,) = bench.run(part)
    assert outcome.outcome == "failed"
    assert outcome.why.endswith("tried 3 times")
    assert len(bench.emitted("step.retried")) == 2
    assert bench.recorded(kind).outcome == "failed"


def test_probe_recovers_on_its_second_try(make_bench):
    bench = make_bench(FakeSite(sick="answers 500"), begin=False)
    part = barrier(bench, "probe.http", 2)
    bench.stop.asked.on_wait = lambda: setattr(bench.site, "sick", "")
    (outcome,) = bench.run(part)
    assert (outcome.outcome, outcome.why) == ("ok", "on try 2 of 3")
    assert bench.emitted("step.started")[0].step == "probe.http"
