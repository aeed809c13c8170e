"""Plan openings that need approval ahead of time, and check approved plans before they are started.

Both read hosts, in threads of their own: the scheduler's tick only asks for them and for the results.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import SitecrewError
from runner.hosts.boundary import contained, reported
from runner.inspect.locked_plan import plan_differences
from runner.inspect.plan import make_plan
from runner.load.planfile import lock_plan, parse_plan, plan_text
from runner.model import Approve, LockedPlan, Plan, Site
from runner.notify import Planned
from runner.plan import select
from runner.plan.approval import Refusal, Terms, free_sites, sites_to_plan, terms_of, waiting_sites
from runner.plan.schedules import planned
from runner.record import ApprovalState, ApprovalView, NewApproval, WhyNot
from runner.untrusted import few

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.load import Workspace
    from runner.plan.schedules import Opening, RecordedSchedule
    from runner.record import Ledger

__all__ = ["Approvals", "Start", "planned_opening", "rule_of", "sites_of", "still_opens"]

_THREADS = 4
_NAMED = 2
_RETRY_AFTER = timedelta(minutes=30)
"""Time after which an opening that could not be planned is planned again."""
_AFTER_ERROR = 60.0
"""Seconds after which planning is tried again if its result could not be recorded."""
_CHECKED_AHEAD = timedelta(minutes=5)
"""How long before the start an approved plan is checked."""
_POLL = 0.2
"""Seconds between two checks of whether to stop waiting."""
_UNCHECKED = "the approved plan could not be checked in time"
_AGAIN = "decline it; a new plan is made for the next window"

_Key: TypeAlias = tuple[str, str, datetime]
_Made: TypeAlias = tuple[int, datetime]
"""Id of an approval, and when its plan was made."""


@dataclass(frozen=True, slots=True)
class Start:
    """How an opening is started."""

    terms: Terms
    approval: ApprovalView | None = None
    plan: LockedPlan | None = None

    @property
    def locked(self) -> LockedPlan | None:
        """The part of the locked plan that is applied."""
        if self.plan is None or not self.terms.locked:
            return None
        sites = {name: site for name, site in self.plan.sites.items() if name in self.terms.locked}
        return LockedPlan(playbook=self.plan.playbook, made=self.plan.made, sites=sites)


class Approvals:
    """Makes and checks the plans of one scheduler.

    Args:
        session: the session.
        make: makes a plan.
        check: returns by site why a locked plan no longer applies.
    """

    def __init__(
        self,
        session: Session,
        make: Callable[..., Plan] = make_plan,
        check: Callable[..., Mapping[str, Sequence[str]]] = plan_differences,
    ) -> None:
        self._session, self._make, self._check = session, make, check
        self._lock = threading.Condition()
        self._jobs: deque[tuple[_Key, Callable[[], None]]] = deque()
        self._threads = 0
        self._pending: set[_Key] = set()
        self._failed_at: dict[_Key, float] = {}
        """Openings whose plan could not be recorded, each with the time (monotonic)."""
        self._plans: dict[_Made, LockedPlan] = {}
        self._checked: dict[_Made, Mapping[str, Sequence[str]]] = {}
        """By approved plan, why it no longer applies to its sites."""

    @property
    def planning(self) -> frozenset[tuple[str, datetime]]:
        """Windows and starts of the openings that are being planned or checked."""
        with self._lock:
            return frozenset((window, starts) for window, _, starts in self._pending)

    def wait(self, stop: threading.Event) -> bool:
        """Wait until everything that was asked for is planned and checked; False if there was nothing.

        It also ends soon after `stop` is set.
        """
        with self._lock:
            waited = bool(self._pending)
            while self._pending and not stop.is_set():
                self._lock.wait(_POLL)
        return waited

    def prepare(self, workspace: Workspace, schedules: Iterable[RecordedSchedule], now: datetime) -> None:
        """Start to plan the openings that are near and need approval, and to check approved plans."""
        for one in schedules:
            window = workspace.inventory.windows.get(one.key[0])
            rule = rule_of(workspace, one.key[0])
            if window is None or not rule:
                continue
            opening = _next_opening(one, now, window.plan_ahead)
            found = one.approval_of(opening) if opening else None
            if opening is None:
                continue
            if found is None or _is_due_again(found, now):
                self._plan(workspace, opening, rule, now)
            elif found.state is ApprovalState.APPROVED and opening.due - _CHECKED_AHEAD <= now:
                self._is_checked(workspace, opening, found)

    def start(self, workspace: Workspace, opening: Opening) -> Start | Refusal:
        """Return how an opening that is due is started, or why it is not."""
        window, key = opening.planned.window.name, (*opening.planned.key, opening.starts)
        rule, approval = rule_of(workspace, window), self._session.ledger.approvals.get(*key)
        if approval is None and not rule:
            return Start(Terms())
        try:
            plan = self._locked(approval) if approval else None
        except SitecrewError as error:
            return Refusal(f"{WhyNot.OUTDATED}: {error}", final=True)
        outdated: Mapping[str, Sequence[str]] = {}
        if approval and approval.state is ApprovalState.APPROVED and rule:
            if not self._is_checked(workspace, opening, approval):
                return Refusal(_UNCHECKED)
            outdated = self._checked[approval.id, approval.made]
        terms = terms_of(rule, approval, plan, sites_of(workspace, opening), outdated)
        return terms if isinstance(terms, Refusal) else Start(terms, approval, plan)

    def _locked(self, approval: ApprovalView) -> LockedPlan | None:
        """Return a recorded plan; None if none could be made."""
        made = approval.id, approval.made
        if made not in self._plans:
            text = self._session.ledger.approvals.plan(approval.id)
            if not text:
                return None
            self._plans = {made: parse_plan(text, f"the plan of {approval.run}", again=_AGAIN)}
        return self._plans[made]

    def _plan(self, workspace: Workspace, opening: Opening, rule: Approve, now: datetime) -> None:
        """Start to plan an opening, unless this or an earlier run is in progress."""
        sites, (window, client) = sites_of(workspace, opening), opening.planned.key
        busy = self._session.ledger.runs.list_unfinished(window=window, client=client)
        if not busy and sites_to_plan(rule, sites):
            key = (*opening.planned.key, opening.starts)
            self._submit(key, partial(self._make_and_record, workspace, opening, rule, sites, now))

    def _make_and_record(
        self, workspace: Workspace, opening: Opening, rule: Approve, sites: Sequence[Site], now: datetime
    ) -> None:
        session, chosen = self._session, sites_to_plan(rule, sites)
        playbook = workspace.playbooks[opening.planned.window.playbook]
        made: Plan | None = None
        try:
            made = self._make(workspace, playbook, chosen, tags=())
            waiting = waiting_sites(rule, made.sites)
            problems = [f"{one.site}: {problem}" for one in made.sites for problem in one.problems]
            failed = len(chosen) == sum(bool(one.problems) for one in made.sites)
            text = "" if failed else plan_text(lock_plan(workspace, playbook, made, tags=()))
        except Exception as error:  # noqa: BLE001  # planning must not end the scheduler
            waiting, problems, failed, text = (), [contained(error).with_hint], True, ""
        state = ApprovalState.WAITING if waiting else ApprovalState.UNNEEDED
        new = NewApproval(
            window=opening.planned.window.name,
            client=opening.planned.client,
            starts=opening.starts,
            until=opening.latest_start,
            made=now,
            state=ApprovalState.FAILED if failed else state,
            sites=waiting,
            others=free_sites(rule, sites, waiting),
            plan=text,
            why=session.reason(few(problems, _NAMED)),
        )
        if session.ledger.approvals.add(new):
            session.emit("window.planned", opening.run, window=new.window, state=new.state, why=new.why)

    def _is_checked(self, workspace: Workspace, opening: Opening, approval: ApprovalView) -> bool:
        """Whether an approved plan is checked; otherwise start to check it."""
        made = approval.id, approval.made
        if made not in self._checked:
            key = (*opening.planned.key, opening.starts)
            self._submit(key, partial(self._check_and_keep, workspace, opening, approval))
        return made in self._checked

    def _check_and_keep(self, workspace: Workspace, opening: Opening, approval: ApprovalView) -> None:
        plan = self._locked(approval)
        sites = [site for site in sites_of(workspace, opening) if plan and site.name in plan.sites]
        playbook = workspace.playbooks[opening.planned.window.playbook]
        try:
            found = self._check(workspace, plan, playbook, sites)
        except Exception as error:  # noqa: BLE001  # as for planning
            found = {site.name: [contained(error).with_hint] for site in sites}
        self._checked[approval.id, approval.made] = found

    def _submit(self, key: _Key, job: Callable[[], None]) -> None:
        """Run a job in a thread, unless one for the same opening is waiting or has just failed."""
        with self._lock:
            recent = time.monotonic() - self._failed_at.get(key, -_AFTER_ERROR) < _AFTER_ERROR
            if key in self._pending or recent:
                return
            self._pending.add(key)
            self._jobs.append((key, job))
            if self._threads < _THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="approvals", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._threads -= 1
                    return
                key, job = self._jobs.popleft()
            reported(job, partial(self._ended, key))

    def _ended(self, key: _Key, error: Exception | None) -> None:
        with self._lock:
            self._pending.discard(key)
            if error is not None:
                self._failed_at[key] = time.monotonic()
            else:
                self._failed_at.pop(key, None)
            self._lock.notify_all()


def planned_opening(workspace: Workspace, ledger: Ledger, view: ApprovalView) -> Planned:
    """Return the plan of an opening, without the sites that do not wait."""
    window = workspace.inventory.windows.get(view.window)
    text = ledger.approvals.plan(view.id)
    plan = parse_plan(text, f"the plan of {view.run}", again=_AGAIN) if text else None
    sites = {name: plan.sites[name].plan for name in view.sites if name in plan.sites} if plan else {}
    return Planned(view=view, playbook=window.playbook if window else "", sites=sites)


def still_opens(workspace: Workspace, view: ApprovalView) -> bool:
    """Whether a window still opens for a client at the time for which its plan was made."""
    window = workspace.inventory.windows.get(view.window)
    if window is None:
        return False
    mine = next((one for one in planned(workspace.inventory, window) if one.client == view.client), None)
    before = view.starts - timedelta(microseconds=1)
    opening = next(mine.openings(before), None) if mine else None
    return opening is not None and opening.starts == view.starts and not opening.blackout


def rule_of(workspace: Workspace, window: str) -> Approve:
    """Return which sites of a window need approval; none if it is no longer in the inventory."""
    found = workspace.inventory.windows.get(window)
    if found is None:
        return Approve()
    return workspace.settings.policy.approve if found.approve is None else found.approve


def sites_of(workspace: Workspace, opening: Opening) -> tuple[Site, ...]:
    """Return the sites of an opening, as they are in the inventory now."""
    window, client = opening.planned.window, opening.planned.client
    return tuple(site for site in select(workspace.inventory, window.sites) if site.client == client)


def _next_opening(one: RecordedSchedule, now: datetime, ahead: timedelta) -> Opening | None:
    """Return the first opening that may be started, if it is near; later ones are planned after its run."""
    found = (
        opening
        for opening in one.undecided(now + ahead)
        if not (opening.is_late(now) or opening.blackout or one.pause_of(opening, now))
    )
    return next(found, None)


def _is_due_again(found: ApprovalView, now: datetime) -> bool:
    return found.state is ApprovalState.FAILED and now - found.made >= _RETRY_AFTER
