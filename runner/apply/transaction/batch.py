"""A step that changes a site: all changes together; if they break the site, the culprits are searched.

Changes that pass the check are kept; those that broke the site are rolled back and held. Each item has an
outcome of its own. No other state is stored: after a crash the same code reads the site and the ledger's
holds and continues.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.cleanup import collect_garbage
from runner.apply.jobs import acknowledge, end_job, jobs_of_part, span_of, trial_number
from runner.apply.probe import take_baseline
from runner.apply.rerun import rerun_command
from runner.apply.retry import Try, run_with_retries
from runner.apply.transaction.transaction import Trial
from runner.apply.transaction.trial import SiteBaseline, TrialRecord, TrialResult
from runner.errors import HostError
from runner.execute import UNSEEN, DiedError, JobRecord
from runner.inspect.facts import reread
from runner.inspect.identity import why_unverifiable
from runner.load import thaw_as
from runner.model import (
    UNREPEATED,
    Change,
    ChangeOutcome,
    Outcome,
    Phase,
    SiteFacts,
    Step,
    StepOutcome,
    worst,
)
from runner.plan import (
    UNUSABLE,
    GroupResult,
    Segment,
    bisect,
    count_unchecked,
    is_unusable,
    unhealthy,
    unverified_outcomes,
)
from runner.steps import Context, registry
from runner.steps.wordpress.verdict import on_disk, suspects

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.record import SegmentView
    from runner.verify import Signals

__all__ = ["apply_changes", "end_started_trials", "not_kept"]

_NO_VERDICT = {
    "cancelled": Outcome.CANCELLED,
    "died": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "nospace": Outcome.FAILED,
    "nofolder": Outcome.FAILED,
    "public": Outcome.FAILED,
}
"""Outcome of changes that were rolled back for another reason than damage, by who decided; not held."""


def apply_changes(ctx: SiteContext, part: Segment) -> tuple[tuple[StepOutcome, ...], SiteFacts | None]:
    """Run the one step of a segment whose changes are transactions, and record its outcome.

    Returns:
        The outcome, and the facts that were read last.

    Raises:
        LockedError, LostError, UnreachableError: as `Trial.try_changes`.
    """
    (step,) = part.steps
    batch = _BatchUpdate(ctx, part, step)
    outcomes = batch.run()
    collect_garbage(ctx)
    return outcomes, batch.facts


class _BatchUpdate:
    def __init__(self, ctx: SiteContext, part: Segment, step: Step) -> None:
        self.ctx, self.part, self.step = ctx, part, step
        self.kind = registry()[step.kind]
        self.outcomes: dict[str, ChangeOutcome] = {}
        self.output: list[str] = []
        self.notes: list[str] = []
        """Added to the reason of the step."""
        self.trials = self.looks = 0
        self.broken = False
        """A rollback did not make the site healthy again."""
        self.facts = ctx.facts

    def run(self) -> tuple[StepOutcome, ...]:
        pending = self.ctx.plan.pending(self.step.id)
        if pending and self.ctx.attempt > 1:
            pending = self._unsettled(pending)
        if not pending and not self.outcomes:
            return self.ctx.journal.steps_finished((self._idle(),))
        self.ctx.journal.step_started(self.step.id)
        started = time.monotonic()

        def run_once(number: int) -> Try:
            left = pending if number == 1 else self._failed(pending)
            return Try((self._run_once(left, started),), self.ctx.journal.steps_finished)

        return run_with_retries(self.ctx, self.step, run_once, retriable=lambda: bool(self._failed(pending)))

    def _run_once(self, pending: Sequence[Change], started: float) -> StepOutcome:
        for change in pending:
            self.outcomes.pop(change.item, None)
        if self.ctx.stop.asked.is_set():
            self._settle_rest(pending, Outcome.CANCELLED, self.ctx.stop.why)
            pending = ()
        problem = self._try_all(pending) if pending else ""
        return self._outcome(problem, round(time.monotonic() - started, 3))

    def _failed(self, pending: Sequence[Change]) -> tuple[Change, ...]:
        """Return the changes that may be tried again: those that did not happen, not those rolled back."""
        if self.broken:
            return ()
        return tuple(c for c in pending if self.outcomes[c.item].outcome is Outcome.FAILED)

    def _try_all(self, pending: Sequence[Change]) -> str:
        """Try the changes in groups until all have an outcome; return why the site is unhealthy, if it is."""
        if self.facts is None:
            raise HostError("the site's facts were not read")
        self.ctx.journal.progress(self.step.id, Phase.CHECKING)
        seen = take_baseline(replace(self.ctx, facts=self.facts))
        self.looks += 1
        if seen.findings:
            why = unhealthy(seen.findings)
            self._settle_rest(pending, Outcome.FAILED, why)
            return why
        pending = self._permitted(pending, seen)
        return self._bisect(pending, SiteBaseline(self.facts, seen)) if pending else ""

    def _bisect(self, pending: Sequence[Change], state: SiteBaseline) -> str:
        """Let `bisect` choose each group by the result of the one before it."""
        groups, failed = bisect(pending), ""
        try:
            group = next(groups)
            while True:
                if self.ctx.stop.asked.is_set():
                    self._settle_rest(pending, Outcome.CANCELLED, self.ctx.stop.why)
                    return ""
                result = self._try(group, state)
                state = result.state
                self.facts = state.facts
                self.broken = not result.healthy
                if self.broken or result.by in _NO_VERDICT:
                    return self._give_up(pending, group, result)
                self._settle(group, result)
                failed = failed or ("" if result.kept else result.why)
                group = groups.send(
                    GroupResult(result.kept, () if result.kept else suspects(group, result.why))
                )
        except StopIteration:
            self._note_unrepeated(pending, failed)
            return ""

    def _give_up(self, pending: Sequence[Change], group: tuple[Change, ...], result: TrialResult) -> str:
        """Settle all changes that are left; return why the site is still unhealthy, if it is."""
        outcome = Outcome.FAILED if self.broken else _NO_VERDICT[result.by]
        self.outcomes |= not_kept(group, outcome, result)
        self._settle_rest(pending, outcome, result.why)
        return "" if result.by == "cancelled" and not self.broken else result.why

    def _note_unrepeated(self, pending: Sequence[Change], failed: str) -> None:
        """Note a failure that did not happen again, in the outcome of the first item that was kept."""
        found = [self.outcomes[change.item] for change in pending]
        kept = next((one for one in found if one.outcome is Outcome.CHANGED), None)
        if failed and kept and not any(one.outcome is Outcome.UNDONE for one in found):
            why = f"{UNREPEATED}: {failed}; not seen again"
            self.outcomes[kept.item] = replace(kept, why=why)

    def _permitted(self, pending: Sequence[Change], seen: Signals) -> Sequence[Change]:
        """Return the changes that may be tried, by what the health check can verify of site and network."""
        if self.facts and (left := count_unchecked(self.facts)):
            self.output.append(f"{left} of the network's {self.facts.network_size} sites were not checked")
        why = seen.unverified or why_unverifiable(self.ctx.site, self.ctx.facts)
        return self._permitted_unseen(pending, why) if why else pending

    def _permitted_unseen(self, pending: Sequence[Change], why: str) -> tuple[Change, ...]:
        """Return the changes that the policy permits although they cannot be verified; settle the rest."""
        order = self.ctx.order
        repeated = rerun_command(order, self.ctx.site.name, "--unverified")
        held = unverified_outcomes(
            pending, order.policy.unverified, why=self.ctx.journal.reason(why), again=repeated
        )
        self.outcomes |= held
        return tuple(change for change in pending if change.item not in held)

    def _try(self, group: tuple[Change, ...], state: SiteBaseline) -> TrialResult:
        self.trials += 1
        number = trial_number(self.part.number, self.trials)
        result = Trial(self.ctx, self.step, number, group, state).try_changes()
        self.looks += result.looks
        if result.outcome.output:
            self.output.append(result.outcome.output)
        return result

    def _settle(self, group: tuple[Change, ...], result: TrialResult) -> None:
        self.notes += filter(None, (result.unpurged, self.ctx.journal.reason(result.unkept)))
        if result.kept:
            found = {change.item: change for change in result.outcome.changes}
            for change in group:
                self._settle_kept(change, found.get(change.item), result, len(group))
        elif len(group) == 1:
            self.ctx.journal.hold(group[0], result.why)
            self.outcomes |= not_kept(group, Outcome.UNDONE, result)

    def _settle_kept(
        self, change: Change, found: ChangeOutcome | None, result: TrialResult, count: int
    ) -> None:
        outcome, why = _own_outcome(found, result, count)
        if is_unusable(why) and outcome is Outcome.FAILED:
            self.ctx.journal.hold(change, f"{UNUSABLE}: {why}")
        unverified = result.unverified if outcome is Outcome.CHANGED else ""
        settled = ChangeOutcome.of(change, outcome, why)
        self.outcomes[change.item] = replace(settled, unverified=unverified) if unverified else settled

    def _unsettled(self, pending: Sequence[Change]) -> tuple[Change, ...]:
        """Return the changes that an earlier attempt left open; settle the others by the site's facts."""
        for job, record in end_started_trials(self.ctx, self.part.number):
            self._review(job, record, pending)
        ctx, now = self.ctx, reread(self.ctx.remote, self.ctx.prober, self.ctx.site)
        self.facts = now
        holds = ctx.journal.ledger.holds.list(ctx.site.name, run=ctx.run)
        held = {(hold.item, hold.version): hold.why for hold in holds if hold.operator is None}
        left = []
        for change in pending:
            if change.item in self.outcomes:
                continue
            if (change.item, change.to_version) in held:
                why = held[change.item, change.to_version]
                self._set(change, Outcome.FAILED if why.startswith(UNUSABLE) else Outcome.UNDONE, why)
            elif on_disk(change, now)[0] == change.to_version:
                self._set(change, Outcome.CHANGED, "")
            else:
                left.append(change)
        return tuple(left)

    def _review(self, job: SegmentView, record: JobRecord, pending: Sequence[Change]) -> None:
        """Check changes that the host kept without the controller; roll them back if they broke the site.

        Changes whose job was killed are rolled back, to be tried again.
        """
        kept = thaw_as(TrialRecord, job.trial) if job.trial else None
        group = tuple(change for change in pending if kept and change.item in kept.items)
        if kept is None or not group or self.facts is None:
            end_job(self.ctx, job.number, job.job, record.status)
            return
        trial = Trial(self.ctx, self.step, job.number, group, SiteBaseline(self.facts, kept.seen))
        unattended = record.decided == UNSEEN
        result = trial.review_unattended(kept.tag) if unattended else trial.roll_back(kept.tag)
        acknowledge(self.ctx, job.number, job.job)
        self.looks += result.looks
        self.broken = not result.healthy
        if self.broken:
            self.outcomes |= not_kept(group, Outcome.FAILED, result)
        elif unattended:
            self._settle(group, result)

    def _idle(self) -> StepOutcome:
        host = self.ctx.remote.host
        return self.kind.idle(self.step, Context(site=self.ctx.site, host=host, plan=self.ctx.plan))

    def _outcome(self, problem: str, seconds: float) -> StepOutcome:
        idle = {change.item: change for change in self._idle().changes}
        mine = self.ctx.plan.of(self.step.id)
        changes = tuple(
            found for c in mine if (found := self.outcomes.get(c.item) or idle.get(c.item)) is not None
        )
        settled = [c.outcome for c in changes if c.outcome not in {Outcome.SKIPPED, Outcome.HELD}]
        rest = [c.outcome for c in self.outcomes.values()]
        decisive = Outcome.FAILED if problem else worst(settled or rest)
        first = next((c for c in changes if c.outcome is decisive and c.why), None)
        why = problem or (f"{first.item}: {first.why}" if first else "")
        return StepOutcome(
            step=self.step.id,
            outcome=decisive,
            why="; ".join(dict.fromkeys(filter(None, (why, *self.notes)))),
            seconds=seconds,
            changes=changes,
            output="\n".join(self.output),
            trials=self.trials,
            looks=self.looks,
        )

    def _settle_rest(self, changes: Sequence[Change], outcome: Outcome, why: str) -> None:
        for change in changes:
            self.outcomes.setdefault(change.item, ChangeOutcome.of(change, outcome, why))

    def _set(self, change: Change, outcome: Outcome, why: str) -> None:
        self.outcomes[change.item] = ChangeOutcome.of(change, outcome, why)


def end_started_trials(ctx: SiteContext, part: int) -> list[tuple[SegmentView, JobRecord]]:
    """Roll back trials that an earlier attempt started and that still wait for a verdict.

    Returns:
        Trials that their hosts kept without the controller, and those whose processes were all killed; their
        end is not recorded yet.
    """
    unreviewed = []
    for job in jobs_of_part(ctx, part, trials=True):
        if job.state != "started":
            continue
        try:
            record = ctx.remote.attach(job.job, span=span_of(job), verdict=lambda _: "undo")
        except DiedError as error:
            unreviewed.append((job, error.record))
            continue
        if record and record.decided == UNSEEN:
            unreviewed.append((job, record))
        else:
            end_job(ctx, job.number, job.job, record.status if record else "absent")
    return unreviewed


def not_kept(group: Sequence[Change], outcome: Outcome, result: TrialResult) -> dict[str, ChangeOutcome]:
    """Return the outcomes of changes that were rolled back, uncertain if their version is not as before."""
    found = {c.item: on_disk(c, result.reread)[0] if result.reread else None for c in group}
    return {
        c.item: ChangeOutcome.of(c, outcome, result.why, uncertain=found[c.item] != c.from_version)
        for c in group
    }


def _own_outcome(found: ChangeOutcome | None, result: TrialResult, count: int) -> tuple[Outcome, str]:
    """Return an item's own outcome in a trial that was kept; `count` is the number of its changes."""
    if found is None:
        return result.outcome.outcome, result.outcome.why
    slower = result.slower if found.outcome is Outcome.CHANGED else ""
    if slower and count > 1:
        slower += f" (with one of {count} updates applied together)"
    return found.outcome, found.why or slower
