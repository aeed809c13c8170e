"""A change as a transaction: restore point, change, reading, looks, then kept or taken back, all in one job.

The host waits for our verdict; if none comes it decides by itself, once. What is read in the end counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.apply.probe import see, see_again, see_slower
from runner.apply.results import PUBLIC
from runner.apply.segment import close_job, let_forget, locked_by, mark_of, restore_tag
from runner.apply.transaction.caches import AGAIN, purge_now, purge_tasks, purged_in, tell_purged, unpurged
from runner.apply.transaction.database import DatabasePoint, told
from runner.apply.transaction.error_log import ErrorLog
from runner.apply.transaction.job import trial_job
from runner.apply.transaction.output import Heard
from runner.apply.transaction.trial import Kept, State, Trial, Way, way_of
from runner.errors import LockedError, LostError, SitecrewError, UnreachableError
from runner.execute import (
    DEADMAN,
    Awaiting,
    DiedError,
    Job,
    JobRecord,
    TaskRecord,
    Verdict,
    job_id,
)
from runner.hosts.boundary import within
from runner.inspect.facts import reread
from runner.inspect.host_side import fatal_inside
from runner.inspect.identity import why_unseen
from runner.load import freeze
from runner.model import Change, Outcome, SiteFacts, SiteKind, SitePlan, Slower, Step, StepOutcome
from runner.shell import command
from runner.steps import Context, Result
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.damage import damage, half_done
from runner.untrusted import sentence
from runner.verify import Signals, stale

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["judge_kept", "take_back", "try_changes"]


def try_changes(
    ctx: SiteContext,
    step: Step,
    number: int,
    changes: tuple[Change, ...],
    state: State,
    *,
    way: Way | None = None,
) -> Trial:
    """Do the changes, look, keep or take back, and look again.

    Args:
        ctx: the site.
        step: whose changes they are.
        number: of the job among the site's.
        changes: what to try together.
        state: the site as it is now, the measure of how it must be afterwards.
        way: what to do instead of what the step's kind says.

    Raises:
        HostError: this cannot be taken back, and was not begun.
        LockedError: another run works on the site; nothing was begun.
        LostError: what came of it is not known.
        UnreachableError: nothing was begun.
    """
    job = job_id(ctx.run, ctx.site.name, f"{number}.{ctx.attempt}")
    way = way or way_of(step)
    try:
        trial = _Transaction(ctx, step, number, changes, state, job, way).run()
    except DiedError:
        trial = take_back(ctx, step, number, changes, state, tag=restore_tag(ctx, job), way=way)
        let_forget(ctx, number, job)
        return trial
    if trial.kept and trial.by == DEADMAN:
        return judge_kept(ctx, step, number, changes, state, tag=restore_tag(ctx, job), way=way)
    return trial


def judge_kept(
    ctx: SiteContext,
    step: Step,
    number: int,
    changes: tuple[Change, ...],
    state: State,
    *,
    tag: str,
    way: Way | None = None,
) -> Trial:
    """Look at changes that their host kept while nobody looked, and keep them or take them back after all.

    The arguments are those of the trial, `tag` is that of its restore point.

    Raises:
        LostError: nobody could look this time either.
        HostError, LockedError, UnreachableError: as `try_changes`.
    """
    job = job_id(ctx.run, ctx.site.name, f"{number}.{ctx.attempt}.kept")
    trial = _Transaction(ctx, step, number, changes, state, job, way or way_of(step), tag=tag).run()
    if trial.kept and trial.by == DEADMAN:
        raise LostError(
            f"{ctx.site.name}: nobody could look at what was changed; its host finds it well",
            hint=f"look at it, then: {command('resume', ctx.run)}",
        )
    return trial


def take_back(
    ctx: SiteContext,
    step: Step,
    number: int,
    changes: tuple[Change, ...],
    state: State,
    *,
    tag: str,
    way: Way | None = None,
) -> Trial:
    """Take back changes, wherever they were when everything of their job was killed on the host.

    The arguments are those of `judge_kept`.

    Raises:
        LostError: not now; the site may be between two states.
    """
    job = job_id(ctx.run, ctx.site.name, f"{number}.{ctx.attempt}.died")
    way = way or way_of(step)
    try:
        return _Transaction(ctx, step, number, changes, state, job, way, tag=tag, died=True).run()
    except (LockedError, UnreachableError) as error:
        raise LostError(f"{_WHY['died']}, and nothing could be taken back: {error.with_hint}") from error


@dataclass(slots=True)
class _Transaction:
    ctx: SiteContext
    step: Step
    number: int
    changes: tuple[Change, ...]
    before: State
    job: str
    way: Way
    tag: str = ""
    """Of the restore point, where the changes were made before and nobody has looked at them."""
    died: bool = False
    """Everything of the job that made them was killed."""
    why: str = ""
    slower: str = ""
    """What takes clearly longer than before; with `roll-back` it is a reason."""
    cause: str = ""
    """The error that killed PHP, where it is known."""
    after: Signals | None = None
    left: SiteFacts | None = None
    """The site as it was read after something was put back, and `seen` as it looked then."""
    seen: Signals | None = None
    looks: int = 0
    """After something was put back."""
    done: bool = field(init=False)
    """The changes were made by an earlier job."""
    heard: Heard = field(init=False)
    log: ErrorLog = field(init=False)
    database: DatabasePoint = field(init=False)

    def __post_init__(self) -> None:
        self.done, self.tag = bool(self.tag), self.tag or restore_tag(self.ctx, self.job)
        self.heard = Heard(mark_of(self.job), self.before.cron)
        self.log = ErrorLog(self.ctx, self.before.facts, mark_of(self.job), self.before.noise)

    def run(self) -> Trial:
        journal, ordered = self.ctx.journal, self._ordered()
        items = [change.item for change in self.changes]
        journal.restore_point(self.tag, items)
        kept = freeze(Kept(self.tag, tuple(items), self.before.seen))
        journal.job_started(self.number, self.job, ordered.span(), trial=kept)
        journal.emit("trial.started", self.step.id, job=self.job, items=items)
        with self.ctx.stop.controlling() as control:
            record = self.ctx.remote.run(
                ordered,
                on_event=self.heard.hear,
                verdict=self._judge,
                control=control,
            )
        trial = self._trial(record)
        self._record(record, trial)
        if record.status == "locked":
            raise locked_by(self.ctx, record)
        return trial

    @property
    def _context(self) -> Context:
        site = self.ctx.site
        return Context(
            site=site,
            host=self.ctx.remote.host,
            plan=SitePlan(site=site.name, client=site.client, changes=self.changes),
            mark=self.heard.mark,
            tag=self.tag,
            before=self.before.facts,
            usual=self.before.seen.usual,
        )

    def _ordered(self) -> Job:
        ordered, self.database = trial_job(
            self.ctx,
            self.step,
            self._context,
            self.way,
            job=self.job,
            log="" if self.done else self.log.before,
            cron_known=self.before.cron is not None,
        )
        return ordered

    def _judge(self, _: Awaiting) -> Verdict:
        """Keep or undo; what cannot be judged does not stay."""
        verdict = within(self._judged)
        if isinstance(verdict, SitecrewError):
            return self._told("undo", f"could not be judged: {verdict}")
        return verdict

    def _judged(self) -> Verdict:
        """First by what the host read, then by what visitors get and do, then by the error log."""
        if self.died:
            return self._told("undo", _WHY["died"])
        if not self.done:
            self.log.began(self.heard.said("log"))
        before, (facts, problem) = self.before.facts, self.heard.facts()
        half = half_done(before, facts, self.heard.said("change"), self.heard.mark)
        self.why = damage(before, facts, problem) or half or self.heard.cron_died()
        if not self.why:
            self.after, self.why = see_again(self.ctx, self.before.seen, "after")
        if not self.why:
            self.why = self._damage_by_visits()
        if self.why:
            self._find_cause()
        elif not self.done:
            self.why = self.log.blame(lambda: see(self.ctx))
        if not self.why and self.after is not None:
            self.slower = see_slower(self.ctx, self.before.seen, self.after)
            rolls_back = self.ctx.order.policy.slower is Slower.ROLL_BACK
            self.why = self.slower if rolls_back else ""
        return self._told("undo" if self.why else "keep", self.why)

    def _damage_by_visits(self) -> str:
        """What the new code did when pages were asked for; empty where the host cannot be read just now."""
        found = within(lambda: reread(self.ctx.remote, self.ctx.prober, self.ctx.site))
        return "" if isinstance(found, SitecrewError) else damage(self.before.facts, found)

    def _find_cause(self) -> None:
        """Add PHP's error to the reason, where its log or its host tells it."""
        site = self.ctx.site
        if site.kind is not SiteKind.WORDPRESS:
            return
        self.cause = self.log.cause() or fatal_inside(self.ctx.remote, site, self.before.facts)
        if self.cause and self.cause not in self.why:
            self.why += f"; PHP's error: {self.cause}"

    def _told(self, verdict: Verdict, why: str) -> Verdict:
        self.why, journal = why, self.ctx.journal
        journal.emit(
            "trial.judged",
            self.step.id,
            verdict=verdict,
            slower=self.slower,
            why=journal.reason(self.why),
            log=self.log.known,
        )
        return verdict

    def _trial(self, record: JobRecord) -> Trial:
        facts, problem = facts_in(_text(record.tasks.get("read")), self.heard.mark)
        context = replace(self._context, after=facts, after_problem=problem)
        outcome = self.ctx.journal.cleaned(self._understood(record, context))
        by = "died" if self.died else record.decided.by if record.decided else record.status
        purged = self._purged(record)
        if record.decided is None or record.decided.verdict == "keep":
            return Trial(
                kept=True,
                healthy=True,
                outcome=outcome,
                state=self._state(facts, self.after or self.before.seen),
                by=by,
                looks=int(self.after is not None),
                unverified=self.ctx.journal.reason(self._unverified),
                slower=self.slower,
                database=self.database.heard(record),
                unkept=_unkept(record),
                unpurged=purged,
            )
        decided = _WHY.get(by, f"its host decided ({by})")
        if by == "failed" and outcome.why.startswith(_WHY["failed"]):
            decided = outcome.why
        settle = record.tasks.get("settle")
        if by == "failed" and settle and settle.code:
            decided = f"{_WHY['unsettled']}: {sentence(settle.text) or f'exit status {settle.code}'}"
        # a trial that was cut short was not read to its end: what is missing there is no harm
        harm = "" if by in _WITHOUT_VERDICT else self.why or damage(self.before.facts, facts, problem)
        why = harm or decided
        broken = self._look_again(record)
        found = self.database.heard(record)
        if broken:
            found, broken = self.database.go_on(record, self.number, broken, self._look_again)
        if broken:
            why += f"; and after it was taken back: {broken}"
        return Trial(
            kept=False,
            healthy=not broken,
            why="; ".join(
                filter(
                    None, (why, told(found, self.database.rule if broken else None, self._by_hand), purged)
                )
            ),
            outcome=self._with_cause(outcome),
            state=self._state(self.left, self.seen or self.before.seen),
            by=by,
            looks=(self.after is not None) + self.looks,
            database=found,
            reread=self.left,
        )

    def _with_cause(self, outcome: StepOutcome) -> StepOutcome:
        """The outcome with PHP's error in its output, for `logs`."""
        cause = self.cause and f"{', '.join(c.item for c in self.changes)}: PHP's error: {self.cause}"
        return replace(outcome, output="\n".join(filter(None, (outcome.output, cause))))

    def _state(self, facts: SiteFacts | None, seen: Signals) -> State:
        seen = replace(seen, pace=self.before.seen.pace)
        return State(facts or self.before.facts, seen, self.heard.cron, self.log.noise)

    def _look_again(self, record: JobRecord) -> str:
        """What is wrong after something was put back; empty for nothing."""
        self.left, problem = facts_in(_text(record.tasks.get("reread")), self.heard.mark)
        broken = damage(self.before.facts, self.left, problem)
        if not broken:
            self.seen, broken = see_again(self.ctx, self.before.seen, "undo")
            self.looks += 1
        if broken and self.seen is not None and stale(self.before.seen, self.seen):
            purge_now(self.ctx, self.before.facts)
            self.seen, broken = see_again(self.ctx, self.before.seen, "undo")
            self.looks += 1
            if broken and stale(self.before.seen, self.seen):
                broken = f"a cache still serves the bad page: {broken}"
        return broken

    @property
    def _unverified(self) -> str:
        seen = self.after or self.before.seen
        return seen.unverified or why_unseen(self.ctx.site, self.ctx.facts)

    def _purged(self, record: JobRecord) -> str:
        """What is said of caches that could not be emptied, after the change or after it was taken back."""
        kept = record.decided is None or record.decided.verdict == "keep"
        facts = self.before.facts
        tasks = purge_tasks(self.ctx, self.heard.mark, facts, suffix="" if kept else AGAIN)
        return unpurged(tell_purged(self.ctx, purged_in(self.ctx, facts, record, tasks, self.heard.mark)))

    @property
    def _by_hand(self) -> str:
        return command("undo", self.ctx.run, "-l", self.ctx.site.name, "--database")

    def _understood(self, record: JobRecord, context: Context) -> StepOutcome:
        if self.done and record.tasks.get("read") is not None:
            return self.way.understand(Result(status=0, seconds=0.0, output=""), context)
        found = record.tasks.get("change")
        if found is not None and found.code is not None:
            result = Result(status=found.code, seconds=found.seconds, output=found.text, why=found.why)
            return self.way.understand(result, context)
        if record.status == "cancelled":
            return StepOutcome(step=self.step.id, outcome=Outcome.CANCELLED, why="the run was cancelled")
        said = sentence(_text(record.tasks.get("save"))) or self.database.heard(record).why
        if "No space left" in said:
            said = f"no space is left on the host; make room there: df -h {self.ctx.site.path}"
        why = f"{_WHY['failed']}: {said}" if said else _WHY["failed"]
        return StepOutcome(step=self.step.id, outcome=Outcome.FAILED, why=why)

    def _record(self, record: JobRecord, trial: Trial) -> None:
        journal = self.ctx.journal
        close_job(self.ctx, self.number, self.job, record.status)
        journal.emit(
            "trial.kept" if trial.kept else "trial.undone",
            self.step.id,
            job=self.job,
            why=journal.reason(trial.why),
            healthy=trial.healthy,
            by=trial.by,
            looks=trial.looks,
            unverified=trial.unverified,
            database=trial.database.as_json(),
        )
        if trial.database.size:
            found = trial.database
            journal.restore_point(self.database.path, [found.as_json()], size=found.size)


_WHY = {
    DEADMAN: "the site did not work, as far as its host could tell, and nobody was there to look",
    "cancelled": "the run was cancelled",
    "died": "the host's processes were killed in the middle",
    "nospace": "no space was left on the host",
    "public": PUBLIC,
    "failed": "the restore point could not be made",
    "unsettled": "what belongs to the changed folders could not be put back into them",
}


_WITHOUT_VERDICT = {"cancelled", "failed", "nospace", "public"}
"""How a trial may end before its changes could be judged."""


def _unkept(record: JobRecord) -> str:
    """Why what follows a change that is kept did not come to its end; empty where it did."""
    keep = record.tasks.get("keep")
    return (sentence(keep.text) or f"exit status {keep.code}") if keep and keep.code else ""


def _text(record: TaskRecord | None) -> str:
    return record.text if record else ""
