"""A release as a transaction: switched to, looked at, and kept or switched back while its job waits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.apply.probe import record_looks, see, see_again, see_usual
from runner.apply.rerun import rerun_command
from runner.apply.transaction.caches import purge_now, unpurged
from runner.apply.transaction.trial import first_undone_run
from runner.errors import HostError
from runner.execute import UNSEEN, Awaiting, JobRecord, Verdict
from runner.execute import Task as Command
from runner.load import freeze, thaw_as
from runner.model import ChangeOutcome, Outcome, Step, StepOutcome
from runner.plan import unverified_outcome
from runner.steps.static.layout import Layout, SwitchOrder
from runner.steps.static.switch import back_script
from runner.verify import Signals, shut_since

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["ReleaseTrial", "undone"]

_LIMIT = 60
_PATIENCE = 0.0
"""A second bad look confirms the first; files need no more time than that."""


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What it takes to judge a release later: how the site looked before, where that counts; the way back."""

    before: Signals | None
    back: str
    first: Signals | None = None
    """How it looked before, where that does not count as its measure either."""


class ReleaseTrial:
    """The looks at one release.

    Args:
        ctx: the site.
        order: what its job switches to; None over sftp, and for who joins a job that was begun before.
        measure: whether the site must be as it was, unless the release is meant to be another site.
        remembered: by whoever began the job.
    """

    wait = 90
    """Seconds of silence after which the host keeps a release: it has read it again, file by file."""

    def __init__(
        self,
        ctx: SiteContext,
        order: SwitchOrder | None = None,
        *,
        measure: bool = True,
        remembered: str | None = None,
    ) -> None:
        self.ctx, self.measure = ctx, measure
        self.why = self.back = self.unverified = ""
        self.before: Signals | None = None
        self.first: Signals | None = None
        self.seen: Signals | None = None
        if remembered:
            known = thaw_as(_Remembered, remembered)
            self.before, self.back, self.first = known.before, known.back, known.first
        if order is not None:
            self.back = back_script(Layout.of(ctx.site.path), order)
            self.look_before()

    @property
    def remembered(self) -> str:
        """For whoever joins the job."""
        return freeze(_Remembered(self.before, self.back, self.first))

    @property
    def undo(self) -> tuple[Command, ...]:
        """The way back."""
        limit = self.ctx.remote.limit(_LIMIT)
        return (Command("back", self.back, timeout=limit),) if self.back else ()

    def look_before(self) -> None:
        """How the site is now is the measure, unless the release is meant to be another site."""
        seen = see_usual(self.ctx)
        self.first, self.before = seen, seen if self.measure else None
        self.unverified = self.ctx.journal.reason(seen.unverified)

    def unseen(self, step: Step) -> StepOutcome | None:
        """What becomes of a release that nobody could check, where the policy does not let it go."""
        order = self.ctx.order
        repeated = rerun_command(order, self.ctx.site.name, "--unverified")
        found = unverified_outcome(order.policy.unverified, why=self.unverified, again=repeated)
        if not self.unverified or order.undo or found is None:
            return None
        outcome, why = found
        return StepOutcome(step=step.id, outcome=outcome, why=why, seconds=0.0)

    def judge(self, _: Awaiting) -> Verdict:
        """Undo where the site is worse than it was."""
        self.why = self.look("after")
        return "undo" if self.why else "keep"

    def look(self, phase: str) -> str:
        """What is wrong with the site now, in a sentence; empty where nothing is."""
        if self.before is not None:
            seen, found = see_again(self.ctx, self.before, phase, patience=_PATIENCE)
        else:
            seen = see(self.ctx)
            record_looks(self.ctx, seen, phase)
            found = "; ".join(seen.findings) or shut_since(self.first or seen, seen)
        self.seen = seen
        self.unverified = self.ctx.journal.reason(seen.unverified)
        return found

    def settled(self, record: JobRecord, outcome: StepOutcome) -> StepOutcome:
        """The step's outcome once the job has ended."""
        if outcome.outcome is not Outcome.CHANGED:
            return outcome
        if record.decided is None or record.decided.verdict == "keep":
            self.why = self.look("after") if record.decided == UNSEEN else ""
            if not self.why:
                outcome = self.told(_beside(outcome, unpurged(purge_now(self.ctx, None))))
                return self._put_back(outcome) if self.ctx.order.undo else outcome
            switched = self._switch_back()
        else:
            back = record.tasks.get("back")
            switched = back is not None and back.ok
        why = self.why or f"its host decided ({record.decided.by if record.decided else record.status})"
        if not switched:
            found = undone(outcome, why, "the link could not be switched back")
            return replace(found, changes=tuple(replace(one, uncertain=True) for one in found.changes))
        if self.ctx.order.undo:
            return _ended(outcome, Outcome.FAILED, f"left as it was: {why}")
        said = unpurged(purge_now(self.ctx, None))
        return undone(outcome, "; ".join(filter(None, (why, said))), self.look("undo"))

    def _put_back(self, outcome: StepOutcome) -> StepOutcome:
        """An undo that stays: `failed` where the site is not well with it, whatever it was before."""
        if self.seen is None:
            return _ended(outcome, Outcome.UNDONE, "")
        ledger, first = self.ctx.journal.ledger, first_undone_run(self.ctx)
        segments = ledger.segments(first, ledger.name_then(first, self.ctx.site.name))
        then = next((thaw_as(_Remembered, one.trial).first for one in segments if one.trial), None)
        why = "; ".join(self.seen.findings) or shut_since(then or self.seen, self.seen)
        if not why:
            return _ended(outcome, Outcome.UNDONE, "")
        why = f"the site is not well with what was put back: {why}"
        return replace(_ended(outcome, Outcome.UNDONE, ""), outcome=Outcome.FAILED, why=why)

    def told(self, outcome: StepOutcome) -> StepOutcome:
        """The outcome of a release that was kept, with why nobody could check it."""
        changes = tuple(replace(change, unverified=self.unverified) for change in outcome.changes)
        return replace(outcome, changes=changes)

    def _switch_back(self) -> bool:
        """After the job, which kept what nobody had looked at."""
        if not self.undo:
            return False
        try:
            return self.ctx.remote.read(self.undo)["back"].ok
        except HostError:
            return False


def _beside(outcome: StepOutcome, said: str) -> StepOutcome:
    return replace(outcome, why="; ".join(filter(None, (outcome.why, said))))


def undone(outcome: StepOutcome, why: str, broken: str) -> StepOutcome:
    """The outcome of a release that was taken back: `failed` where the site is not well even so."""
    if broken:
        return _ended(outcome, Outcome.FAILED, f"{why}; and after it was switched back: {broken}")
    return _ended(outcome, Outcome.UNDONE, why)


def _ended(outcome: StepOutcome, kind: Outcome, why: str) -> StepOutcome:
    changes: tuple[ChangeOutcome, ...] = tuple(
        replace(change, outcome=kind, why=why) for change in outcome.changes
    )
    return replace(outcome, outcome=kind, why=f"release: {why}" if why else "", changes=changes)
