"""Run one site of a run, from reading its facts to its outcome.

Each step records its result in the ledger and is not repeated once it has one: after a crash the same code
runs again and continues where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.apply.auto_updates import hold_auto_updates
from runner.apply.context import SiteContext
from runner.apply.ending import Ending, ended_by, open_jobs
from runner.apply.jobs import acknowledge_recorded, part_of
from runner.apply.parts import Part, needs_exclusive_host, run_part, steps_of
from runner.apply.planning import plan_site
from runner.apply.undo import plan_undo
from runner.errors import SitecrewError
from runner.hosts.boundary import UnexpectedError, contained, within
from runner.hosts.exclusive import server_of
from runner.hosts.sudo import sudo_problems
from runner.model import OnFailure, Order, Outcome, Phase, Site, Step, StepOutcome, worst
from runner.plan import closed_at, needs_facts, split_playbook, why_too_late
from runner.steps import Where, registry

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.plan import Parts

__all__ = ["Ending", "work_on"]


def work_on(session: Session, order: Order, site: Site, attempt: int) -> Ending:
    """Apply the order to a site, and record its outcome.

    Errors of hosts and sites become outcomes, unexpected ones too. Errors of the ledger and the engine are
    raised, and the site has no outcome until the run is resumed.
    """
    running = started_numbers(session, order.run, site.name, attempt)
    halted = _halted(session, order, site) if session.stopping(order.run) and not running else None
    if halted:
        ending = halted
    elif not running and (missed := _why_missed(session, order, site, attempt)):
        ending = Ending(Outcome.MISSED, missed)
    else:
        session.journal(order.run, site.name).started(site.client, site.host)
        ending = _run_site(session, order, site, attempt)
    session.check_open()
    ending = replace(ending, why=session.reason(ending.why))
    session.ledger.sites.finished(order.run, site.name, ending.outcome, ending.why, session.now())
    session.emit(
        "site.finished", order.run, site.name, outcome=ending.outcome, why=ending.why, locked=ending.locked
    )
    return ending


def _halted(session: Session, order: Order, site: Site) -> Ending | None:
    """Return how a site ends in a run that is stopped while no job is running on the site.

    None if all its steps have an outcome. Files that are uploaded without a job may be half in place.
    """
    stop = session.stop(order.run)
    why = stop.why if stop.asked.is_set() else "the run was stopped"
    rows = session.ledger.sites.list(order.run)
    if not any(row.site == site.name and row.started for row in rows):
        return Ending(Outcome.CANCELLED, f"{why} before this site was started")
    steps = session.ledger.steps.output(order.run, site.name)
    kinds = {step.id: step.kind for step in order.playbook.steps}
    current = next((kinds[step.step] for step in steps if step.outcome is None), None)
    if current is None:
        return None
    if registry()[current].where is Where.UPLOAD:
        return Ending(Outcome.LOST, f"{why} while files were uploaded to this site")
    return Ending(Outcome.CANCELLED, f"{why} before this site had finished")


def _why_missed(session: Session, order: Order, site: Site, attempt: int) -> str:
    """Return why the window has no time left for a site; empty if the site is started now."""
    now, closes = session.now(), order.closes
    if closes and now > closes:
        return "the window closed before this site was started"
    if closed := _closed_now(session, order, site):
        return f"{closed}: no site is started"
    found = order.estimates.get(site.name)
    if not closes or not found or _known(session, order.run, site.name, attempt):
        return ""  # what an earlier attempt has started is continued until the close
    return why_too_late(found, opens=order.opens or now, closes=closes, now=now)


def _closed_now(session: Session, order: Order, site: Site) -> str:
    """Return which blackout is in force for the client or the window; empty if there is none."""
    zones = {order.clients[site.client].timezone, order.timezone or order.clients[site.client].timezone}
    return closed_at(order.blackouts, zones, session.now())


def _run_site(session: Session, order: Order, site: Site, attempt: int) -> Ending:
    try:
        parts = split_playbook(order.playbook, site, tags=order.tags)
        known = _known(session, order.run, site.name, attempt)
        known |= _record_skips(session, order, site, parts, known)
        if refused := sudo_problems(parts.steps, site, order.hosts[site.host]):
            return Ending(Outcome.FAILED, "; ".join(refused))
        ctx = session.context(order, site, attempt)
        steps = tuple(step.id for part in parts.parts for step in steps_of(part))
        ctx = replace(ctx, journal=replace(ctx.journal, steps=steps))
        if order.undo:
            ctx = plan_undo(ctx)
        elif needs_facts(order.playbook, site, tags=order.tags):
            ctx = plan_site(ctx)
        if attempt > 1:
            acknowledge_recorded(ctx)
        if ctx.plan.problems:
            return Ending(Outcome.FAILED, "; ".join(ctx.plan.problems))
        return _end_with_auto_updates(ctx, _run_parts(session, ctx, parts, known))
    except Exception as error:  # noqa: BLE001  # any error belongs to this site
        session.check_open()
        return _failed(session, order, site, contained(error), attempt)


def _end_with_auto_updates(ctx: SiteContext, ending: Ending) -> Ending:
    """Hold the automatic updates of held items; return the ending, which a failure here does not change."""
    if ctx.stop.closed:
        return ending
    error = within(lambda: hold_auto_updates(ctx))
    if isinstance(error, SitecrewError):
        ctx.journal.emit("auto_updates.failed", why=ctx.journal.reason(error.with_hint))
    return ending


def _failed(session: Session, order: Order, site: Site, error: SitecrewError, attempt: int) -> Ending:
    """Return how the site ended. The step in progress gets the traceback of an unexpected error."""
    ending = ended_by(error, session.ledger.jobs.list(order.run, site.name), attempt=attempt)
    if isinstance(error, UnexpectedError):
        steps = session.ledger.steps.output(order.run, site.name)
        if current := next((step.step for step in steps if step.outcome is None), None):
            outcome = StepOutcome(step=current, outcome=ending.outcome, why=ending.why, output=error.trace)
            session.journal(order.run, site.name).step_finished(outcome)
    return ending


def _run_parts(session: Session, ctx: SiteContext, parts: Parts, known: dict[str, StepOutcome]) -> Ending:
    stopped = ""
    for part in parts.parts:
        steps = steps_of(part)
        if all(step.id in known for step in steps):
            stopped = stopped or _stop_reason(steps, known)
            continue
        if cancelled := _cancelled(session, ctx, part):
            return Ending(_stopped(ctx), cancelled)
        if not stopped and session.ask and not ctx.stop.asked.is_set():
            answer = session.ask(steps[0])
            if answer is None:
                return Ending(Outcome.CANCELLED, f"stopped before {steps[0].id}")
            skipped = "" if answer else "skipped when asked"
        else:
            skipped = stopped
        if skipped:
            known |= _record_skipped(ctx, steps, known, skipped)
            continue
        waiting = partial(ctx.journal.progress, steps[0].id, Phase.WAITING)
        server, alone = server_of(ctx.remote.host), needs_exclusive_host(part)
        with session.exclusive.hold(server, alone=alone, on_wait=waiting):
            if cancelled := _cancelled(session, ctx, part):
                return Ending(_stopped(ctx), cancelled)
            result = run_part(ctx, part, [step for step in steps if step.id not in known])
        ctx = replace(ctx, facts=result.facts)
        known |= {outcome.step: outcome for outcome in result.outcomes}
        stopped = _stop_reason(steps, known)
    return _ending(ctx, known)


def _cancelled(session: Session, ctx: SiteContext, part: Part) -> str:
    """Return why a part is not started; empty if the run continues, or a job of the part may run."""
    if not ctx.stop.asked.is_set():
        return ""
    started = started_numbers(session, ctx.run, ctx.site.name, ctx.attempt)
    return "" if any(part.number in part_of(number) for number in started) else ctx.stop.why


def _stopped(ctx: SiteContext) -> Outcome:
    """Return the outcome of a site that was stopped before its last step."""
    return Outcome.MISSED if ctx.stop.at_close else Outcome.CANCELLED


def _ending(ctx: SiteContext, known: Mapping[str, StepOutcome]) -> Ending:
    decisive = worst(outcome.outcome for outcome in known.values())
    if decisive in {Outcome.CANCELLED, Outcome.MISSED} and ctx.stop.at_close:
        return Ending(Outcome.MISSED, ctx.stop.why)
    why = next((f"{o.step}: {o.why}" for o in known.values() if o.outcome is decisive and o.why), "")
    return Ending(decisive, why if decisive in _EXPLAINED else "")


_EXPLAINED = {Outcome.FAILED, Outcome.LOST, Outcome.UNDONE, Outcome.CANCELLED, Outcome.UNREACHABLE}


def started_numbers(session: Session, run: str, site: str, attempt: int) -> set[int]:
    """Return the numbers of the jobs that may be running on the host, as their end is not recorded."""
    if attempt == 1:
        return set()
    return {segment.number for segment in open_jobs(session.ledger.jobs.list(run, site))}


def _known(session: Session, run: str, site: str, attempt: int) -> dict[str, StepOutcome]:
    if attempt == 1:
        return {}
    return {
        found.step: StepOutcome(step=found.step, outcome=found.outcome, why=found.why)
        for found in session.ledger.steps.output(run, site)
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
        session.journal(order.run, site.name).step_finished(outcome)
    return skips


def _record_skipped(
    ctx: SiteContext, steps: Sequence[Step], known: Mapping[str, StepOutcome], why: str
) -> dict[str, StepOutcome]:
    left = {
        step.id: StepOutcome(step=step.id, outcome=Outcome.SKIPPED, why=why)
        for step in steps
        if step.id not in known
    }
    for outcome in left.values():
        ctx.journal.step_finished(outcome)
    return left


def _stop_reason(steps: Sequence[Step], known: Mapping[str, StepOutcome]) -> str:
    for step in steps:
        outcome = known.get(step.id)
        if outcome and outcome.outcome is Outcome.FAILED and step.on_failure is not OnFailure.CONTINUE:
            return f"not started: {step.id} failed"
    return ""
