"""A step that changes a site: all at once first, and where that breaks something, the culprits are found.

What stays was looked at, what broke the site was taken back and is held, and each item has its own outcome.
The site and the ledger's holds are the memory: after a crash the same code reads both and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.cleanup import tidy_host
from runner.apply.probe import see_before
from runner.apply.rerun import again
from runner.apply.retry import counted, paused, wanted
from runner.apply.segment import close_job, let_forget, span_of
from runner.apply.transaction.transaction import judge_kept, take_back, try_changes
from runner.apply.transaction.trial import Kept, State, Trial
from runner.errors import HostError
from runner.execute import UNSEEN, DiedError, JobRecord
from runner.inspect.facts import reread
from runner.inspect.identity import why_unseen
from runner.load import thaw_as
from runner.model import UNREPEATED, Change, ChangeOutcome, Outcome, SiteFacts, Step, StepOutcome, worst
from runner.plan import (
    UNUSABLE,
    Segment,
    Tried,
    is_unusable,
    not_looked_at,
    not_unseen,
    search,
    unhealthy,
)
from runner.steps import Context, registry
from runner.steps.wordpress.verdict import on_disk, suspects

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.record import SegmentView
    from runner.verify import Signals

__all__ = ["JOBS", "carry_changes", "close_open_jobs", "not_kept"]

JOBS = 1000
"""Jobs of a segment are numbered from its own number times this."""


_NO_VERDICT = {
    "cancelled": Outcome.CANCELLED,
    "died": Outcome.FAILED,
    "failed": Outcome.FAILED,
    "nospace": Outcome.FAILED,
}
"""Why changes may be taken back that nobody found fault with: nothing is held against them."""


def carry_changes(ctx: SiteContext, part: Segment) -> tuple[tuple[StepOutcome, ...], SiteFacts | None]:
    """Carry the one step of a segment whose changes are transactions, and write down how it ended.

    Returns:
        Its outcome, and the site as it was read last.

    Raises:
        LockedError, LostError, UnreachableError: as `try_changes`.
    """
    (step,) = part.steps
    work = _Work(ctx, part, step)
    outcome = work.carry()
    ctx.journal.step_finished(outcome)
    tidy_host(ctx)
    return (outcome,), work.facts


class _Work:
    def __init__(self, ctx: SiteContext, part: Segment, step: Step) -> None:
        self.ctx, self.part, self.step = ctx, part, step
        self.kind = registry()[step.kind]
        self.outcomes: dict[str, ChangeOutcome] = {}
        self.output: list[str] = []
        self.notes: list[str] = []
        """What is said beside the outcome."""
        self.trials = self.looks = 0
        self.broken = False
        """The site could not be brought back to what it was."""
        self.facts = ctx.facts

    def carry(self) -> StepOutcome:
        began = time.monotonic()
        pending = self.ctx.plan.pending(self.step.id)
        if pending and self.ctx.attempt > 1:
            pending = self._left(pending)
        if not pending and not self.outcomes:
            return self._idle()
        self.ctx.journal.emit("step.started", self.step.id)
        number, outcome = 1, self._carry_once(pending, began)
        while (left := self._failed(pending)) and wanted(self.ctx, self.step, outcome, number):
            if not paused(self.ctx, self.step, outcome, number):
                break
            number, outcome = number + 1, self._carry_once(left, began)
        return counted(self.step, outcome, number)

    def _carry_once(self, pending: Sequence[Change], began: float) -> StepOutcome:
        for change in pending:
            self.outcomes.pop(change.item, None)
        trouble = self._try_all(pending) if pending else ""
        return self._outcome(trouble, round(time.monotonic() - began, 3))

    def _failed(self, pending: Sequence[Change]) -> tuple[Change, ...]:
        """What may be tried again: what did not happen. What was taken back is settled."""
        if self.broken:
            return ()
        return tuple(c for c in pending if self.outcomes[c.item].outcome is Outcome.FAILED)

    def _try_all(self, pending: Sequence[Change]) -> str:
        """Search for what may stay; returns why the site is not well, where it is not."""
        if self.facts is None:
            raise HostError("the site was not read")
        seen = see_before(replace(self.ctx, facts=self.facts))
        self.looks += 1
        if seen.findings:
            why = unhealthy(seen.findings)
            self._all(pending, Outcome.FAILED, why)
            return why
        pending = self._that_may_go(pending, seen)
        if not pending:
            return ""
        state = State(self.facts, seen)
        driver, failed = search(pending), ""
        try:
            group = next(driver)
            while True:
                if self.ctx.stop.asked.is_set():
                    self._all(pending, Outcome.CANCELLED, "the run was cancelled")
                    return ""
                trial = self._try(group, state)
                state = trial.state
                self.facts = state.facts
                self.broken = not trial.healthy
                if self.broken:
                    self.outcomes |= not_kept(group, Outcome.FAILED, trial)
                    self._all(pending, Outcome.FAILED, trial.why)
                    return trial.why
                if trial.by in _NO_VERDICT:
                    self.outcomes |= not_kept(group, _NO_VERDICT[trial.by], trial)
                    self._all(pending, _NO_VERDICT[trial.by], trial.why)
                    return "" if trial.by == "cancelled" else trial.why
                self._settle(group, trial)
                failed = failed or ("" if trial.kept else trial.why)
                group = driver.send(Tried(trial.kept, () if trial.kept else suspects(group, trial.why)))
        except StopIteration:
            self._tell_unrepeated(pending, failed)
            return ""

    def _tell_unrepeated(self, pending: Sequence[Change], failed: str) -> None:
        """A failure that nothing was found guilty of stands with the first item that stayed."""
        found = [self.outcomes[change.item] for change in pending]
        stayed = next((one for one in found if one.outcome is Outcome.CHANGED), None)
        if failed and stayed and not any(one.outcome is Outcome.UNDONE for one in found):
            why = f"{UNREPEATED}: {failed}; not seen again"
            self.outcomes[stayed.item] = replace(stayed, why=why)

    def _that_may_go(self, pending: Sequence[Change], seen: Signals) -> Sequence[Change]:
        """All that may be tried, by what can be seen of the site and its network."""
        if self.facts and (left := not_looked_at(self.facts)):
            self.output.append(f"{left} of the network's {self.facts.network_size} sites were not looked at")
        why = seen.unverified or why_unseen(self.ctx.site, self.ctx.facts)
        return self._unless_unseen(pending, why) if why else pending

    def _unless_unseen(self, pending: Sequence[Change], why: str) -> tuple[Change, ...]:
        """What the policy lets go although nobody can see what it does; the rest is settled."""
        order = self.ctx.order
        repeated = again(order, self.ctx.site.name, "--unverified")
        held = not_unseen(pending, order.policy.unverified, why=self.ctx.journal.reason(why), again=repeated)
        self.outcomes |= held
        return tuple(change for change in pending if change.item not in held)

    def _try(self, group: tuple[Change, ...], state: State) -> Trial:
        self.trials += 1
        number = self.part.number * JOBS + self.trials
        trial = try_changes(self.ctx, self.step, number, group, state)
        self.looks += trial.looks
        if trial.outcome.output:
            self.output.append(trial.outcome.output)
        return trial

    def _settle(self, group: tuple[Change, ...], trial: Trial) -> None:
        self.notes += filter(None, (trial.unpurged, self.ctx.journal.reason(trial.unkept)))
        if trial.kept:
            found = {change.item: change for change in trial.outcome.changes}
            for change in group:
                outcome, why = _told(found.get(change.item), trial, len(group))
                if is_unusable(why) and outcome is Outcome.FAILED:
                    self._hold(change, f"{UNUSABLE}: {why}")
                told = ChangeOutcome.of(change, outcome, why)
                seen = outcome is not Outcome.CHANGED
                self.outcomes[change.item] = told if seen else replace(told, unverified=trial.unverified)
        elif len(group) == 1:
            self._hold(group[0], trial.why)
            self.outcomes |= not_kept(group, Outcome.UNDONE, trial)

    def _hold(self, change: Change, why: str) -> None:
        self.ctx.journal.hold(change, why)

    def _left(self, pending: Sequence[Change]) -> tuple[Change, ...]:
        """What an earlier attempt has not settled; settles the rest by the site as it is now."""
        for segment, record in close_open_jobs(self.ctx, self.part.number):
            self._go_on(segment, record, pending)
        ctx, now = self.ctx, reread(self.ctx.remote, self.ctx.prober, self.ctx.site)
        self.facts = now
        holds = ctx.journal.ledger.list_holds(ctx.site.name, run=ctx.run)
        held = {(hold.item, hold.version): hold.why for hold in holds}
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

    def _go_on(self, segment: SegmentView, record: JobRecord, pending: Sequence[Change]) -> None:
        """What a host kept while nobody looked is looked at now, and taken back where it broke the site.

        What it was in the middle of when all its processes were killed is taken back, to be tried again.
        """
        kept = thaw_as(Kept, segment.trial) if segment.trial else None
        group = tuple(change for change in pending if kept and change.item in kept.items)
        if kept is None or not group or self.facts is None:
            close_job(self.ctx, segment.number, segment.job, record.status)
            return
        state = State(self.facts, kept.seen)
        settle = judge_kept if record.decided == UNSEEN else take_back
        trial = settle(self.ctx, self.step, segment.number, group, state, tag=kept.tag)
        let_forget(self.ctx, segment.number, segment.job)
        self.looks += trial.looks
        self.broken = not trial.healthy
        if self.broken:
            self.outcomes |= not_kept(group, Outcome.FAILED, trial)
        elif record.decided == UNSEEN:
            self._settle(group, trial)

    def _idle(self) -> StepOutcome:
        host = self.ctx.remote.host
        return self.kind.idle(self.step, Context(site=self.ctx.site, host=host, plan=self.ctx.plan))

    def _outcome(self, trouble: str, seconds: float) -> StepOutcome:
        idle = {change.item: change for change in self._idle().changes}
        mine = self.ctx.plan.of(self.step.id)
        changes = tuple(
            found for c in mine if (found := self.outcomes.get(c.item) or idle.get(c.item)) is not None
        )
        settled = [c.outcome for c in changes if c.outcome not in {Outcome.SKIPPED, Outcome.HELD}]
        rest = [c.outcome for c in self.outcomes.values()]
        decisive = Outcome.FAILED if trouble else worst(settled or rest)
        first = next((c for c in changes if c.outcome is decisive and c.why), None)
        why = trouble or (f"{first.item}: {first.why}" if first else "")
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

    def _all(self, changes: Sequence[Change], outcome: Outcome, why: str) -> None:
        for change in changes:
            self.outcomes.setdefault(change.item, ChangeOutcome.of(change, outcome, why))

    def _set(self, change: Change, outcome: Outcome, why: str) -> None:
        self.outcomes[change.item] = ChangeOutcome.of(change, outcome, why)


def close_open_jobs(ctx: SiteContext, part: int) -> list[tuple[SegmentView, JobRecord]]:
    """A trial that an earlier attempt began is taken back if it still waits, and is then tried again.

    Returns:
        Those that their hosts kept while nobody looked, and those of which everything was killed; they are
        still open.
    """
    unseen = []
    for segment in ctx.journal.jobs():
        if segment.number // JOBS == part and segment.state == "started":
            try:
                record = ctx.remote.attach(segment.job, span=span_of(segment), verdict=lambda _: "undo")
            except DiedError as error:
                unseen.append((segment, error.record))
                continue
            if record and record.decided == UNSEEN:
                unseen.append((segment, record))
            else:
                close_job(ctx, segment.number, segment.job, record.status if record else "absent")
    return unseen


def not_kept(group: Sequence[Change], outcome: Outcome, trial: Trial) -> dict[str, ChangeOutcome]:
    """How changes ended that were taken back: only what was read again is certain to be as it was."""
    found = {c.item: on_disk(c, trial.reread)[0] if trial.reread else None for c in group}
    return {
        c.item: ChangeOutcome.of(c, outcome, trial.why, uncertain=found[c.item] != c.from_version)
        for c in group
    }


def _told(found: ChangeOutcome | None, trial: Trial, count: int) -> tuple[Outcome, str]:
    """An item's own outcome in a trial of so many that was kept."""
    if found is None:
        return trial.outcome.outcome, trial.outcome.why
    slower = trial.slower if found.outcome is Outcome.CHANGED else ""
    if slower and count > 1:
        slower += f" (with one of {count} updates made together)"
    return found.outcome, found.why or slower
