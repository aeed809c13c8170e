"""The outcome of a site after an error.

Only here a site becomes `lost`. That means that a person has to check a client's site, so it requires a job
that may have run.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.errors import LockedError, LostError, SitecrewError, UnreachableError
from runner.hosts.boundary import UnexpectedError
from runner.model import Outcome

if TYPE_CHECKING:
    from runner.record import SegmentView

__all__ = ["Ending", "abandoned", "ended_by", "open_jobs"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a site ended."""

    outcome: Outcome
    why: str = ""
    locked: bool = False
    """Whether it was skipped because another run works on it."""


def open_jobs(segments: Iterable[SegmentView], *, unsent: str = "") -> tuple[SegmentView, ...]:
    """Return the jobs that may have run and whose end is not recorded.

    Args:
        segments: the jobs on record for one site of a run.
        unsent: id of a job on record that was not sent to its host.
    """
    return tuple(one for one in segments if one.state == "started" and one.job != unsent)


def ended_by(error: SitecrewError, segments: Iterable[SegmentView], *, attempt: int) -> Ending:
    """Return how a site ended on which an error occurred.

    Args:
        error: the error, as `contained` returns it.
        segments: the jobs on record for the site.
        attempt: number of the attempt. Jobs that an earlier attempt sent may have run.
    """
    match error:
        case LockedError():
            return Ending(Outcome.SKIPPED, error.with_hint, locked=True)
        case UnreachableError():
            return Ending(Outcome.UNREACHABLE, error.with_hint)
        case LostError():
            return Ending(Outcome.LOST, str(error))
        case UnexpectedError():
            unsent = error.unsent if attempt == 1 else ""
            lost = bool(open_jobs(segments, unsent=unsent))
        case _:  # this attempt had no running job
            lost = attempt > 1 and bool(open_jobs(segments))
    return Ending(Outcome.LOST if lost else Outcome.FAILED, error.with_hint)


def abandoned(why: str, segments: Iterable[SegmentView], *, started: bool, uploads: bool) -> Ending:
    """Return how a site ended that the run no longer waits for.

    Args:
        why: why it does not.
        segments: the jobs on record for the site.
        started: whether the site was started.
        uploads: whether the playbook uploads files, which needs no job on a host without a shell.
    """
    if open_jobs(segments) or (started and uploads):
        return Ending(Outcome.LOST, why)
    state = "no job was running on this site" if started else "this site was not started"
    return Ending(Outcome.CANCELLED, f"{state}: {why}")
