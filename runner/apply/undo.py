"""Undo of earlier changes: its plan, and each step as a transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.jobs import acknowledge, end_job, trial_number
from runner.apply.probe import take_baseline
from runner.apply.rerun import rerun_command
from runner.apply.transaction.batch import end_started_trials
from runner.apply.transaction.transaction import Trial
from runner.apply.transaction.trial import (
    ChangeScripts,
    SiteBaseline,
    TrialRecord,
    TrialResult,
    health_before,
)
from runner.errors import HostError
from runner.execute import UNSEEN
from runner.inspect.restore_points import DATABASE, UndoneRun, guard_without_files
from runner.inspect.undo import preview_undo
from runner.load import thaw, thaw_as
from runner.model import (
    Change,
    ChangeOutcome,
    ItemKind,
    Outcome,
    Phase,
    SiteFacts,
    SiteKind,
    Step,
    StepOutcome,
    worst,
)
from runner.plan import BY_HAND, Segment
from runner.steps import Context, Guard, Result, Script, registry
from runner.steps.wordpress.database_undo import (
    STAGES,
    counted,
    parse_database,
)
from runner.verify import newly_refused

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["plan_undo", "undo_step"]


def plan_undo(ctx: SiteContext) -> SiteContext:
    """Return the context with the plan of the undo and facts, from the ledger or read now and recorded."""
    journal, run, site = ctx.journal, ctx.run, ctx.site.name
    stored, facts_then = journal.ledger.sites.plan(run, site), journal.ledger.sites.facts(run, site)
    if stored is not None:
        return replace(ctx, plan=stored, facts=thaw_as(SiteFacts, facts_then) if facts_then else None)
    preview = preview_undo(ctx.remote, lambda _: ctx.prober, journal.ledger, ctx.order, ctx.site)
    facts = preview.facts
    if facts is None and ctx.site.kind is SiteKind.WORDPRESS:
        # a site that is too broken to be read is undone too, with its earlier facts as the baseline
        facts = UndoneRun.of(journal.ledger, ctx.order, ctx.site).facts
    journal.planned(preview.plan, facts)
    journal.announce_plan(preview.plan)
    return replace(ctx, plan=preview.plan, facts=facts)


def undo_step(ctx: SiteContext, part: Segment) -> tuple[tuple[StepOutcome, ...], SiteFacts | None]:
    """Undo one step of the earlier run, and record its outcome.

    Raises:
        LockedError, LostError, UnreachableError: as `Trial.try_changes`.
    """
    (step,) = part.steps
    started, facts, pending = time.monotonic(), ctx.facts, ctx.plan.pending(step.id)
    settled = [
        ChangeOutcome.of(change, Outcome.HELD, change.why)
        for change in ctx.plan.of(step.id)
        if change not in pending
    ]
    problem = ""
    if pending:
        ctx.journal.step_started(step.id)
        if facts is None:
            raise HostError("the site's facts were not read")
        scripts = _scripts(ctx, step)
        if ctx.attempt > 1:
            _end_open_trials(ctx, part, pending, facts, scripts)
        if ctx.stop.asked.is_set():
            return _not_undone(ctx, step, pending), facts
        ctx.journal.progress(step.id, Phase.CHECKING)
        seen = take_baseline(ctx)
        number, before = trial_number(part.number, ctx.attempt), SiteBaseline(facts, seen)
        trial = Trial(ctx, step, number, pending, before, scripts=scripts).try_changes()
        facts, problem = trial.state.facts, _problem(ctx, trial)
        outcomes = _outcomes(pending, trial)
        _update_holds(ctx, outcomes)
        settled += outcomes
    outcome = StepOutcome(
        step=step.id,
        outcome=Outcome.FAILED if problem else worst(change.outcome for change in settled),
        why=problem or next((f"{c.item}: {c.why}" for c in settled if c.why), ""),
        seconds=round(time.monotonic() - started, 3) if pending else None,
        changes=tuple(settled),
    )
    ctx.journal.step_finished(outcome)
    return (outcome,), facts


def _not_undone(ctx: SiteContext, step: Step, pending: tuple[Change, ...]) -> tuple[StepOutcome, ...]:
    """Record that a run that is ended early left a step's changes as they are."""
    changes = tuple(ChangeOutcome.of(change, Outcome.CANCELLED, ctx.stop.why) for change in pending)
    outcome = StepOutcome(step=step.id, outcome=Outcome.CANCELLED, why=ctx.stop.why, changes=changes)
    ctx.journal.step_finished(outcome)
    return (outcome,)


def _end_open_trials(
    ctx: SiteContext, part: Segment, pending: tuple[Change, ...], facts: SiteFacts, scripts: ChangeScripts
) -> None:
    """End the trials that an earlier attempt left open, to be repeated; roll back those that were killed."""
    (step,) = part.steps
    for segment, record in end_started_trials(ctx, part.number):
        if segment.trial is None or record.decided == UNSEEN:
            end_job(ctx, segment.number, segment.job, record.status)
        else:
            kept = thaw_as(TrialRecord, segment.trial)
            state = SiteBaseline(facts, kept.seen)
            Trial(ctx, step, segment.number, pending, state, scripts=scripts).roll_back(kept.tag)
            acknowledge(ctx, segment.number, segment.job)


def _outcomes(pending: Sequence[Change], trial: TrialResult) -> list[ChangeOutcome]:
    """Return each item's outcome: `undone` if it is restored, even if the site is unhealthy with it."""
    found = {change.item: change for change in trial.outcome.changes}
    outcomes = []
    for change in pending:
        outcome = found.get(change.item)
        if not trial.kept or outcome is None:
            failed = Outcome.CANCELLED if trial.by == "cancelled" else Outcome.FAILED
            outcomes.append(ChangeOutcome.of(change, failed, trial.why or trial.outcome.why))
        elif outcome.outcome is Outcome.CHANGED:
            outcomes.append(replace(outcome, outcome=Outcome.UNDONE, unverified=trial.unverified))
        else:
            outcomes.append(outcome)
    return outcomes


def _problem(ctx: SiteContext, trial: TrialResult) -> str:
    """Return why the undo failed: what is wrong with the site, and how to undo more; empty if nothing is."""
    if trial.by == "cancelled":
        return ""
    findings = trial.why or trial.outcome.why
    if trial.kept:
        seen = trial.state.seen
        findings = "; ".join(seen.findings) or newly_refused(health_before(ctx, seen), seen)
    if not findings:
        return ""
    undo = ctx.order.undo
    repeated = ""
    if undo and not undo.database:
        repeated = rerun_command(ctx.order, ctx.site.name, "--database")
    why = f"{findings}; to restore the database too: {repeated}" if repeated else findings
    return f"the site is unhealthy after the undo: {why}" if trial.kept else f"left as it was: {why}"


def _update_holds(ctx: SiteContext, outcomes: Sequence[ChangeOutcome]) -> None:
    """Hold the versions that were undone; the undo of an undo lifts the hold."""
    ledger, site, undo = ctx.journal.ledger, ctx.site.name, ctx.order.undo
    for change in outcomes:
        if undo is None or change.outcome is not Outcome.UNDONE or change.kind is ItemKind.DATABASE:
            continue
        if thaw(ledger.runs.order_text(undo.run)).undo:
            ledger.holds.lift(site, change.item, run=ctx.run)
        else:
            why = f"{BY_HAND} ({ledger.operator.name}, {ctx.run})"
            since = ctx.journal.now()
            ledger.holds.add(site, change.item, change.from_version, why=why, since=since, run=ctx.run)


def _scripts(ctx: SiteContext, step: Step) -> ChangeScripts:
    """Restore files, then the database if wanted, in one transaction, as neither may suffice alone."""
    past = UndoneRun.of(ctx.journal.ledger, ctx.order, ctx.site)
    names = [one.id for one in ctx.order.playbook.steps]
    rest = names[names.index(step.id) + 1 :]
    # code of later steps, which is still new, may fail with the old data: no reason to restore more
    stages = STAGES[:1] if any(ctx.plan.pending(name) for name in rest) else STAGES
    if step.id == DATABASE:
        return ChangeScripts(
            lambda context: past.restore_database(context, stages),
            guard_without_files,
            lambda result, context: _with_database(step, result, context),
        )
    kind = registry()[step.kind]

    def script(context: Context) -> Script:
        files = past.restore_files(step, _files(context))
        if not (past.undo.database and past.database):
            return files
        database = past.restore_database(context, stages)
        return Script(text=f"(\n{files.text}\n)\nstatus=$?\n(\n{database.text}\n)\nexit $status\n")

    def guard(context: Context, tag: str) -> Guard | None:
        return kind.guard(step, _files(context), tag)

    def understand(result: Result, context: Context) -> StepOutcome:
        return _with_database(step, result, context, kind.understand(step, result, _files(context)))

    return ChangeScripts(script, guard, understand)


def _files(context: Context) -> Context:
    changes = tuple(change for change in context.plan.changes if change.item != DATABASE)
    return replace(context, plan=replace(context.plan, changes=changes))


def _with_database(
    step: Step, result: Result, context: Context, files: StepOutcome | None = None
) -> StepOutcome:
    """Return the outcome of a step with that of the database, if the plan has it."""
    found = parse_database(result.output, context.mark)
    outcome, why = Outcome.FAILED, found.why or "the host did not report how it ended"
    if found.stage:
        lost = f"; lost with it: {counted(found.lost)}" if found.lost else ""
        outcome, why = Outcome.CHANGED, f"{found.extent} restored{lost}"
    elif found.state == "unchanged":
        outcome, why = Outcome.OK, "nothing in it differs"
    mine = tuple(ChangeOutcome.of(c, outcome, why) for c in context.plan.changes if c.item == DATABASE)
    files = files or StepOutcome(step=step.id, outcome=outcome, why=why)
    return replace(files, changes=(*files.changes, *mine))
