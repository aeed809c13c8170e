"""A window waits for the approval of its plan, which a scheduler makes ahead of time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner.errors import LockedError, UnreachableError
from runner.load import thaw
from runner.model import Action, Change, ItemKind, Outcome, Plan, SitePlan
from runner.record import ApprovalState, WindowState
from runner.report import render_text
from runner.workflows.approvals import Approvals
from tests.workflows.scheduling import SchedulerProcess, at, rows, scheduler, write
from tests.workflows.test_report_windows import report

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
TUESDAY = at("2027-01-05 02:00")
RUN, SKIPPED, MISSED = WindowState.RUN, WindowState.SKIPPED, WindowState.MISSED
WAITING, APPROVED, DECLINED = ApprovalState.WAITING, ApprovalState.APPROVED, ApprovalState.DECLINED
RUN_ID = "weekly-20270105-0200-c0"


def window(approve: str = "all", more: str = "") -> str:
    return f'  weekly: {{playbook: hello, day: tuesday, at: "02:00", approve: {approve}{more}}}\n'


def change(to: str = "1.1", item: str = "woo") -> Change:
    return Change(
        step="shell",
        item=item,
        kind=ItemKind.PLUGIN,
        from_version="1.0",
        to_version=to,
        action=Action.CHANGE,
    )


class Planner:
    """Makes plans without hosts: each site has the changes that the test sets."""

    def __init__(self) -> None:
        self.changes: dict[str, tuple[Change, ...]] = {}
        self.problems: dict[str, str] = {}
        self.outdated: dict[str, tuple[str, ...]] = {}
        self.error: Exception | None = None
        self.plans = self.checks = 0

    def make(self, workspace, playbook, sites, *, tags) -> Plan:  # noqa: ARG002
        self.plans += 1
        if self.error:
            raise self.error
        found = tuple(
            SitePlan(
                site=site.name,
                client=site.client,
                changes=self.changes.get(site.name, (change(),)),
                problems=tuple(filter(None, [self.problems.get(site.name)])),
            )
            for site in sites
        )
        return Plan(playbook=playbook.name, sites=found)

    def check(self, workspace, plan, playbook, sites):  # noqa: ARG002
        self.checks += 1
        return {site.name: self.outdated.get(site.name, ()) for site in sites}

    def of(self, one: SchedulerProcess) -> SchedulerProcess:
        """Have a scheduler use this planner."""
        one.scheduler.approvals = Approvals(one.session, self.make, self.check)
        return one


def tick(one: SchedulerProcess, now: datetime) -> tuple[str, ...]:
    """Tick, wait for plans and checks, and tick again if there were any, as `sitecrew tick` does.

    The test's clock jumps: half a minute has passed since the last tick.
    """
    one.scheduler._idle.forget()
    from threading import Event

    found = one.tick(now)
    return (*found, *one.tick(now)) if one.scheduler.approvals.wait(Event()) else found


def answer(one: SchedulerProcess, state: ApprovalState, when: datetime, why: str = "") -> None:
    views = [view for view in one.ledger.approvals.list() if not view.decided]
    one.ledger.approvals.answer(views, state, why, at=when)


def decided(folder: Path, client: str = "c0") -> list[tuple[WindowState, str]]:
    return [(row.state, row.why) for row in rows(folder, client=client)]


@pytest.fixture
def planner() -> Planner:
    return Planner()


@pytest.fixture
def folder(tmp_path: Path, ledger_setting: str) -> Path:
    (tmp_path / "sitecrew.yaml").write_text(ledger_setting)
    return write(tmp_path, window())


def test_plan_is_made_once_and_a_day_ahead(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY - MINUTE)
        assert one.ledger.approvals.list() == ()
        tick(one, TUESDAY - DAY)
        tick(one, TUESDAY - DAY + MINUTE)
        [view] = one.ledger.approvals.list()
        assert (view.run, view.state, view.sites, view.starts) == (RUN_ID, WAITING, ("c0-site",), TUESDAY)
        assert view.until == TUESDAY + HOUR
        assert '"to": "1.1"' in one.ledger.approvals.plan(view.id)
    with scheduler(folder) as one:
        tick(planner.of(one), TUESDAY - HOUR)
    assert planner.plans == 1


def test_approved_plan_is_locked_in_the_run(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
        assert tick(one, TUESDAY - MINUTE) == ()
        assert tick(one, TUESDAY) == (RUN_ID,)
        order = thaw(one.ledger.runs.order_text(RUN_ID))
    assert order.locked is not None
    assert [item.to_version for item in order.locked["c0-site"].changes] == ["1.1"]
    assert planner.checks == 1
    assert decided(folder) == [(RUN, "")]


def test_unanswered_opening_is_skipped_after_its_deadline(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        assert tick(one, TUESDAY) == ()
        assert tick(one, TUESDAY + HOUR) == ()
        assert decided(folder) == []
        tick(one, TUESDAY + HOUR + MINUTE)
    assert decided(folder) == [(SKIPPED, "not approved")]


def test_approval_after_the_start_starts_at_once(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        assert tick(one, TUESDAY + 30 * MINUTE) == ()
        answer(one, APPROVED, TUESDAY + 31 * MINUTE)
        assert tick(one, TUESDAY + 32 * MINUTE) == (RUN_ID,)


def test_declined_opening_is_skipped_at_its_start(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, DECLINED, TUESDAY - HOUR, "after the sale")
        tick(one, TUESDAY - MINUTE)
        assert decided(folder) == []
        tick(one, TUESDAY)
        who = one.ledger.operator.name
        assert decided(folder) == [(SKIPPED, f"declined by {who} on 2027-01-05: after the sale")]
        tick(one, TUESDAY + 6 * DAY)
        assert [view.state for view in one.ledger.approvals.list()] == [WAITING, DECLINED]


@pytest.mark.parametrize(("state", "why"), [(DECLINED, "declined by "), (WAITING, "not approved")])
def test_answer_counts_if_no_scheduler_was_running(
    folder: Path, planner: Planner, state: ApprovalState, why: str
):
    with scheduler(folder) as one:
        tick(planner.of(one), TUESDAY - DAY)
        if state is DECLINED:
            answer(one, state, TUESDAY - HOUR, "no")
    with scheduler(folder) as one:
        tick(planner.of(one), TUESDAY + 2 * DAY)
    [(found, reason)] = decided(folder)
    assert found is SKIPPED
    assert reason.startswith(why)


def test_approved_opening_is_missed_without_a_scheduler(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        tick(planner.of(one), TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
    with scheduler(folder) as one:
        tick(planner.of(one), TUESDAY + 2 * DAY)
    [(found, reason)] = decided(folder)
    assert found is MISSED
    assert reason.startswith("no scheduler was running")


@pytest.mark.both_databases
def test_last_answer_counts_until_the_start(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
        [view] = one.ledger.approvals.list()
        one.ledger.approvals.answer([view], DECLINED, "no", at=TUESDAY - MINUTE)
        tick(one, TUESDAY)
        with pytest.raises(LockedError, match="has just been decided"):
            one.ledger.approvals.answer([view], APPROVED)
        acts = [(act.act, act.subject) for act in one.ledger.acts.list() if act.run is None]
        assert one.ledger.acts.verify().problem == ""
    assert acts[-2:] == [("approve", RUN_ID), ("decline", RUN_ID)]
    assert [state for state, _ in decided(folder)] == [SKIPPED]


def test_answer_between_reading_and_starting_is_not_lost(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
        tick(one, TUESDAY - MINUTE)
        start = one.scheduler.approvals.start

        def decline_meanwhile(*arguments):
            found = start(*arguments)
            answer(one, DECLINED, TUESDAY, "stop")
            one.scheduler.approvals.start = start  # type: ignore[method-assign]
            return found

        one.scheduler.approvals.start = decline_meanwhile  # type: ignore[method-assign]
        assert one.tick(TUESDAY) == ()
        assert one.tick(TUESDAY + MINUTE) == ()
    assert [state for state, _ in decided(folder)] == [SKIPPED]


def test_next_opening_is_planned_after_the_run_of_this_one(tmp_path: Path, planner: Planner):
    folder = write(tmp_path, window(more=", plan_ahead: 30d"))
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
        [run] = tick(one, TUESDAY)
        tick(one, TUESDAY + MINUTE)
        assert planner.plans == 1
        one.end(run)
        tick(one, TUESDAY + 2 * MINUTE)
        assert planner.plans == 2
        tick(one, TUESDAY + HOUR)
        assert [view.starts for view in one.ledger.approvals.list()] == [TUESDAY + 7 * DAY, TUESDAY]


def test_majors_wait_and_other_sites_start(tmp_path: Path, planner: Planner):
    folder = write(tmp_path, window("majors"), 2)
    planner.changes = {"c0-site": (change("2.0"), change(item="seo"))}
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        states = {view.client: (view.state, view.sites) for view in one.ledger.approvals.list()}
        assert states == {"c0": (WAITING, ("c0-site",)), "c1": (ApprovalState.UNNEEDED, ())}
        [run] = tick(one, TUESDAY)
        assert run.endswith("-c1")
        order = thaw(one.ledger.runs.order_text(run))
        assert (order.locked, order.no_majors) == (None, True)


def test_scheduler_that_was_away_plans_late_and_waits(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        one.tick(TUESDAY - 2 * DAY)
    with scheduler(folder) as one:
        planner.of(one)
        assert tick(one, TUESDAY + 10 * MINUTE) == ()
        [view] = one.ledger.approvals.list()
        assert view.state is WAITING
        answer(one, APPROVED, TUESDAY + 20 * MINUTE)
        assert tick(one, TUESDAY + 21 * MINUTE) == (RUN_ID,)


def test_failed_planning_is_tried_again_then_skips(folder: Path, planner: Planner):
    planner.error = UnreachableError("web1: connection refused")
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        tick(one, TUESDAY - DAY + 29 * MINUTE)
        assert planner.plans == 1
        tick(one, TUESDAY - DAY + 30 * MINUTE)
        assert planner.plans == 2
        tick(one, TUESDAY + HOUR + MINUTE)
    assert decided(folder) == [(SKIPPED, "could not be planned: web1: connection refused")]


@pytest.mark.both_databases
def test_plan_that_failed_is_replaced_by_a_later_one(folder: Path, planner: Planner):
    planner.problems = {"c0-site": "no connection"}
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        assert [view.state for view in one.ledger.approvals.list()] == [ApprovalState.FAILED]
        planner.problems = {}
        tick(one, TUESDAY - HOUR)
        assert [view.state for view in one.ledger.approvals.list()] == [WAITING]


def test_site_that_differs_is_not_started(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
        planner.outdated = {"c0-site": ("woo: 1.0 -> 1.1 was planned, 1.2 is offered now",)}
        assert tick(one, TUESDAY) == ()
    why = "the approved plan no longer applies: woo: 1.0 -> 1.1 was planned, 1.2 is offered now"
    assert decided(folder) == [(SKIPPED, why)]


def test_removed_rule_starts_without_answer(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        one.reload(write(folder, window("none")))
        assert tick(one, TUESDAY) == (RUN_ID,)


def test_client_that_left_is_not_started(tmp_path: Path, planner: Planner):
    folder = write(tmp_path, window(), ("acme", "bolt"))
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        answer(one, APPROVED, TUESDAY - HOUR)
        one.reload(write(folder, window(), ("bolt",)))
        assert [run[-4:] for run in tick(one, TUESDAY)] == ["bolt"]


def test_paused_and_blackout_openings_are_not_planned(tmp_path: Path, planner: Planner):
    folder = write(tmp_path, window(more=", blackouts: [2027-01-05]"), 2)
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - 2 * DAY)
        one.ledger.pauses.pause(
            "c0", until=TUESDAY.date() + 7 * DAY, ends=TUESDAY + 8 * DAY, why="", at=TUESDAY - DAY
        )
        tick(one, TUESDAY)
        assert one.ledger.approvals.list() == ()
        tick(one, TUESDAY + 7 * DAY - HOUR)
        assert [view.client for view in one.ledger.approvals.list()] == ["c1"]


def test_policy_counts_for_windows_without_their_own(tmp_path: Path, planner: Planner):
    (tmp_path / "sitecrew.yaml").write_text("policy: {approve: all}\n")
    folder = write(
        tmp_path, window().replace(", approve: all", "") + window("none").replace("weekly", "free")
    )
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        assert [view.window for view in one.ledger.approvals.list()] == ["weekly"]


def test_slow_planning_does_not_delay_other_windows(tmp_path: Path, planner: Planner):
    from threading import Event

    release, asked = Event(), Event()
    make = planner.make

    def slow(*arguments, **options):
        asked.set()
        assert release.wait(20)
        return make(*arguments, **options)

    planner.make = slow  # type: ignore[method-assign]
    folder = write(tmp_path, window() + '  other: {playbook: hello, day: monday, at: "02:00"}\n')
    with scheduler(folder) as one:
        planner.of(one)
        one.tick(TUESDAY - 2 * DAY)
        assert one.tick(TUESDAY - DAY) == ("other-20270104-0200-c0",)
        assert asked.wait(20)
        assert one.scheduler.approvals.planning == {("weekly", TUESDAY)}
        release.set()
        one.scheduler.approvals.wait(Event())
        assert [view.state for view in one.ledger.approvals.list()] == [WAITING]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [(DECLINED, "After the winter sale"), (WAITING, "It was not approved in time.")],
)
def test_report_names_reason_and_no_operator(
    folder: Path, planner: Planner, state: ApprovalState, sentence: str
):
    with scheduler(folder) as one:
        planner.of(one)
        tick(one, TUESDAY - DAY)
        if state is DECLINED:
            answer(one, state, TUESDAY - HOUR, "After the winter sale")
        tick(one, TUESDAY + HOUR + MINUTE)
        who = one.ledger.operator.name
    found = report(folder, now=TUESDAY + 2 * DAY)
    [issue] = [one for one in found.open if one.about == "approval"]
    assert issue.outcome is Outcome.SKIPPED
    text = " ".join(render_text(found).split())
    assert "The planned maintenance on 5 January was postponed." in text
    assert sentence in text
    assert who not in text


def test_client_export_has_its_approvals(folder: Path, planner: Planner):
    with scheduler(folder) as one:
        tick(planner.of(one), TUESDAY - DAY)
        given = one.ledger.clients.export("c0")
        assert json.dumps(given["approvals"]).count('"weekly"') == 1
        assert one.ledger.clients.erase("c0").rows["approvals"] == 1
        assert one.ledger.approvals.list() == ()
