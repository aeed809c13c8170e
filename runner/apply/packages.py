"""Steps that update a whole host: they run once per run, with the first of its sites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from runner.apply.cancellation import AtClose
from runner.apply.jobs import end_job, nonce_of, settle_job, span_of
from runner.apply.reboot import reboot
from runner.apply.retry import Try, run_with_retries
from runner.errors import (
    HostError,
    LockedError,
    LostError,
    SecretError,
    UnreachableError,
)
from runner.execute import Command, DiedError, Job, JobRecord, Lock, job_id
from runner.hosts.exclusive import server_of
from runner.inspect.packages import NOT_ROOT, read_system
from runner.model import (
    Action,
    Change,
    ChangeOutcome,
    ItemKind,
    Outcome,
    Phase,
    Site,
    Step,
    StepOutcome,
    SystemFacts,
)
from runner.plan import Barrier
from runner.steps import Result, registry
from runner.steps.packages import (
    Aftermath,
    PackagesOptions,
    arguments,
    change_script,
    judge,
    plan_line,
    reread_script,
    untouched,
    with_reboot,
)

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.record import SegmentView

__all__ = ["update_packages"]

_REREAD_LIMIT = 120
_LOCK_SECONDS = 3600
_TRIES = 100


def update_packages(ctx: SiteContext, part: Barrier) -> tuple[StepOutcome, ...]:
    """Run the step for the site's host, unless another site of the run already has; record its outcome.

    The caller holds the host exclusively.

    Raises:
        LockedError: another run works on the packages of this host.
        LostError: how the job ended is unknown.
        UnreachableError: nothing was started.
    """
    step = part.step
    ctx.journal.step_started(step.id)
    if outcome := _outcome_elsewhere(ctx, step):
        _close_jobs(ctx, step)
        ctx.journal.step_finished(outcome)
        return (outcome,)

    def run_once(_: int) -> Try:
        update = _Update(ctx, part)
        return Try((ctx.journal.cleaned(update.outcome()),), update.settle)

    outcomes = run_with_retries(ctx, step, run_once, first=_first_try(ctx, step))
    if any(outcome.outcome is Outcome.LOST for outcome in outcomes):
        raise LostError("the processes on the host were killed while packages were changed")
    return outcomes


class _Update:
    """One try."""

    def __init__(self, ctx: SiteContext, part: Barrier) -> None:
        self.ctx, self.part, self.step = ctx, part, part.step
        self.journal, self.remote = ctx.journal, ctx.remote
        self.options = cast("PackagesOptions", part.step.options)
        self.limit = (part.step.timeout or ctx.order.limits.step).total_seconds()
        self.changes: tuple[Change, ...] | None = None
        self.job, self.started = _job(ctx, part.step)
        self.status = ""
        """How the job ended; empty if none was needed."""

    def outcome(self) -> StepOutcome:
        """Attach to a job that was started, or read the host, plan and start one; then reboot if needed."""
        try:
            record = self._attached()
        except DiedError as error:
            record = error.record
        if record is None and self.ctx.stop.asked.is_set():
            return StepOutcome(step=self.step.id, outcome=Outcome.CANCELLED, why=self.ctx.stop.why)
        if record is None:
            self.journal.progress(self.step.id, Phase.CHECKING)
            try:
                facts = read_system(self.remote, become=self.step.become)
            except (HostError, SecretError) as error:
                if isinstance(error, UnreachableError):
                    raise
                why = f"{error}; {error.hint}" if error.hint else str(error)
                return StepOutcome(step=self.step.id, outcome=Outcome.FAILED, why=why)
            if not facts.root:
                return StepOutcome(step=self.step.id, outcome=Outcome.FAILED, why=NOT_ROOT)
            changes = registry()[self.step.kind].propose_for_host(self.step, facts)
            if not (any(c.action is Action.CHANGE for c in changes) or self.options.autoremove):
                idle = Aftermath(outcome=_idle(self.step, changes), boot=facts.boot, reboot=facts.reboot)
                return self._rebooted(idle)
            try:
                record = self._run(facts, changes)
            except DiedError as error:
                record = error.record
        if record.status == "locked":
            end_job(self.ctx, self.part.number, self.job, record.status)
            raise LockedError("another run is updating the packages of this host", hint="wait for it to end")
        self.status = record.status
        return self._rebooted(self._judged(record))

    def settle(self, outcomes: tuple[StepOutcome, ...]) -> tuple[StepOutcome, ...]:
        """Record how the job ended and the outcomes (none if another try follows)."""
        if not self.status:
            return self.journal.steps_finished(outcomes)
        return settle_job(self.ctx, self.part.number, self.job, self.status, outcomes)

    def _attached(self) -> JobRecord | None:
        if self.started is None:
            return None
        self.journal.progress(self.step.id, Phase.APPLYING)
        with self.ctx.stop.controlling(AtClose.FINISH) as control:
            return self.remote.attach(
                self.job,
                span=span_of(self.started),
                control=control,
            )

    def _run(self, facts: SystemFacts, changes: tuple[Change, ...]) -> JobRecord:
        ctx, nonce = self.ctx, nonce_of(self.job)
        self.changes = changes
        text = change_script(
            nonce,
            arguments(facts.manager, changes),
            plan=plan_line(changes),
            wait=int(self.options.wait.total_seconds()),
            restart=self.options.restart,
            autoremove=self.options.autoremove,
        )
        tasks: tuple[Command, ...] = (
            Command("change", text, timeout=max(1, int(self.limit)), policy="stop"),
            Command(
                "reread",
                reread_script(nonce),
                timeout=self.remote.limit(_REREAD_LIMIT),
                policy="always",
            ),
        )
        if self.step.become:
            tasks = tuple(self.remote.with_sudo(one, nonce) for one in tasks)
        lock = Lock(site="/", owner=f"{ctx.run}/system", seconds=_LOCK_SECONDS)
        ordered = Job(self.job, tasks, lock=lock)
        self.journal.job_started(self.part.number, self.job, ordered.span())
        self.journal.emit("segment.started", job=self.job, number=self.part.number)
        self.journal.progress(self.step.id, Phase.APPLYING)
        with self.ctx.stop.controlling(AtClose.FINISH) as control:
            return self.remote.run(
                ordered,
                control=control,
            )

    def _judged(self, record: JobRecord) -> Aftermath:
        nonce = nonce_of(self.job)
        change, reread = record.commands.get("change"), record.commands.get("reread")
        output, seconds = (change.text, change.seconds) if change else ("", 0.0)
        why = change.why if change else ""
        if record.status == "cancelled":
            why = "cancelled"
        elif change is None or (change.code is None and not why):
            why = "lost"
        code = change.code if change and change.code is not None else -1
        result = Result(status=code, seconds=seconds, output=output, why=why)
        again = reread.text if reread and reread.ok else self._read_again(nonce)
        return judge(self.step, result, again, nonce, self.changes)

    def _read_again(self, nonce: str) -> str:
        """Read the packages after a job that ended before it could; empty if the host does not answer."""
        reading = Command("reread", reread_script(nonce), timeout=self.remote.limit(_REREAD_LIMIT))
        reading = self.remote.with_sudo(reading, nonce) if self.step.become else reading
        try:
            return self.remote.read((reading,))["reread"].text
        except (HostError, SecretError):
            return ""

    def _rebooted(self, found: Aftermath) -> StepOutcome:
        """Reboot if one is needed and the options ask for it; return the outcome."""
        outcome = found.outcome
        if not found.reboot or outcome.outcome in {Outcome.CANCELLED, Outcome.LOST}:
            return outcome
        wants = f"a reboot is needed ({', '.join(found.reboot[:3])})"
        if self.options.reboot == "never":
            return with_reboot(outcome, wants)
        if outcome.outcome is Outcome.FAILED:
            return with_reboot(outcome, f"{wants}; not rebooted, since the update failed")
        if self.ctx.stop.asked.is_set() and not self.ctx.stop.cancelled:
            return with_reboot(outcome, f"{wants}; not rebooted: {self.ctx.stop.why}")
        self.journal.progress(self.step.id, Phase.REBOOTING)
        rebooted = reboot(
            self.remote,
            found.boot,
            become=self.step.become,
            limit=self.limit,
            stop=lambda: self.ctx.stop.cancelled,
        )
        changed = replace(outcome, outcome=Outcome.CHANGED) if outcome.outcome is Outcome.OK else outcome
        return with_reboot(changed, rebooted.result, failed=rebooted.failed)


def _idle(step: Step, changes: tuple[Change, ...]) -> StepOutcome:
    """Return the outcome if nothing is to be updated, or everything is held."""
    outcomes = tuple(filter(None, map(untouched, changes)))
    failed = next((c.why for c in outcomes if c.outcome is Outcome.FAILED), "")
    held = [c for c in outcomes if c.outcome is Outcome.HELD]
    if failed:
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=failed, changes=outcomes)
    if held:
        why = held[0].why if len(held) == 1 else f"{len(held)} packages are held"
        return StepOutcome(step=step.id, outcome=Outcome.HELD, why=why, changes=outcomes)
    return StepOutcome(step=step.id, outcome=Outcome.OK, changes=outcomes)


def _sites_on_same_host(ctx: SiteContext) -> Iterator[Site]:
    """Yield the other sites of this run on the same server."""
    hosts = ctx.order.hosts
    server = server_of(hosts[ctx.site.host])
    for site in ctx.order.sites:
        if site.name != ctx.site.name and server_of(hosts[site.host]) == server:
            yield site


_DONE = {Outcome.OK, Outcome.CHANGED, Outcome.HELD, Outcome.FAILED}
_SHARED = "done once for the host"


def _outcome_elsewhere(ctx: SiteContext, step: Step) -> StepOutcome | None:
    """Return the outcome if the step ran with another site of the host.

    Each client's report has the changes once and names no other client's site.
    """
    names = {site.name: site for site in _sites_on_same_host(ctx)}
    if not names:
        return None
    for view in ctx.journal.ledger.runs.show(ctx.run).sites:
        found = next((one for one in view.steps if one.step == step.id), None)
        if view.row.site not in names or found is None or found.outcome not in _DONE:
            continue
        if found.why.startswith(_SHARED):
            continue
        failed = found.outcome is Outcome.FAILED
        if names[view.row.site].client == ctx.site.client:
            outcome = Outcome.FAILED if failed else Outcome.OK
            why = f"{_SHARED}, with {view.row.site}" + (f": {found.why}" if failed else "")
            return StepOutcome(step=step.id, outcome=outcome, why=why)
        why = _SHARED + (f": {found.why}" if found.why else "")
        changes = tuple(
            ChangeOutcome(
                item=c.item, kind=ItemKind(c.kind), from_version=c.from_version, to_version=c.to_version,
                outcome=c.outcome, why=c.why, title=c.title, uncertain=c.uncertain,
            )
            for c in found.changes
        )  # fmt: skip
        return StepOutcome(step=step.id, outcome=found.outcome, why=why, changes=changes)
    return None


def _job(ctx: SiteContext, step: Step) -> tuple[str, SegmentView | None]:
    """Return the id of the host's job in this run, and its record if a site has started it."""
    ids, last = _ids(ctx, step), _last_job(ctx, step)
    if last is None:
        return ids[0], None
    if last.state == "started":
        return last.job, last
    return ids[ids.index(last.job) + 1], None


def _last_job(ctx: SiteContext, step: Step) -> SegmentView | None:
    """Return the newest job of the step on record; if one site knows how it ended, as that site has it."""
    ids = _ids(ctx, step)
    return max(_jobs(ctx, ids), key=lambda job: (ids.index(job.job), job.state != "started"), default=None)


def _first_try(ctx: SiteContext, step: Step) -> int:
    """Return the number of the try: of the job that may still be running, or the one after a failed one."""
    last = _last_job(ctx, step) if ctx.attempt > 1 else None
    if last is None or (last.state != "started" and last.status != "failed"):
        return 1
    number = _ids(ctx, step).index(last.job) + (1 if last.state == "started" else 2)
    return min(number, step.retries + 1)


def _close_jobs(ctx: SiteContext, step: Step) -> None:
    """Record the end of jobs of this site that another site of the host has followed to their end."""
    ended = {job.job: job.status for job in _jobs(ctx, _ids(ctx, step)) if job.state != "started"}
    for job in ctx.journal.jobs():
        if job.state == "started" and job.job in ended:
            end_job(ctx, job.number, job.job, ended[job.job] or "")


def _ids(ctx: SiteContext, step: Step) -> list[str]:
    address, port = server_of(ctx.remote.host)
    return [job_id(ctx.run, f"host {address} {port}", f"{step.id}.{number}") for number in range(1, _TRIES)]


def _jobs(ctx: SiteContext, ids: Sequence[str]) -> list[SegmentView]:
    """Return those of the jobs that are on record, for any site of the host."""
    return [
        segment
        for site in (ctx.site, *_sites_on_same_host(ctx))
        for segment in ctx.journal.ledger.jobs.list(ctx.run, site.name)
        if segment.job in ids
    ]
