"""The state of a run, folded from its events; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from runner.model import Outcome, Phase, RunEvent

__all__ = ["Goal", "RunProgress", "SiteProgress", "Soak", "Transfer"]


class Goal(StrEnum):
    """How far a run is to go."""

    END = "end"
    FINISH_STARTED = "finish started"
    """Finish the sites in progress and start no others."""
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes that a step transfers; rates are bytes per second."""

    bytes: int
    rate: int
    total: int | None = None
    seconds_left: int | None = None


@dataclass(frozen=True, slots=True)
class Soak:
    """The soak time of a ring."""

    until: datetime
    ring: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteProgress:
    """A site in progress."""

    site: str
    since: datetime
    step: str = ""
    """Empty before the first step."""
    step_since: datetime
    number: int = 0
    of: int = 0
    """0 if unknown."""
    phase: Phase | None = None
    changes: int = 0
    """Changes in the trial in progress; 0 if there is none."""
    transfer: Transfer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """Which sites wait, are in progress and have finished. `after` returns the state after an event."""

    sites: tuple[str, ...] = ()
    """All sites of the run, or those that were left when it was resumed."""
    waiting: frozenset[str] = frozenset()
    running: Mapping[str, SiteProgress] = field(default_factory=dict)
    """In the order in which they started."""
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    """Number of finished sites by outcome."""
    took: tuple[float, int] = (0.0, 0)
    """Seconds that sites took in all, and their number; without those that ended early."""
    soak: Soak | None = None
    """Set while a ring soaks."""
    rings_left: int = 0
    goal: Goal = Goal.END
    earlier: Mapping[str, float] = field(default_factory=dict)
    """Seconds that sites took in an earlier run of the playbook."""
    soak_time: timedelta = timedelta()
    """Soak time after each ring but the last."""

    @property
    def done(self) -> int:
        """Number of finished sites."""
        return sum(self.outcomes.values())

    def after(self, event: RunEvent) -> RunProgress:
        """Return the state after an event."""
        change = _CHANGES.get(event.event)
        return change(self, event) if change else self

    def seconds_left(self, now: datetime) -> float | None:
        """Estimate the seconds until the run ends; None if unknown.

        By the average of the sites that have finished in this run, else by an earlier run of the playbook.
        """
        waiting = self.waiting if self.goal is Goal.END else frozenset[str]()
        left = 0.0
        for site in (*waiting, *self.running):
            expected = self._expected(site, now)
            if expected is None:
                return None
            row = self.running.get(site)
            left += max(expected - (now - row.since).total_seconds(), 0) if row else expected
        left /= max(len(self.running), 1)
        transfers = [row.transfer.seconds_left or 0 for row in self.running.values() if row.transfer]
        left = max([left, *transfers]) + self._soaking(now)
        return left or None

    def _expected(self, site: str, now: datetime) -> float | None:
        """Return the seconds that a site takes in all. The first to finish are the fastest."""
        seconds, count = self.took
        if count:
            elapsed = [(now - row.since).total_seconds() for row in self.running.values()]
            return max(seconds / count, sum(elapsed) / len(elapsed) if elapsed else 0.0)
        average = sum(self.earlier.values()) / len(self.earlier) if self.earlier else None
        return self.earlier.get(site, average)

    def _soaking(self, now: datetime) -> float:
        if self.goal is not Goal.END:
            return 0.0
        left = max((self.soak.until - now).total_seconds(), 0) if self.soak else 0.0
        rings = self.rings_left - 1 if self.soak else self.rings_left
        return left + max(rings, 0) * self.soak_time.total_seconds()

    def _with_row(self, row: SiteProgress) -> RunProgress:
        return replace(self, running={**self.running, row.site: row}, waiting=self.waiting - {row.site})


def _start_run(run: RunProgress, event: RunEvent) -> RunProgress:
    names: Any = event.data["sites"]
    return RunProgress(
        sites=tuple(names), waiting=frozenset(names), earlier=run.earlier, soak_time=run.soak_time
    )


def _start_ring(run: RunProgress, event: RunEvent) -> RunProgress:
    return replace(run, soak=None, rings_left=_number(event, "of") - _number(event, "ring"))


def _soak(run: RunProgress, event: RunEvent) -> RunProgress:
    until = datetime.fromisoformat(str(event.data["until"]))
    return replace(run, soak=Soak(until, _number(event, "ring"), _number(event, "of")))


def _stop_rings(run: RunProgress, _: RunEvent) -> RunProgress:
    return replace(run, soak=None, rings_left=0)


def _start_site(run: RunProgress, event: RunEvent) -> RunProgress:
    site = event.site or ""
    return run._with_row(  # noqa: SLF001  # a part of the class
        SiteProgress(site=site, since=event.at, step_since=event.at, phase=Phase.READING)
    )


def _row(run: RunProgress, event: RunEvent) -> SiteProgress:
    """Return the site's row at the step of the event, without a phase if the step is another one."""
    site, step = event.site or "", event.step or ""
    row = run.running.get(site) or SiteProgress(site=site, since=event.at, step_since=event.at)
    if step != row.step:
        row = SiteProgress(site=site, since=row.since, step=step, step_since=event.at)
    if "number" in event.data:
        row = replace(row, number=_number(event, "number"), of=_number(event, "of"))
    return row


def _start_step(run: RunProgress, event: RunEvent) -> RunProgress:
    return run._with_row(_row(run, event))  # noqa: SLF001


def _progress(run: RunProgress, event: RunEvent) -> RunProgress:
    found: Any = event.data
    transfer = None
    if "bytes" in found:
        transfer = Transfer(
            found["bytes"], found["rate"], found.get("bytes_total"), found.get("seconds_left")
        )
    row = replace(_row(run, event), phase=Phase(found["phase"]), transfer=transfer)
    return run._with_row(row)  # noqa: SLF001


def _start_trial(run: RunProgress, event: RunEvent) -> RunProgress:
    items: Any = event.data["items"]
    return run._with_row(replace(_row(run, event), changes=len(items)))  # noqa: SLF001


def _finish_step(run: RunProgress, event: RunEvent) -> RunProgress:
    row = run.running.get(event.site or "")
    if row is None or row.step != event.step:
        return run
    return run._with_row(replace(row, phase=None, changes=0, transfer=None))  # noqa: SLF001


def _finish_site(run: RunProgress, event: RunEvent) -> RunProgress:
    site, outcome = event.site or "", Outcome(str(event.data["outcome"]))
    row = run.running.get(site)
    if row is None and site not in run.waiting:
        return run  # a site whose outcome changed after its soak time
    seconds, count = run.took
    usual = outcome in {Outcome.OK, Outcome.CHANGED, Outcome.UNDONE}
    return replace(
        run,
        waiting=run.waiting - {site},
        running={name: other for name, other in run.running.items() if name != site},
        outcomes={**run.outcomes, outcome: run.outcomes.get(outcome, 0) + 1},
        took=(seconds + (event.at - row.since).total_seconds(), count + 1) if usual and row else run.took,
    )


def _number(event: RunEvent, key: str) -> int:
    return int(str(event.data[key]))


_CHANGES: Mapping[str, Callable[[RunProgress, RunEvent], RunProgress]] = {
    "run.started": _start_run,
    "run.resumed": _start_run,
    "run.settling": _start_run,
    "run.draining": lambda run, _: replace(run, goal=Goal.FINISH_STARTED),
    "run.cancelling": lambda run, _: replace(run, goal=Goal.CANCEL),
    "ring.started": _start_ring,
    "ring.soaking": _soak,
    "ring.stopped": _stop_rings,
    "site.started": _start_site,
    "site.finished": _finish_site,
    "step.started": _start_step,
    "step.progress": _progress,
    "step.finished": _finish_step,
    "trial.started": _start_trial,
}
