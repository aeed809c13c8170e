"""One trial: restore point, changes, health check, then kept or rolled back, all in one job on the host.

The host waits for the controller's verdict; without one, it decides by itself, once. The result is judged by
what is read at the end.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.apply.cancellation import AtClose
from runner.apply.jobs import acknowledge, end_job, locked_by, nonce_of, restore_point_id
from runner.apply.transaction.aftermath import Aftermath
from runner.apply.transaction.caches import AGAIN, announce_purge, purge_commands, purged_in, unpurged
from runner.apply.transaction.database import describe_database
from runner.apply.transaction.error_log import ErrorLog
from runner.apply.transaction.job import trial_job
from runner.apply.transaction.judgement import Judgement, judge_changes
from runner.apply.transaction.output import JobOutput
from runner.apply.transaction.phases import TrialPhases
from runner.apply.transaction.reasons import (
    BEFORE_VERDICT,
    WHY,
    commit_failure,
    text_of,
    why_rolled_back,
    without_change,
)
from runner.apply.transaction.trial import SiteBaseline, TrialRecord, TrialResult, scripts_of
from runner.errors import LockedError, LostError, UnreachableError
from runner.execute import DEADMAN, Awaiting, Decided, DiedError, Event, JobRecord, Verdict, job_id
from runner.inspect.identity import why_unverifiable
from runner.load import freeze
from runner.model import Change, Phase, SiteFacts, SitePlan, Step, StepOutcome
from runner.shell import command
from runner.steps import Context, Result
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.regressions import damage

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.transaction.database import DatabasePoint
    from runner.apply.transaction.trial import ChangeScripts
    from runner.execute import Job
    from runner.verify import Signals

__all__ = ["Trial"]


class Trial:
    """A group of changes of one step, applied together.

    Args:
        ctx: the site.
        step: whose changes they are.
        number: number of its job.
        changes: changes to apply.
        before: the site as it is now, which the changes must not make worse.
        scripts: scripts to run instead of those of the step's kind.
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
        """Apply the changes, check the site, then keep them or roll them back and check again.

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
        """Check changes that the host kept without the controller, and keep them or roll them back.

        Args:
            point: id of their restore point.

        Raises:
            LostError: the controller could not check them again.
            HostError, LockedError, UnreachableError: as `try_changes`.
        """
        result = _TrialJob(self, self._job_id("kept"), point, fresh=False).run()
        if result.kept and result.by == DEADMAN:
            raise LostError(
                f"{self.ctx.site.name}: changes kept by the host, not verified by the controller",
                hint=f"check the site, then: {command('resume', self.ctx.run)}",
            )
        return result

    def roll_back(self, point: str) -> TrialResult:
        """Roll back changes whose job was killed, whatever was done of them.

        Args:
            point: id of their restore point.

        Raises:
            LostError: they could not be rolled back; the site may be between two states.
        """
        try:
            return _TrialJob(self, self._job_id("died"), point, fresh=False, died=True).run()
        except (LockedError, UnreachableError) as error:
            raise LostError(f"{WHY['died']}, and nothing could be rolled back: {error.with_hint}") from error

    def _job_id(self, kind: str = "") -> str:
        number = f"{self.number}.{self.ctx.attempt}" + (f".{kind}" if kind else "")
        return job_id(self.ctx.run, self.ctx.site.name, number)


class _TrialJob:
    """One job of a trial, and how its record is judged.

    Args:
        trial: the trial.
        job: id of the job.
        point: id of the restore point.
        fresh: whether this job makes the changes, rather than reviewing those of an earlier one.
        died: whether the job that made them was killed.
    """

    def __init__(self, trial: Trial, job: str, point: str, *, fresh: bool = True, died: bool = False) -> None:
        self.trial, self.job, self.point = trial, job, point
        self.fresh, self.died = fresh, died
        self.ctx, self.before = trial.ctx, trial.before
        self.output = JobOutput(nonce_of(job), self.before.cron)
        self.phases = TrialPhases(self.ctx, trial.step, len(trial.changes))
        self.log = ErrorLog(self.ctx, self.before.facts, self.output.nonce, self.before.noise)
        self.found = Judgement()
        """Set once, in the thread that judges; read after the job has ended."""
        self._decided_at = time.monotonic()

    def run(self) -> TrialResult:
        """Run the job to its end and record how it ended."""
        job, database = self._ordered()
        self._record_start(job)
        # a review of changes from before a crash is short, and must reach its verdict
        at_close = AtClose.ROLL_BACK if self.fresh else AtClose.FINISH
        with self.ctx.stop.controlling(at_close) as control:
            record = self.ctx.remote.run(job, on_event=self._receive, verdict=self._judge, control=control)
        result = self._result(record, database)
        self._record_end(record, result, database)
        if record.status == "locked":
            raise locked_by(self.ctx, record)
        return result

    def _receive(self, event: Event) -> None:
        if isinstance(event, Decided):
            self._decided_at = time.monotonic()
        self.output.receive(event)
        self.phases.receive(event)

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
            Judgement(why=WHY["died"])
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
        facts, problem = facts_in(text_of(record, "read"), self.output.nonce)
        context = replace(self._context, after=facts, after_problem=problem)
        outcome = self.ctx.journal.cleaned(self._understood(record, context, database))
        by = "died" if self.died else record.decided.by if record.decided else record.status
        if record.decided is None or record.decided.verdict == "keep":
            return self._kept(record, database, outcome, facts, by=by)
        # a trial that ended early was not read completely: what is missing in its facts is no damage
        damaged = "" if by in BEFORE_VERDICT else self.found.why or damage(self.before.facts, facts, problem)
        why = self.ctx.stop.why if by == "cancelled" else why_rolled_back(record, outcome, by)
        return self._rolled_back(record, database, outcome, damaged or why, by=by)

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
            unverified=self.ctx.journal.reason(
                seen.unverified or why_unverifiable(self.ctx.site, self.ctx.facts)
            ),
            slower=self.found.slower,
            database=database.undo_in(record),
            unkept=commit_failure(record),
            unpurged=self._purged(record, kept=True),
        )

    def _rolled_back(
        self, record: JobRecord, database: DatabasePoint, outcome: StepOutcome, why: str, *, by: str
    ) -> TrialResult:
        self.phases.start(Phase.VERIFYING)
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
        if not self.fresh and record.commands.get("read") is not None:
            return understand(Result(status=0, seconds=0.0, output=""), context)
        found = record.commands.get("change")
        if found is not None and found.code is not None:
            return understand(
                Result(status=found.code, seconds=found.seconds, output=found.text, why=found.why), context
            )
        return without_change(self.ctx, self.trial.step, record, database)

    def _record_end(self, record: JobRecord, result: TrialResult, database: DatabasePoint) -> None:
        journal = self.ctx.journal
        undo_seconds = None if result.kept else round(time.monotonic() - self._decided_at, 3)
        end_job(self.ctx, self.trial.number, self.job, record.status, undo_seconds=undo_seconds)
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
