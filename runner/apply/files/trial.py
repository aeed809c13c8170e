"""A release as a transaction: switch to it, check the site while the job waits, then keep or switch back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.apply.probe import check_site, compare_with_baseline, record_checks, take_baseline
from runner.apply.rerun import rerun_command
from runner.apply.transaction.caches import purge_now, unpurged
from runner.apply.transaction.trial import first_undone_run
from runner.errors import HostError
from runner.execute import UNSEEN, Awaiting, Command, JobRecord, Verdict
from runner.load import freeze, thaw_as
from runner.model import ChangeOutcome, Outcome, Step, StepOutcome
from runner.plan import unverified_outcome
from runner.steps.static.layout import Layout, SwitchOrder
from runner.steps.static.switch import back_script
from runner.verify import Signals, newly_refused

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["ReleaseTrial", "undone_outcome"]

_LIMIT = 60
_PATIENCE = 0.0
"""Seconds: a second failed check confirms the first; files need no longer wait."""


@dataclass(frozen=True, slots=True)
class _StoredTrial:
    """A trial as stored in the ledger, for a later attempt to judge the release."""

    before: Signals | None
    """The baseline; None if the release is not compared with the site before."""
    back: str
    """The script that switches back."""
    first: Signals | None = None
    """Results of the health check before, also if they are not the baseline."""


class ReleaseTrial:
    """The health checks of one release.

    Args:
        ctx: the site.
        order: what its job switches to; None over SFTP, and for a job that was started before.
        compare: whether the site is compared with how it was before; not if the release may be another site.
        stored: `stored` of the attempt that started the job.
    """

    wait = 90
    """Seconds of silence after which the host keeps the release, which it has read again file by file."""

    def __init__(
        self,
        ctx: SiteContext,
        order: SwitchOrder | None = None,
        *,
        compare: bool = True,
        stored: str | None = None,
    ) -> None:
        self.ctx, self.compare = ctx, compare
        self.why = self.back = self.unverified = ""
        self.before: Signals | None = None
        self.first: Signals | None = None
        self.seen: Signals | None = None
        if stored:
            known = thaw_as(_StoredTrial, stored)
            self.before, self.back, self.first = known.before, known.back, known.first
        if order is not None:
            self.back = back_script(Layout.of(ctx.site.path), order)
            self.check_before()

    @property
    def stored(self) -> str:
        """The text that is stored in the ledger, for a later attempt to judge the job."""
        return freeze(_StoredTrial(self.before, self.back, self.first))

    @property
    def undo(self) -> tuple[Command, ...]:
        """The command that switches back."""
        limit = self.ctx.remote.limit(_LIMIT)
        return (Command("back", self.back, timeout=limit),) if self.back else ()

    def check_before(self) -> None:
        """Check the site before the release; the result is the baseline if it is compared."""
        seen = take_baseline(self.ctx, times=False)
        self.first, self.before = seen, seen if self.compare else None
        self.unverified = self.ctx.journal.reason(seen.unverified)

    def refused_unverified(self, step: Step) -> StepOutcome | None:
        """Return the outcome if the release cannot be verified and the policy does not permit that."""
        order = self.ctx.order
        repeated = rerun_command(order, self.ctx.site.name, "--unverified")
        found = unverified_outcome(order.policy.unverified, why=self.unverified, again=repeated)
        if not self.unverified or order.undo or found is None:
            return None
        outcome, why = found
        return StepOutcome(step=step.id, outcome=outcome, why=why, seconds=0.0)

    def judge(self, _: Awaiting) -> Verdict:
        """Check the site; undo if it is worse than before."""
        self.why = self.check("after")
        return "undo" if self.why else "keep"

    def check(self, phase: str) -> str:
        """Check the site; return what is wrong with it, empty for nothing."""
        if self.before is not None:
            seen, found = compare_with_baseline(self.ctx, self.before, phase, patience=_PATIENCE)
        else:
            seen = check_site(self.ctx)
            record_checks(self.ctx, seen, phase)
            found = "; ".join(seen.findings) or newly_refused(self.first or seen, seen)
        self.seen = seen
        self.unverified = self.ctx.journal.reason(seen.unverified)
        return found

    def final_outcome(self, record: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """Return the step's outcome after the job has ended; check a release that the host kept by itself."""
        if outcome.outcome is not Outcome.CHANGED:
            return outcome
        if record.decided is None or record.decided.verdict == "keep":
            self.why = self.check("after") if record.decided == UNSEEN else ""
            if not self.why:
                outcome = self.with_unverified(_with_reason(outcome, unpurged(purge_now(self.ctx, None))))
                return self._undo_outcome(outcome) if self.ctx.order.undo else outcome
            switched = self._switch_back()
        else:
            back = record.commands.get("back")
            switched = back is not None and back.ok
        why = self.why or f"its host decided ({record.decided.by if record.decided else record.status})"
        if not switched:
            found = undone_outcome(outcome, why, "the link could not be switched back")
            return replace(found, changes=tuple(replace(one, uncertain=True) for one in found.changes))
        if self.ctx.order.undo:
            return _with_outcome(outcome, Outcome.FAILED, f"left as it was: {why}")
        purge = unpurged(purge_now(self.ctx, None))
        return undone_outcome(outcome, "; ".join(filter(None, (why, purge))), self.check("undo"))

    def _undo_outcome(self, outcome: StepOutcome) -> StepOutcome:
        """Return the outcome of an undo that was kept: `failed` if the site is unhealthy with it."""
        if self.seen is None:
            return _with_outcome(outcome, Outcome.UNDONE, "")
        ledger, first = self.ctx.journal.ledger, first_undone_run(self.ctx)
        segments = ledger.jobs.list(first, ledger.websites.name_in_run(first, self.ctx.site.name))
        then = next((thaw_as(_StoredTrial, one.trial).first for one in segments if one.trial), None)
        why = "; ".join(self.seen.findings) or newly_refused(then or self.seen, self.seen)
        undone = _with_outcome(outcome, Outcome.UNDONE, "")
        if not why:
            return undone
        return replace(undone, outcome=Outcome.FAILED, why=f"the site is unhealthy after the undo: {why}")

    def with_unverified(self, outcome: StepOutcome) -> StepOutcome:
        """Return the outcome of a release that was kept, with why it could not be verified."""
        changes = tuple(replace(change, unverified=self.unverified) for change in outcome.changes)
        return replace(outcome, changes=changes)

    def _switch_back(self) -> bool:
        """Switch back after the job has kept a release that turned out to be bad; False if that failed."""
        if not self.undo:
            return False
        try:
            return self.ctx.remote.read(self.undo)["back"].ok
        except HostError:
            return False


def _with_reason(outcome: StepOutcome, why: str) -> StepOutcome:
    return replace(outcome, why="; ".join(filter(None, (outcome.why, why))))


def undone_outcome(outcome: StepOutcome, why: str, broken: str) -> StepOutcome:
    """Return the outcome of a release that was switched back: `failed` if the site is still `broken`."""
    if broken:
        return _with_outcome(outcome, Outcome.FAILED, f"{why}; and after it was switched back: {broken}")
    return _with_outcome(outcome, Outcome.UNDONE, why)


def _with_outcome(outcome: StepOutcome, result: Outcome, why: str) -> StepOutcome:
    changes: tuple[ChangeOutcome, ...] = tuple(
        replace(change, outcome=result, why=why) for change in outcome.changes
    )
    return replace(outcome, outcome=result, why=f"release: {why}" if why else "", changes=changes)
