"""Steps that run on the host in one job: outcomes by how the job ended."""

from __future__ import annotations

import pytest

from runner.errors import JobRefusedError, LockedError, LostError, UnreachableError
from runner.hosts.fake import Answer, ControllerKilled, Fault, FaultKind
from runner.model import OnFailure, Step
from runner.plan import Segment
from runner.steps.shell import ShellOptions
from tests.apply.conftest import Bench, quick_cancellation


def shell(text: str, *, changes: bool = False, **more: object) -> Step:
    return Step(id=text, kind="shell", options=ShellOptions(run=text, changes=changes), **more)


def segment(bench: Bench, *steps: Step, number: int = 1) -> Segment:
    bench.begin(*steps)
    return Segment(number, steps)


@pytest.fixture
def raw(make_bench) -> Bench:
    """A bench whose run is not in the ledger yet."""
    return make_bench(begin=False)


@pytest.fixture
def two(raw) -> tuple[Bench, Segment]:
    """A bench and a segment of two shell steps."""
    return raw, segment(raw, shell("first"), shell("second", changes=True))


def outcomes(found) -> dict[str, str]:
    return {one.step: one.outcome.value for one in found}


def reasons(found) -> dict[str, str]:
    return {one.step: one.why for one in found}


def test_steps_that_exit_with_zero_are_ok(two):
    bench, part = two
    assert outcomes(bench.run(part)) == {"first": "ok", "second": "changed"}
    assert bench.site.shell == ["first", "second"]
    assert bench.jobs() == {1: ("acked", "ok")}


def test_outcomes_and_end_are_on_record_together(two):
    bench, part = two
    bench.remote.failures["acknowledge"] = [ControllerKilled()]
    bench.killed(lambda: bench.run(part))
    assert bench.jobs() == {1: ("ended", "ok")}
    assert bench.recorded("second").outcome == "changed"


def test_failed_step_stops_the_segment(two):
    bench, part = two
    bench.site.programs["first"] = Answer(3, "no such table\n")
    found = bench.run(part)
    assert outcomes(found) == {"first": "failed", "second": "skipped"}
    assert reasons(found)["first"] == "exit status 3: no such table"
    assert reasons(found)["second"].endswith("an earlier step failed")
    assert bench.jobs() == {1: ("acked", "failed")}


def test_failed_step_may_let_the_next_run(raw):
    part = segment(raw, shell("first", on_failure=OnFailure.CONTINUE), shell("second"))
    raw.site.programs["first"] = Answer(1)
    assert outcomes(raw.run(part)) == {"first": "failed", "second": "ok"}


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("timeout", "took longer than its time limit"),
        ("flood", "too much output"),
        ("nospace", "no space left on the host"),
    ],
)
def test_stopped_command_fails_with_its_reason(two, why, said):
    bench, part = two
    bench.site.programs["first"] = Answer(1, "", why)
    found = bench.run(part)
    assert said in reasons(found)["first"]
    assert found[0].outcome == "failed"
    assert bench.site.shell == ["first"]


@pytest.mark.parametrize(
    ("status", "outcome", "why"),
    [
        ("nospace", "failed", "left on the host"),
        ("nofolder", "failed", "the host has no folder"),
        ("public", "failed", "restore points"),
        ("nosite", "failed", "the site's folder"),
        ("nolock", "failed", "the site's lock"),
    ],
)
def test_refused_job_gives_each_step_its_reason(two, status, outcome, why):
    bench, part = two
    bench.remote.refuses = status
    found = bench.run(part)
    assert outcomes(found) == {"first": outcome, "second": outcome}
    assert all(why in one.why for one in found)
    assert bench.jobs() == {1: ("acked", status)}
    assert bench.site.shell == []


def test_locked_site_is_left_to_the_other_run(two):
    bench, part = two
    bench.remote.owners["/srv/shop"] = "monthly-7/shop"
    with pytest.raises(LockedError, match="monthly-7"):
        bench.run(part)
    assert bench.jobs() == {1: ("acked", "locked")}
    assert bench.recorded("first").outcome is None


def test_cancelled_step_ends_the_segment(two):
    bench, part = two
    bench.site.before["first"] = bench.stop.ask
    found = bench.run(part)
    assert outcomes(found) == {"first": "cancelled", "second": "cancelled"}
    assert bench.jobs() == {1: ("acked", "cancelled")}


@pytest.mark.parametrize("ended", ["cancelled", "locked"])
def test_next_attempt_has_a_job_of_its_own(two, ended):
    bench, part = two
    if ended == "cancelled":
        bench.stop.ask()
        bench.run(part)
    else:
        bench.remote.owners["/srv/shop"] = "monthly-7/shop"
        with pytest.raises(LockedError):
            bench.run(part)
    bench.remote.owners.clear()
    bench.attempt, bench.stop = 2, quick_cancellation()
    assert outcomes(bench.run(part)) == {"first": "ok", "second": "changed"}
    assert len(bench.remote.jobs) == 2


def test_cancel_in_the_last_step_cancels_it_only(two):
    bench, part = two
    bench.site.before["second"] = bench.stop.ask
    assert outcomes(bench.run(part)) == {"first": "ok", "second": "cancelled"}


def test_cancelled_run_starts_no_command(two):
    bench, part = two
    bench.stop.ask()
    assert set(outcomes(bench.run(part)).values()) == {"cancelled"}
    assert bench.site.shell == []


@pytest.mark.parametrize(
    ("at", "first", "second"),
    [(1, "lost", "lost"), (3, "lost", "lost"), (4, "ok", "lost"), (5, "ok", "lost")],
)
def test_dead_job_loses_what_it_was_running(two, at, first, second):
    bench, part = two
    bench.remote.faults = [Fault(FaultKind.DIE, at)]
    with pytest.raises(LostError, match="how it ended is unknown"):
        bench.run(part)
    assert (bench.recorded("first").outcome, bench.recorded("second").outcome) == (first, second)
    assert bench.jobs() == {1: ("acked", "died")}


def test_death_after_the_last_step_loses_nothing(two):
    bench, part = two
    bench.remote.faults = [Fault(FaultKind.DIE, 6)]
    assert outcomes(bench.run(part)) == {"first": "ok", "second": "changed"}
    assert bench.jobs() == {1: ("acked", "died")}


@pytest.mark.parametrize("at", range(1, 8))
def test_killed_driver_never_calls_a_lost_step_ok(two, at):
    bench, part = two
    bench.remote.faults = [Fault(FaultKind.DRIVER, at)]
    try:
        found = outcomes(bench.run(part))
    except LostError:
        found = {step: str(bench.recorded(step).outcome) for step in ("first", "second")}
    ran = {step for step, outcome in found.items() if outcome in {"ok", "changed"}}
    assert ran == set(bench.site.shell)


def test_lost_job_stays_open_on_record(two):
    bench, part = two
    bench.remote.faults = [Fault(FaultKind.LOST, 3)]
    with pytest.raises(LostError):
        bench.run(part)
    assert bench.jobs() == {1: ("started", None)}
    assert bench.recorded("first").outcome is None


@pytest.mark.parametrize(
    "error", [UnreachableError("no route"), JobRefusedError("the host did not take the job")]
)
def test_job_that_was_not_taken_runs_nothing(two, error):
    bench, part = two
    bench.remote.failures["run"] = [error]
    with pytest.raises(type(error)):
        bench.run(part)
    assert not bench.remote.jobs


def test_job_is_on_record_before_it_is_sent(two):
    bench, part = two
    bench.remote.failures["run"] = [ControllerKilled()]
    bench.killed(lambda: bench.run(part))
    assert bench.jobs() == {1: ("started", None)}


@pytest.mark.parametrize("kind", [FaultKind.KILL, FaultKind.LOST])
@pytest.mark.parametrize("at", range(1, 8))
def test_interrupted_segment_is_joined_not_repeated(two, at, kind):
    bench, part = two
    bench.remote.faults = [Fault(kind, at)]
    with pytest.raises((ControllerKilled, LostError)):
        bench.run(part)
    bench.attempt = 2
    assert outcomes(bench.run(part)) == {"first": "ok", "second": "changed"}
    assert bench.site.shell == ["first", "second"]
    assert len(bench.remote.jobs) == 1
    assert bench.jobs() == {1: ("acked", "ok")}


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.AWAY])
@pytest.mark.parametrize("at", range(1, 8))
def test_cut_segment_is_followed_to_its_end(two, at, kind):
    bench, part = two
    bench.remote.faults = [Fault(kind, at)]
    assert outcomes(bench.run(part)) == {"first": "ok", "second": "changed"}
    assert bench.site.shell == ["first", "second"]


def test_events_name_the_steps_in_order(two):
    bench, part = two
    bench.run(part)
    names = [(event.name, event.step) for event in bench.events if event.step]
    assert names == [
        ("step.started", "first"),
        ("step.ended", "first"),
        ("step.started", "second"),
        ("step.ended", "second"),
        ("step.finished", "first"),
        ("step.finished", "second"),
    ]


def test_outcome_is_emitted_after_it_is_recorded(two):
    bench, part = two
    seen = []
    bench.on_emit = lambda name: (
        seen.append(bench.recorded("first").outcome) if name == "step.finished" else 0
    )
    bench.run(part)
    assert seen == ["ok", "ok"]


def test_parts_of_one_run_have_jobs_of_their_own(raw):
    first, second = shell("first"), shell("second")
    raw.begin(first, second)
    raw.run(Segment(1, (first,)))
    raw.run(Segment(2, (second,)))
    assert list(raw.jobs()) == [1, 2]
    assert len(raw.remote.jobs) == 2


def test_own_variables_win_over_given_ones(raw):
    step = Step(id="shell", kind="shell", options=ShellOptions(run="env", env={"A": "own"}))
    part = segment(raw, step)
    raw.run(part)
    (job,) = raw.remote.jobs.values()
    assert dict(job.job.commands[0].env) == {"A": "own"}


def test_site_environment_reaches_the_command(make_bench):
    bench = make_bench(begin=False, env={"APP_ENV": "live"})
    bench.run(segment(bench, shell("first")))
    (job,) = bench.remote.jobs.values()
    assert job.job.commands[0].env["APP_ENV"] == "live"
