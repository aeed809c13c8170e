"""One site of a run, from its first reading to its outcome.

Each stage leaves its result in the ledger, and a stage whose result is there is not done again: after a crash
the same code walks the same way and finds out where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import SitecrewError
from runner.model import OnFailure, Order, Outcome, Site, SiteFacts, SitePlan, Step, StepOutcome, worst
from runner.plan import Barrier, Segment, closed_day, cut, needs_facts
from runner.steps import Where, registry
from runner.workflows.autoupdates import hold_auto_updates
from runner.workflows.boundary import UnexpectedError, contained, within
from runner.workflows.changes.carry import JOBS, carry_changes
from runner.workflows.packages.carry import carry_system
from runner.workflows.sending.upload import carry_upload
from runner.workflows.stages.become import unbecoming
from runner.workflows.stages.build import take_build
from runner.workflows.stages.gates import place_of
from runner.workflows.stages.outside import take_look
from runner.workflows.stages.segment import ack_recorded, carry_segment
from runner.workflows.stages.snapshot import take_snapshot
from runner.workflows.stages.survey import survey
from runner.workflows.stages.tries import counted, paused, wanted
from runner.workflows.stop import Stop
from runner.workflows.undo.carry import carry_undo, survey_undo
from runner.workflows.verdict import Ending, ended_by, open_jobs

if TYPE_CHECKING:
    from runner.plan import Parts
    from runner.workflows.session import Session

__all__ = ["Ending", "Task", "work_on"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One site in one attempt of a run: what every stage needs to know."""

    session: Session
    order: Order
    site: Site
    attempt: int
    plan: SitePlan
    facts: SiteFacts | None = None

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.order.run

    @property
    def stop(self) -> Stop:
        """Whether the run is being stopped."""
        return self.session.stop(self.run)


def work_on(session: Session, order: Order, site: Site, attempt: int) -> Ending:
    """Do on a site what was ordered, and write down how it ended.

    Errors of hosts and sites become outcomes, unexpected ones too. Errors of the ledger and the engine are no
    verdict: they pass, and the site stays without an outcome until the run is resumed.
    """
    under_way = begun(session, order.run, site.name, attempt)
    if session.stopping(order.run) and not under_way:
        ending = Ending(Outcome.CANCELLED, "the run was stopped before this site was begun")
    elif order.closes and session.now() > order.closes and not under_way:
        ending = Ending(Outcome.MISSED, "the window had closed before this site's turn came")
    elif not under_way and (day := _closed_day(session, order, site)):
        ending = Ending(Outcome.MISSED, f"{day} is a blackout day: nothing is started on it")
    else:
        session.ledger.begin_site(order.run, site.name, session.now())
        session.emit("site.started", order.run, site.name, client=site.client, host=site.host)
        ending = _stages(session, order, site, attempt)
    session.check_open()
    ending = replace(ending, why=session.reason(ending.why))
    session.ledger.finish_site(order.run, site.name, ending.outcome, ending.why, session.now())
    session.emit(
        "site.finished", order.run, site.name, outcome=ending.outcome, why=ending.why, locked=ending.locked
    )
    return ending


def _closed_day(session: Session, order: Order, site: Site) -> date | None:
    """The day of the client or the window, if it is one on which no site is started."""
    zones = {order.clients[site.client].timezone, order.timezone or order.clients[site.client].timezone}
    return closed_day(order.blackouts, zones, session.now())


def _stages(session: Session, order: Order, site: Site, attempt: int) -> Ending:
    try:
        parts = cut(order.playbook, site, tags=order.tags)
        known = _known(session, order.run, site.name, attempt)
        known |= _record_skips(session, order, site, parts, known)
        if refused := unbecoming(parts.steps, site, order.hosts[site.host]):
            return Ending(Outcome.FAILED, "; ".join(refused))
        empty = SitePlan(site=site.name, client=site.client)
        task = Task(session=session, order=order, site=site, attempt=attempt, plan=empty)
        if order.undo:
            task = survey_undo(task)
        elif needs_facts(order.playbook, site, tags=order.tags):
            task = survey(task)
        if attempt > 1:
            ack_recorded(task)
        if task.plan.problems:
            return Ending(Outcome.FAILED, "; ".join(task.plan.problems))
        return _held(task, _parts(task, parts, known))
    except Exception as error:  # noqa: BLE001  # it is this site's, whatever it is
        session.check_open()
        return _failed(session, order, site, contained(error), attempt)


def _held(task: Task, ending: Ending) -> Ending:
    """The ending, once WordPress will not install what is held; a failure is told, and decides nothing."""
    error = within(lambda: hold_auto_updates(task))
    if isinstance(error, SitecrewError):
        task.session.emit(
            "auto_updates.failed", task.run, task.site.name, why=task.session.reason(error.with_hint)
        )
    return ending


def _failed(session: Session, order: Order, site: Site, error: SitecrewError, attempt: int) -> Ending:
    """What an error makes of the site. The step in progress gets the traceback of an unexpected one."""
    ending = ended_by(error, session.ledger.segments(order.run, site.name), attempt=attempt)
    if isinstance(error, UnexpectedError):
        steps = session.ledger.step_output(order.run, site.name)
        if in_hand := next((step.step for step in steps if step.outcome is None), None):
            outcome = StepOutcome(step=in_hand, outcome=ending.outcome, why=ending.why, output=error.trace)
            session.record(order.run, site.name, outcome)
    return ending


def _parts(task: Task, parts: Parts, known: dict[str, StepOutcome]) -> Ending:
    stopped = ""
    for part in parts.parts:
        steps = _steps(part)
        if all(step.id in known for step in steps):
            stopped = stopped or _stops(steps, known)
            continue
        if task.stop.asked.is_set() and not any(
            part.number in {number, number // JOBS}
            for number in begun(task.session, task.run, task.site.name, task.attempt)
        ):
            return Ending(Outcome.CANCELLED, "the run was cancelled")
        if stopped:
            known |= _record_left_out(task, steps, known, stopped)
            continue
        answer = task.session.ask(steps[0]) if task.session.ask else True
        if answer is None:
            return Ending(Outcome.CANCELLED, f"stopped before {steps[0].id}")
        if not answer:
            known |= _record_left_out(task, steps, known, "left out when asked")
            continue
        alone = isinstance(part, Barrier) and part.where is Where.SYSTEM
        with task.session.gates.turn(place_of(task.order.hosts[task.site.host]), alone=alone):
            if isinstance(part, Segment) and (task.order.undo or registry()[steps[0].kind].transacts):
                carry = carry_undo if task.order.undo else carry_changes
                outcomes, facts = carry(task, part)
                task = replace(task, facts=facts)
            else:
                outcomes = _carry(task, part, known)
        known |= {outcome.step: outcome for outcome in outcomes}
        stopped = _stops(steps, known)
    decisive = worst(outcome.outcome for outcome in known.values())
    why = next((f"{o.step}: {o.why}" for o in known.values() if o.outcome is decisive and o.why), "")
    return Ending(decisive, why if decisive in _EXPLAINED else "")


_EXPLAINED = {Outcome.FAILED, Outcome.LOST, Outcome.UNDONE, Outcome.CANCELLED, Outcome.UNREACHABLE}


Part: TypeAlias = Segment | Barrier


def _steps(part: Part) -> tuple[Step, ...]:
    return part.steps if isinstance(part, Segment) else (part.step,)


def _carry(task: Task, part: Part, known: Mapping[str, StepOutcome]) -> tuple[StepOutcome, ...]:
    if isinstance(part, Segment):
        return carry_segment(task, part, [step for step in part.steps if step.id not in known])
    if part.where is Where.UPLOAD:
        return carry_upload(task, part)
    if part.where is Where.SYSTEM:
        return carry_system(task, part)
    step = part.step
    task.session.emit("step.started", task.run, task.site.name, step.id)
    take = _TAKES[part.where]
    number, outcome = 1, take(task, step)
    while wanted(task, step, outcome, number) and paused(task, step, outcome, number):
        number, outcome = number + 1, take(task, step)
    outcome = counted(step, outcome, number)
    task.session.record(task.run, task.site.name, outcome)
    return (outcome,)


_TAKES = {Where.STREAM: take_snapshot, Where.OUTSIDE: take_look, Where.CONTROLLER: take_build}


def begun(session: Session, run: str, site: str, attempt: int) -> set[int]:
    """Numbers of the segments that may be running on the host, since their end is not recorded."""
    if attempt == 1:
        return set()
    return {segment.number for segment in open_jobs(session.ledger.segments(run, site))}


def _known(session: Session, run: str, site: str, attempt: int) -> dict[str, StepOutcome]:
    if attempt == 1:
        return {}
    return {
        found.step: StepOutcome(step=found.step, outcome=found.outcome, why=found.why)
        for found in session.ledger.step_output(run, site)
        if found.outcome is not None
    }


def _record_skips(
    session: Session, order: Order, site: Site, parts: Parts, known: Mapping[str, StepOutcome]
) -> dict[str, StepOutcome]:
    skips = {
        skipped.step.id: StepOutcome(step=skipped.step.id, outcome=Outcome.SKIPPED, why=skipped.why)
        for skipped in parts.skipped
        if skipped.step.id not in known
    }
    for outcome in skips.values():
        session.record(order.run, site.name, outcome)
    return skips


def _record_left_out(
    task: Task, steps: Sequence[Step], known: Mapping[str, StepOutcome], why: str
) -> dict[str, StepOutcome]:
    left = {
        step.id: StepOutcome(step=step.id, outcome=Outcome.SKIPPED, why=why)
        for step in steps
        if step.id not in known
    }
    for outcome in left.values():
        task.session.record(task.run, task.site.name, outcome)
    return left


def _stops(steps: Sequence[Step], known: Mapping[str, StepOutcome]) -> str:
    for step in steps:
        outcome = known.get(step.id)
        if outcome and outcome.outcome is Outcome.FAILED and step.on_failure is not OnFailure.CONTINUE:
            return f"not begun, since {step.id} failed"
    return ""
