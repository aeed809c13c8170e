"""How a site ended when an error ended the work on it: the one place that calls a site lost.

Lost asks a person to look at a client's site, so it needs a job that may have run there.
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
    """How a site ended. `locked` when it was left to another run."""

    outcome: Outcome
    why: str = ""
    locked: bool = False


def open_jobs(segments: Iterable[SegmentView], *, unsent: str = "") -> tuple[SegmentView, ...]:
    """The jobs that may have run and whose end is not recorded.

    Args:
        segments: the jobs on record for one site of a run.
        unsent: id of a job that is on record and was not sent to its host.
    """
    return tuple(one for one in segments if one.state == "started" and one.job != unsent)


def ended_by(error: SitecrewError, segments: Iterable[SegmentView], *, attempt: int) -> Ending:
    """What an error makes of the site that was worked on.

    Args:
        error: as `contained` gives it.
        segments: the jobs on record for the site.
        attempt: of the run. A job that an earlier attempt sent is open, whatever this one did.
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
        case _:  # raised where this attempt had no job under way
            lost = attempt > 1 and bool(open_jobs(segments))
    return Ending(Outcome.LOST if lost else Outcome.FAILED, error.with_hint)


def abandoned(why: str, segments: Iterable[SegmentView], *, started: bool, uploads: bool) -> Ending:
    """What becomes of a site that the run waits for no longer.

    Args:
        why: it does not.
        segments: the jobs on record for the site.
        started: work on the site was started.
        uploads: the playbook sends files, which a host without a shell receives without a job.
    """
    if open_jobs(segments) or (started and uploads):
        return Ending(Outcome.LOST, why)
    state = "no job was running on this site" if started else "this site was not started"
    return Ending(Outcome.CANCELLED, f"{state}: {why}")
