"""A window that closes while a site is in progress: each change is kept or rolled back, never left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from runner.apply.backup import back_up
from runner.apply.build import build_site
from runner.apply.cancellation import AtClose, Cancellation, Closing
from runner.hosts.fake import Answer, Fault, FaultKind
from runner.model import Basis, Estimate, SiteKind, Step
from runner.steps.backup import BackupOptions
from runner.steps.static import BuildOptions
from tests.apply.closing import CLOSES, OPENS, ROLLBACK, WHY, Watched, closing
from tests.apply.conftest import Bench
from tests.apply.fakesite import Break, FakeSite
from tests.apply.test_segments import shell
from tests.apply.test_site import ALONE, ITEMS, Work

TEN_MINUTES = Estimate(seconds=600, reserve=120, basis=Basis.SITE, runs=3)
EVENTS = 27
"""Events of the job of one item that is kept."""


@pytest.fixture
def work(make_bench) -> Work:
    return with_window(make_bench(begin=False))


def with_window(bench: Bench) -> Work:
    bench.stop = closing()
    bench.order = replace(bench.order, opens=OPENS, closes=CLOSES)
    return Work(bench)


# -- not started


@pytest.mark.parametrize(("seconds", "outcome"), [(600, "ok"), (601, "missed")])
def test_site_that_cannot_end_in_time_is_not_started(work, seconds, outcome):
    estimates = {"shop": replace(TEN_MINUTES, seconds=seconds)}
    ending = work.run(shell("first"), estimates=estimates)
    assert ending.outcome == outcome
    if outcome == "missed":
        assert ending.why == "needs about 11 min, the window closes in 10 min"
        assert not work.bench.remote.calls
        assert work.row().started is None


def test_site_without_an_estimate_is_started_until_the_close(work):
    work.at = CLOSES
    assert work.run(shell("first")).outcome == "ok"


def test_started_site_is_continued_although_little_time_is_left(work):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 8)]
    work.bench.killed(lambda: work.run(*ALONE, estimates={"shop": TEN_MINUTES}))
    work.at += timedelta(minutes=5)
    work.bench.stop = closing()
    assert work.run(attempt=2).outcome == "ok"


# -- in progress


@pytest.mark.parametrize("breaks", [[], [Break.of("a")]], ids=["good", "broken"])
@pytest.mark.parametrize("at", range(1, EVENTS + 1))
def test_transaction_is_kept_or_rolled_back_at_each_event(make_bench, at, breaks):
    work = with_window(make_bench(FakeSite(items=("a",), breaks=breaks), begin=False))
    work.bench.remote.events = Watched(at, lambda: work.bench.stop.close(ROLLBACK))
    ending = work.run(ITEMS, ALONE[1])
    change = work.bench.recorded("items").changes[0]
    kept = work.bench.site.versions == {"a": "1.1"}
    assert change.outcome == ("changed" if kept else "undone" if work.bench.holds() else "cancelled")
    assert not (kept and breaks)
    assert (ending.outcome, ending.why) == ("missed", WHY)
    assert work.bench.site.shell == [], "no step is started after the close"
    assert work.steps()["second"] == "missed"
    assert {state for state, _ in work.bench.jobs().values()} == {"acked"}
    if change.outcome == "cancelled":
        assert change.why == WHY
        assert work.bench.site.versions == {"a": "1.0"}


def test_healthy_change_is_kept_once_it_is_judged(make_bench):
    work = with_window(make_bench(FakeSite(items=("a",)), begin=False))
    work.bench.on_emit = lambda name: work.bench.stop.close(CLOSES) if name == "trial.judged" else None
    work.run(ITEMS)
    judged = work.bench.recorded("items").changes[0].outcome
    assert (judged, work.bench.site.versions["a"]) in {("changed", "1.1"), ("cancelled", "1.0")}


def test_no_further_group_is_tried_after_the_close(make_bench):
    work = with_window(make_bench(FakeSite(breaks=[Break.of("b")]), begin=False))
    work.bench.on_emit = lambda name: work.bench.stop.close(ROLLBACK) if name == "trial.undone" else None
    ending = work.run(ITEMS)
    assert (ending.outcome, ending.why) == ("missed", WHY)
    assert set(work.bench.site.versions.values()) == {"1.0"}
    assert len(work.bench.emitted("trial.started")) == 1


@pytest.mark.parametrize(("at", "outcome"), [(ROLLBACK, "changed"), (CLOSES, "cancelled")])
def test_step_without_rollback_runs_until_the_close(work, at, outcome):
    work.bench.site.before["first"] = lambda: work.bench.stop.close(at)
    changing = replace(ALONE[0], options=replace(ALONE[0].options, changes=True))
    ending = work.run(changing, ALONE[1])
    assert work.bench.recorded("first").outcome == outcome
    assert (ending.outcome, ending.why, work.steps()["second"]) == ("missed", WHY, "missed")


def test_failed_step_is_not_tried_again_after_the_close(work):
    work.bench.site.programs["first"] = Answer(1)
    work.bench.stop.asked.on_wait = lambda: work.bench.stop.close(ROLLBACK)
    assert work.run(ALONE[0]).outcome == "missed"
    assert work.bench.recorded("first").why == f"{WHY} between two tries"
    assert work.bench.site.shell == ["first"]


def test_operator_stops_what_the_close_leaves_running(work):
    stop = work.bench.stop
    with stop.controlling(AtClose.FINISH) as packages, stop.controlling() as step:
        stop.close(CLOSES)
        assert (packages.cancelled, step.cancelled) != (float("inf"), float("inf"))
        assert packages.cancelled == float("inf")
        stop.ask()
        assert packages.cancelled < float("inf")


@pytest.mark.parametrize(
    ("at", "stopped"),
    [
        (ROLLBACK - timedelta(seconds=1), set()),
        (ROLLBACK, {AtClose.ROLL_BACK}),
        (CLOSES, {AtClose.ROLL_BACK, AtClose.STOP}),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_jobs_are_stopped_in_order(at, stopped, before):
    stop = closing()
    if before:
        stop.close(at)
    found = set()
    for kind in AtClose:
        with stop.controlling(kind) as control:
            stop.close(at)
            found |= {kind} if control.cancelled < float("inf") else set()
    assert found == stopped


def test_clock_that_is_set_back_does_not_reopen():
    stop = closing()
    stop.close(ROLLBACK)
    stop.close(OPENS)
    assert (stop.asked.is_set(), stop.why) == (True, WHY)


def test_cancelled_run_cancels_its_sites_by_their_own_reason():
    run = Cancellation()
    site = run.of_site("shop", Closing(ROLLBACK, CLOSES))
    run.ask()
    run.close(CLOSES)
    assert (site.why, site.at_close, site.cancelled) == ("the run was cancelled", False, True)
    assert run.of_site("blog", Closing(ROLLBACK, CLOSES)).asked.is_set()


# -- resumed after the close


@pytest.mark.parametrize("at", range(1, EVENTS + 1, 2))
@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "decided"])
def test_crashed_transaction_is_only_settled_after_the_close(make_bench, at, waits):
    work = with_window(make_bench(FakeSite(items=("a",)), begin=False))
    work.bench.remote.still_waits = waits
    work.bench.remote.faults = [Fault(FaultKind.KILL, at)]
    work.bench.killed(lambda: work.run(ITEMS, ALONE[1]))
    started = [name for name, _ in work.bench.remote.calls].count("run")
    work.at, work.bench.stop = CLOSES + timedelta(hours=1), closing()
    work.bench.stop.close(work.at)
    ending = work.run(attempt=2)
    assert ending.outcome == "missed"
    change = work.bench.recorded("items").changes[:1]
    outcome = change[0].outcome if change else "missed"
    assert work.bench.site.versions["a"] == ("1.1" if outcome == "changed" else "1.0")
    assert outcome in {"changed", "cancelled", "missed"}
    assert work.bench.site.shell == []
    assert len(work.bench.emitted("trial.started")) - 1 <= 1, "at most one review of what the host kept"
    assert [name for name, _ in work.bench.remote.calls].count("run") - started <= 1
    assert "started" not in {state for state, _ in work.bench.jobs().values()}


def test_crashed_step_is_followed_to_its_end_after_the_close(work):
    work.bench.remote.faults = [Fault(FaultKind.KILL, 3)]
    work.bench.killed(lambda: work.run(*ALONE[:2]))
    work.at, work.bench.stop = CLOSES + timedelta(hours=1), closing()
    work.bench.stop.close(work.at)
    ending = work.run(attempt=2)
    assert (ending.outcome, ending.why) == ("missed", WHY)
    assert work.steps() == {"first": "ok", "second": "missed"}


def test_site_between_two_parts_is_missed_after_the_close(work):
    work.bench.on_emit = lambda name: work.bench.stop.close(CLOSES) if name == "step.finished" else None
    ending = work.run(*ALONE)
    assert (ending.outcome, work.steps()) == (
        "missed",
        {"first": "ok", "second": "missed", "third": "missed"},
    )


# -- other steps


@pytest.mark.parametrize(("at", "why"), [(ROLLBACK, ""), (CLOSES, WHY)])
def test_backup_is_stopped_at_the_close(make_bench, at, why):
    bench = make_bench(begin=False, kind=SiteKind.STATIC)
    step = Step(id="backup", kind="backup", options=BackupOptions(include=("files",)))
    bench.begin(step)
    bench.stop = closing()
    bench.remote.answers = {"files": Answer(output="the archive")}
    bench.stop.close(at)
    outcome = back_up(bench.context(), step)
    assert (outcome.why == WHY) == bool(why), outcome
    assert (outcome.outcome == "cancelled") == bool(why)


def test_build_is_not_continued_after_the_close(make_bench, tmp_path):
    bench = make_bench(begin=False, kind=SiteKind.STATIC)
    options = BuildOptions(run="sleep 60", folder=".")
    step = Step(id="build", kind="static.build", options=options)
    bench.workspace = replace(bench.workspace, folder=tmp_path)
    bench.begin(step)
    bench.stop = closing()
    bench.stop.close(ROLLBACK)
    outcome = build_site(bench.context(), step)
    assert (outcome.outcome, outcome.why) == ("cancelled", WHY)
