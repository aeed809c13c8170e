"""One step of an undo carried out, as a transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.jobs import acknowledge, end_job, trial_number
from runner.apply.probe import see_before
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
from runner.verify import shut_since

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["plan_undo", "undo_step"]


def plan_undo(ctx: SiteContext) -> SiteContext:
    """The task with its plan and facts: those on record, or read now and put on record."""
    journal, run, site = ctx.journal, ctx.run, ctx.site.name
    stored, facts_then = journal.ledger.plan_of(run, site), journal.ledger.facts_of(run, site)
    if stored is not None:
        return replace(ctx, plan=stored, facts=thaw_as(SiteFacts, facts_then) if facts_then else None)
    preview = preview_undo(ctx.remote, lambda _: ctx.prober, journal.ledger, ctx.order, ctx.site)
    facts = preview.facts
    if facts is None and ctx.site.kind is SiteKind.WORDPRESS:
        # a site that is too dead to be read is put back all the same, measured by what it was
        facts = UndoneRun.of(journal.ledger, ctx.order, ctx.site).facts
    journal.planned(preview.plan, facts)
    journal.announce_plan(preview.plan)
    return replace(ctx, plan=preview.plan, facts=facts)


def undo_step(ctx: SiteContext, part: Segment) -> tuple[tuple[StepOutcome, ...], SiteFacts | None]:
    """Put one step of the earlier run back, and write down how it ended.

    Raises:
        LockedError, LostError, UnreachableError: as `try_changes`.
    """
    (step,) = part.steps
    began, facts, pending = time.monotonic(), ctx.facts, ctx.plan.pending(step.id)
    settled = [
        ChangeOutcome.of(change, Outcome.HELD, change.why)
        for change in ctx.plan.of(step.id)
        if change not in pending
    ]
    problem = ""
    if pending:
        ctx.journal.emit("step.started", step.id)
        if facts is None:
            raise HostError("the site was not read")
        scripts = _scripts(ctx, step)
        if ctx.attempt > 1:
            _close_open(ctx, part, pending, facts, scripts)
        seen = see_before(ctx)
        number, before = trial_number(part.number, ctx.attempt), SiteBaseline(facts, seen)
        trial = Trial(ctx, step, number, pending, before, scripts=scripts).try_changes()
        facts, problem = trial.state.facts, _problem(ctx, trial)
        ends = _settled(pending, trial)
        _hold(ctx, ends)
        settled += ends
    outcome = StepOutcome(
        step=step.id,
        outcome=Outcome.FAILED if problem else worst(change.outcome for change in settled),
        why=problem or next((f"{c.item}: {c.why}" for c in settled if c.why), ""),
        seconds=round(time.monotonic() - began, 3) if pending else None,
        changes=tuple(settled),
    )
    ctx.journal.step_finished(outcome)
    return (outcome,), facts


def _close_open(
    ctx: SiteContext, part: Segment, pending: tuple[Change, ...], facts: SiteFacts, scripts: ChangeScripts
) -> None:
    """What an earlier attempt left open is done again; where all of it was killed, it is taken back first."""
    (step,) = part.steps
    for segment, record in end_started_trials(ctx, part.number):
        if segment.trial is None or record.decided == UNSEEN:
            end_job(ctx, segment.number, segment.job, record.status)
        else:
            kept = thaw_as(TrialRecord, segment.trial)
            state = SiteBaseline(facts, kept.seen)
            Trial(ctx, step, segment.number, pending, state, scripts=scripts).roll_back(kept.tag)
            acknowledge(ctx, segment.number, segment.job)


def _settled(pending: Sequence[Change], trial: TrialResult) -> list[ChangeOutcome]:
    """Each item's end: what is as it was is `undone`, also where the site is not well with it."""
    found = {change.item: change for change in trial.outcome.changes}
    ends = []
    for change in pending:
        end = found.get(change.item)
        if not trial.kept or end is None:
            why = trial.why or trial.outcome.why
            ends.append(
                ChangeOutcome.of(
                    change, Outcome.CANCELLED if trial.by == "cancelled" else Outcome.FAILED, why
                )
            )
        elif end.outcome is Outcome.CHANGED:
            ends.append(replace(end, outcome=Outcome.UNDONE, unverified=trial.unverified))
        else:
            ends.append(end)
    return ends


def _problem(ctx: SiteContext, trial: TrialResult) -> str:
    """Why the site is not well now."""
    if trial.by == "cancelled":
        return ""
    findings = trial.why or trial.outcome.why
    if trial.kept:
        seen = trial.state.seen
        findings = "; ".join(seen.findings) or shut_since(health_before(ctx, seen), seen)
    if not findings:
        return ""
    undo = ctx.order.undo
    repeated = ""
    if undo and not undo.database:
        repeated = rerun_command(ctx.order, ctx.site.name, "--database")
    told = f"{findings}; to put the database back too: {repeated}" if repeated else findings
    return f"the site is not well with what was put back: {told}" if trial.kept else f"left as it was: {told}"


def _hold(ctx: SiteContext, settled: Sequence[ChangeOutcome]) -> None:
    """What somebody took back is not installed again tonight; what is put back again is no longer held."""
    ledger, site, undo = ctx.journal.ledger, ctx.site.name, ctx.order.undo
    for change in settled:
        if undo is None or change.outcome is not Outcome.UNDONE or change.kind is ItemKind.DATABASE:
            continue
        if thaw(ledger.order_text(undo.run)).undo:
            ledger.lift_hold(site, change.item, run=ctx.run)
        else:
            why = f"{BY_HAND} ({ledger.operator.name}, {ctx.run})"
            since = ctx.journal.now()
            ledger.add_hold(site, change.item, change.from_version, why=why, since=since, run=ctx.run)


def _scripts(ctx: SiteContext, step: Step) -> ChangeScripts:
    """Files first, then the database where that is wanted, in one transaction: neither may suffice alone."""
    past = UndoneRun.of(ctx.journal.ledger, ctx.order, ctx.site)
    names = [one.id for one in ctx.order.playbook.steps]
    rest = names[names.index(step.id) + 1 :]
    # code that is still new may not work with the old data: that is no reason to go further
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
    """The outcome of a step with what became of the database, where it was its turn."""
    found = parse_database(result.output, context.mark)
    outcome, why = Outcome.FAILED, found.why or "the host did not say how it ended"
    if found.stage:
        lost = f"; lost with it: {counted(found.lost)}" if found.lost else ""
        outcome, why = Outcome.CHANGED, f"{found.extent} put back{lost}"
    elif found.state == "unchanged":
        outcome, why = Outcome.OK, "nothing in it differs"
    mine = tuple(ChangeOutcome.of(c, outcome, why) for c in context.plan.changes if c.item == DATABASE)
    files = files or StepOutcome(step=step.id, outcome=outcome, why=why)
    return replace(files, changes=(*files.changes, *mine))
