"""The journal of a site in a run: records in the ledger and emits events, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from runner.load import Redactor
from runner.model import Change, ChangeOutcome, PageLook, Phase, Seen, SiteFacts, SitePlan, StepOutcome
from runner.record.views import BackupView, LookView
from runner.untrusted import clean, sentence

if TYPE_CHECKING:
    from runner.backup import Snapshot
    from runner.execute import Span
    from runner.record import Ledger, SegmentView

__all__ = ["Emit", "Journal"]

_LONGEST_REASON = 2000


class Emit(Protocol):
    """Emits an event of a run."""

    def __call__(
        self, event: str, run: str, site: str | None = None, step: str | None = None, /, **data: object
    ) -> None:
        """Emit the event."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one site in one run.

    Output of hosts and sites is cleaned and redacted here, before it reaches the ledger or the screen.
    """

    ledger: Ledger
    redactor: Redactor
    send: Emit
    run: str
    site: str
    now: Callable[[], datetime] = _now
    steps: tuple[str, ...] = ()
    """Ids of the steps that run on the site, in order."""

    def emit(self, event: str, step: str | None = None, /, **data: object) -> None:
        """Emit an event of this site."""
        self.send(event, self.run, self.site, step, **data)

    def reason(self, text: str) -> str:
        """Return a reason on one line, without secrets."""
        return self.redactor.redact(sentence(text, _LONGEST_REASON))

    def cleaned(self, outcome: StepOutcome) -> StepOutcome:
        """Return the outcome without secrets and without control characters."""
        changes = tuple(
            replace(
                change,
                why=self.reason(change.why),
                item=_printable(change.item),
                title=_printable(change.title),
                unverified=self.reason(change.unverified),
            )
            for change in outcome.changes
        )
        output = self.redactor.redact(clean(outcome.output))
        return replace(outcome, why=self.reason(outcome.why), output=output, changes=changes)

    def started(self, client: str, host: str) -> None:
        """Record that the site was started."""
        self.ledger.sites.started(self.run, self.site, self.now())
        self.emit("site.started", client=client, host=host)

    def planned(self, plan: SitePlan, facts: SiteFacts | None) -> None:
        """Record the plan; only a plan with facts, or of a site without facts, is final."""
        self.ledger.sites.record_plan(self.run, self.site, plan, asdict(facts) if facts else None)

    def announce_plan(self, plan: SitePlan) -> None:
        """Emit the plan."""
        changes = [
            {"item": c.item, "from": c.from_version, "to": c.to_version, "action": c.action, "why": c.why}
            for c in plan.changes
        ]
        self.emit("site.planned", changes=changes, problems=list(plan.problems))

    def step_started(self, step: str) -> None:
        """Emit that a step was started."""
        self.emit("step.started", step, **self._number(step))

    def progress(self, step: str, phase: Phase, **transfer: int) -> None:
        """Emit what a step is doing; nothing is recorded. `transfer` is what a `Meter` measures."""
        self.emit("step.progress", step, **self._number(step), phase=phase, **transfer)

    def _number(self, step: str) -> dict[str, int]:
        known = step in self.steps
        return {"number": self.steps.index(step) + 1, "of": len(self.steps)} if known else {}

    def step_retried(self, step: str, outcome: StepOutcome, *, number: int, of: int, seconds: float) -> None:
        """Emit that a try of a step failed and that another one follows after so many seconds."""
        why = self.cleaned(outcome).why
        self.emit("step.retried", step, **{"try": number, "of": of, "why": why, "seconds": seconds})

    def step_finished(self, outcome: StepOutcome) -> None:
        """Record and emit the outcome of a step."""
        outcome = self.cleaned(outcome)
        self.ledger.steps.finished(self.run, self.site, outcome, self.now())
        self.announce_outcome(outcome)

    def steps_finished(self, outcomes: tuple[StepOutcome, ...]) -> tuple[StepOutcome, ...]:
        """Record the outcomes of several steps, and return them."""
        for outcome in outcomes:
            self.step_finished(outcome)
        return outcomes

    def announce_outcome(self, outcome: StepOutcome) -> None:
        """Emit the outcome of a step that is on record."""
        self.emit(
            "step.finished",
            outcome.step,
            outcome=outcome.outcome,
            seconds=outcome.seconds,
            why=outcome.why,
            changes=[_as_json(change) for change in outcome.changes],
        )

    def jobs(self) -> Sequence[SegmentView]:
        """Return the jobs on record for the site."""
        return self.ledger.jobs.list(self.run, self.site)

    def job_started(self, number: int, job: str, span: Span, *, trial: str | None = None) -> None:
        """Record a job before it is sent to the host."""
        self.ledger.jobs.started(self.run, self.site, number, job, trial=trial, span=span)

    def job_ended(
        self,
        number: int,
        job: str,
        status: str,
        outcomes: Sequence[StepOutcome] = (),
        *,
        undo_seconds: float | None = None,
    ) -> None:
        """Record the status of a job that ended and the outcomes of its steps, in one transaction."""
        self.ledger.jobs.ended(
            self.run,
            self.site,
            number,
            job,
            status=status,
            outcomes=outcomes,
            at=self.now(),
            undo_seconds=undo_seconds,
        )
        self.emit("segment.recorded", job=job, number=number, status=status)

    def job_acknowledged(self, number: int) -> None:
        """Record that the host may forget a job."""
        self.ledger.jobs.acknowledged(self.run, self.site, number)

    def restore_point(self, path: str, items: Sequence[object], *, size: int | None = None) -> None:
        """Record a restore point before it is created, or its size afterwards."""
        more = {} if size is None else {"size": size}
        self.ledger.restore_points.record(
            self.run, self.site, path, created=self.now(), items=list(items), **more
        )

    def hold(self, change: Change, why: str) -> None:
        """Hold an item: do not update it to this version."""
        self.ledger.holds.add(
            self.site, change.item, change.to_version, why=self.reason(why), since=self.now(), run=self.run
        )

    def page_checked(self, page: PageLook, at: datetime, *, phase: str, signal: str, usual: bool) -> None:
        """Record the check of one page; a state that is usual for the site counts as healthy."""
        look = LookView(
            site=self.site,
            run=self.run,
            at=at,
            phase=phase,
            signal=signal,
            url=page.url,
            healthy=None if page.seen is Seen.REFUSED else page.healthy or usual,
            seen=str(page.seen),
            status=page.status,
            seconds=page.seconds,
            size=page.size,
            findings=tuple(map(self.reason, page.findings)),
        )
        self.ledger.looks.record(look)

    def backup_stored(self, snapshot: Snapshot, *, client: str, uri: str, manifest_sha256: str) -> None:
        """Record a backup that was stored and read back."""
        backup = BackupView(
            snapshot=snapshot.snapshot,
            site=snapshot.site,
            client=client,
            run=self.run,
            taken=snapshot.taken,
            store="archive",
            uri=uri,
            size=snapshot.bytes,
            files=snapshot.files,
            tables=snapshot.tables,
            manifest_sha256=manifest_sha256,
            verified=self.now(),
        )
        self.ledger.backups.record(backup)
        self.emit(
            "backup.taken",
            snapshot=snapshot.snapshot,
            bytes=snapshot.bytes,
            files=snapshot.files,
            tables=snapshot.tables,
        )


def _as_json(change: ChangeOutcome) -> Mapping[str, object]:
    return {
        "item": change.item,
        "from": change.from_version,
        "to": change.to_version,
        "outcome": change.outcome,
        "why": change.why,
        "unverified": change.unverified,
        "uncertain": change.uncertain,
    }


def _printable(name: str) -> str:
    """Return the name, unchanged if it can be printed."""
    return name if name.isprintable() else sentence(name, _LONGEST_REASON)
