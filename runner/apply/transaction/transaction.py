"""One trial: restore point, changes, health check, then kept or rolled back, all in one job on the host.

The host waits for the controller's verdict; if none comes, it decides by itself, once. What is read at the
end counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.jobs import acknowledge, end_job, locked_by, nonce_of, restore_point_id
from runner.apply.results import PUBLIC, refused
from runner.apply.transaction.aftermath import Aftermath
from runner.apply.transaction.caches import AGAIN, announce_purge, purge_commands, purged_in, unpurged
from runner.apply.transaction.database import describe_database
from runner.apply.transaction.error_log import ErrorLog
from runner.apply.transaction.job import trial_job
from runner.apply.transaction.judgement import Judgement, judge_changes
from runner.apply.transaction.output import JobOutput
from runner.apply.transaction.trial import SiteBaseline, TrialRecord, TrialResult, scripts_of
from runner.errors import LockedError, LostError, UnreachableError
from runner.execute import DEADMAN, Awaiting, DiedError, JobRecord, TaskRecord, Verdict, job_id
from runner.inspect.identity import why_unseen
from runner.load import freeze
from runner.model import Change, Outcome, SiteFacts, SitePlan, Step, StepOutcome
from runner.shell import command
from runner.steps import Context, Result
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.regressions import damage
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.transaction.database import DatabasePoint
    from runner.apply.transaction.trial import ChangeScripts
    from runner.execute import Job
    from runner.verify import Signals

__all__ = ["Trial"]


class Trial:
    """Some changes of one step that are tried together.

    Args:
        ctx: the site.
        step: whose changes they are.
        number: of the job among the site's.
        changes: to try.
        before: the site as it is now, which the changes must not make worse.
        scripts: what to run instead of what the step's kind says.
    """

    def __init__(
        self,
        ctx: SiteContext,
        step: Step,
        number: int,
        changes: tuple[Change, ...],
        before: SiteBaseline,
        *,
        scripts: ChangeScripts | None = None,
    ) -> None:
        self.ctx, self.step, self.number = ctx, step, number
        self.changes, self.before = changes, before
        self.scripts = scripts or scripts_of(step)

    def try_changes(self) -> TrialResult:
        """Make the changes, check the site, keep them or roll them back, and check again.

        Raises:
            HostError: the changes cannot be rolled back, and were not started.
            LockedError: another run works on the site; nothing was started.
            LostError: how the trial ended is unknown.
            UnreachableError: nothing was started.
        """
        job = self._job_id()
        point = restore_point_id(self.ctx, job)
        try:
            result = _TrialJob(self, job, point).run()
        except DiedError:
            result = self.roll_back(point)
            acknowledge(self.ctx, self.number, job)
            return result
        if result.kept and result.by == DEADMAN:
            return self.review_unattended(point)
        return result

    def review_unattended(self, point: str) -> TrialResult:
        """Check changes that the host kept while the controller could not, and keep them or roll them back.

        Args:
            point: id of their restore point.

        Raises:
            LostError: the controller could not check them this time either.
            HostError, LockedError, UnreachableError: as `try_changes`.
        """
        result = _TrialJob(self, self._job_id("kept"), point, fresh=False).run()
        if result.kept and result.by == DEADMAN:
            raise LostError(
                f"{self.ctx.site.name}: changes kept by the host, not verified by the controller",
                hint=f"look at the site, then: {command('resume', self.ctx.run)}",
            )
        return result

    def roll_back(self, point: str) -> TrialResult:
        """Roll back changes whose job was killed, however far it came.

        Args:
            point: id of their restore point.

        Raises:
            LostError: not now; the site may be between two states.
        """
        try:
            return _TrialJob(self, self._job_id("died"), point, fresh=False, died=True).run()
        except (LockedError, UnreachableError) as error:
            raise LostError(f"{_WHY['died']}, and nothing could be rolled back: {error.with_hint}") from error

    def _job_id(self, kind: str = "") -> str:
        number = f"{self.number}.{self.ctx.attempt}" + (f".{kind}" if kind else "")
        return job_id(self.ctx.run, self.ctx.site.name, number)


class _TrialJob:
    """One job of a trial, and what its record means.

    Args:
        trial: whose changes.
        job: id of the job.
        point: id of the restore point.
        fresh: whether this job makes the changes, rather than review those of an earlier one.
        died: whether everything of the job that made them was killed.
    """

    def __init__(self, trial: Trial, job: str, point: str, *, fresh: bool = True, died: bool = False) -> None:
        self.trial, self.job, self.point = trial, job, point
        self.fresh, self.died = fresh, died
        self.ctx, self.before = trial.ctx, trial.before
        self.output = JobOutput(nonce_of(job), self.before.cron)
        self.log = ErrorLog(self.ctx, self.before.facts, self.output.nonce, self.before.noise)
        self.found = Judgement()
        """The verdict, set once in the thread that judges; read when the job has ended."""

    def run(self) -> TrialResult:
        """Run the job to its end and record how it ended."""
        job, database = self._ordered()
        self._record_start(job)
        with self.ctx.stop.controlling() as control:
            record = self.ctx.remote.run(
                job, on_event=self.output.receive, verdict=self._judge, control=control
            )
        result = self._result(record, database)
        self._record_end(record, result, database)
        if record.status == "locked":
            raise locked_by(self.ctx, record)
        return result

    @property
    def _context(self) -> Context:
        site = self.ctx.site
        return Context(
            site=site,
            host=self.ctx.remote.host,
            plan=SitePlan(site=site.name, client=site.client, changes=self.trial.changes),
            mark=self.output.nonce,
            tag=self.point,
            before=self.before.facts,
            usual=self.before.seen.usual,
        )

    def _ordered(self) -> tuple[Job, DatabasePoint]:
        return trial_job(
            self.ctx,
            self.trial.step,
            self._context,
            self.trial.scripts,
            job=self.job,
            log=self.log.before if self.fresh else "",
            cron_known=self.before.cron is not None,
        )

    def _record_start(self, job: Job) -> None:
        journal, items = self.ctx.journal, [change.item for change in self.trial.changes]
        journal.restore_point(self.point, items)
        kept = freeze(TrialRecord(self.point, tuple(items), self.before.seen))
        journal.job_started(self.trial.number, self.job, job.span(), trial=kept)
        journal.emit("trial.started", self.trial.step.id, job=self.job, items=items)

    def _judge(self, _: Awaiting) -> Verdict:
        self.found = (
            Judgement(why=_WHY["died"])
            if self.died
            else judge_changes(self.ctx, self.before, self.output, self.log, fresh=self.fresh)
        )
        self.ctx.journal.emit(
            "trial.judged",
            self.trial.step.id,
            verdict=self.found.verdict,
            slower=self.found.slower,
            why=self.ctx.journal.reason(self.found.why),
            log=self.log.known,
        )
        return self.found.verdict

    def _result(self, record: JobRecord, database: DatabasePoint) -> TrialResult:
        facts, problem = facts_in(_text(record.tasks.get("read")), self.output.nonce)
        context = replace(self._context, after=facts, after_problem=problem)
        outcome = self.ctx.journal.cleaned(self._understood(record, context, database))
        by = "died" if self.died else record.decided.by if record.decided else record.status
        if record.decided is None or record.decided.verdict == "keep":
            return self._kept(record, database, outcome, facts, by=by)
        # a trial that was cut short was not read to its end: what is missing there is no damage
        damaged = (
            "" if by in _WITHOUT_VERDICT else self.found.why or damage(self.before.facts, facts, problem)
        )
        return self._rolled_back(record, database, outcome, damaged or _decided(record, outcome, by), by=by)

    def _kept(
        self,
        record: JobRecord,
        database: DatabasePoint,
        outcome: StepOutcome,
        facts: SiteFacts | None,
        *,
        by: str,
    ) -> TrialResult:
        seen = self.found.after or self.before.seen
        return TrialResult(
            kept=True,
            healthy=True,
            outcome=outcome,
            state=self._state(facts, seen),
            by=by,
            looks=int(self.found.after is not None),
            unverified=self.ctx.journal.reason(seen.unverified or why_unseen(self.ctx.site, self.ctx.facts)),
            slower=self.found.slower,
            database=database.undo_in(record),
            unkept=_unkept(record),
            unpurged=self._purged(record, kept=True),
        )

    def _rolled_back(
        self, record: JobRecord, database: DatabasePoint, outcome: StepOutcome, why: str, *, by: str
    ) -> TrialResult:
        purged = self._purged(record, kept=False)
        after = Aftermath(self.ctx, self.before, self.output.nonce)
        broken = after.check(record)
        restored = database.undo_in(record)
        if broken:
            restored, broken = database.restore_more(record, self.trial.number, broken, after.check)
        if broken:
            why += f"; and after the rollback: {broken}"
        by_hand = command("undo", self.ctx.run, "-l", self.ctx.site.name, "--database")
        described = describe_database(restored, database.rule if broken else None, by_hand)
        return TrialResult(
            kept=False,
            healthy=not broken,
            why="; ".join(filter(None, (why, described, purged))),
            outcome=self._with_cause(outcome),
            state=self._state(after.facts, after.seen or self.before.seen),
            by=by,
            looks=(self.found.after is not None) + after.looks,
            database=restored,
            reread=after.facts,
        )

    def _with_cause(self, outcome: StepOutcome) -> StepOutcome:
        """Return the outcome with the PHP error in its output, for `logs`."""
        items = ", ".join(change.item for change in self.trial.changes)
        cause = f"{items}: PHP's error: {self.found.cause}" if self.found.cause else ""
        return replace(outcome, output="\n".join(filter(None, (outcome.output, cause))))

    def _state(self, facts: SiteFacts | None, seen: Signals) -> SiteBaseline:
        seen = replace(seen, pace=self.before.seen.pace)
        return SiteBaseline(facts or self.before.facts, seen, self.output.cron, self.log.noise)

    def _purged(self, record: JobRecord, *, kept: bool) -> str:
        """Return which caches could not be cleared, after the change or after its rollback."""
        facts, nonce = self.before.facts, self.output.nonce
        commands = purge_commands(self.ctx, nonce, facts, suffix="" if kept else AGAIN)
        return unpurged(announce_purge(self.ctx, purged_in(self.ctx, facts, record, commands, nonce)))

    def _understood(self, record: JobRecord, context: Context, database: DatabasePoint) -> StepOutcome:
        understand = self.trial.scripts.understand
        if not self.fresh and record.tasks.get("read") is not None:
            return understand(Result(status=0, seconds=0.0, output=""), context)
        found = record.tasks.get("change")
        if found is not None and found.code is not None:
            return understand(
                Result(status=found.code, seconds=found.seconds, output=found.text, why=found.why), context
            )
        step = self.trial.step.id
        if record.status == "cancelled":
            return StepOutcome(step=step, outcome=Outcome.CANCELLED, why="the run was cancelled")
        if (outcome := refused(self.trial.step, record.status)) is not None:
            return outcome
        reason = sentence(_text(record.tasks.get("save"))) or database.undo_in(record).why
        if "No space left" in reason:
            reason = f"no space left on the host; make room: df -h {self.ctx.site.path}"
        why = f"{_WHY['failed']}: {reason}" if reason else _WHY["failed"]
        return StepOutcome(step=step, outcome=Outcome.FAILED, why=why)

    def _record_end(self, record: JobRecord, result: TrialResult, database: DatabasePoint) -> None:
        journal = self.ctx.journal
        end_job(self.ctx, self.trial.number, self.job, record.status)
        journal.emit(
            "trial.kept" if result.kept else "trial.undone",
            self.trial.step.id,
            job=self.job,
            why=journal.reason(result.why),
            healthy=result.healthy,
            by=result.by,
            looks=result.looks,
            unverified=result.unverified,
            database=result.database.as_json(),
        )
        if result.database.size:
            journal.restore_point(database.path, [result.database.as_json()], size=result.database.size)


_WHY = {
    DEADMAN: "the site did not work, as far as its host could tell, and the controller could not check it",
    "cancelled": "the run was cancelled",
    "died": "the host's processes were killed in the middle",
    "nospace": "no space left on the host",
    "nofolder": "the host has no folder to write to",
    "public": PUBLIC,
    "failed": "the restore point could not be made",
    "unsettled": "what belongs to the changed folders could not be restored into them",
}
"""Why changes were rolled back, by who decided."""
_WITHOUT_VERDICT = {"cancelled", "failed", "nospace", "nofolder", "public"}
"""How a trial may end before its changes could be judged."""


def _decided(record: JobRecord, outcome: StepOutcome, by: str) -> str:
    """Return why the changes were rolled back although no damage was found."""
    if by != "failed":
        return _WHY.get(by, f"its host decided ({by})")
    settle = record.tasks.get("settle")
    if settle and settle.code:
        return f"{_WHY['unsettled']}: {sentence(settle.text) or f'exit status {settle.code}'}"
    return outcome.why if outcome.why.startswith(_WHY["failed"]) else _WHY["failed"]


def _unkept(record: JobRecord) -> str:
    """Return why what follows a kept change failed; empty if it did not."""
    keep = record.tasks.get("keep")
    return (sentence(keep.text) or f"exit status {keep.code}") if keep and keep.code else ""


def _text(record: TaskRecord | None) -> str:
    return record.text if record else ""
