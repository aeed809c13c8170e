"""The windows of a period: those that a scheduler decided, and those that were due without a scheduler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from runner.model import Outcome
from runner.record import History, WhyNot, WindowState, WindowView
from runner.report.data import About, Issue, WindowCount
from runner.untrusted import sentence

__all__ = ["DueWindows", "counted", "is_withheld", "window_points", "with_due"]

_WHY = 240
_UNAPPROVED = (WhyNot.UNAPPROVED, WhyNot.DECLINED, WhyNot.OUTDATED)
_BUSY = (WhyNot.BUSY, "the run before was still working")
"""Reasons for skipping because of the previous run; the second is from earlier versions."""


@dataclass(frozen=True, slots=True)
class DueWindows:
    """Openings of the period that have ended."""

    due: tuple[WindowView, ...] = ()
    """Openings of scheduled windows, with the result for each that no scheduler has decided."""
    unattended: tuple[WindowView, ...] = ()
    """Openings of windows that no scheduler has ever run."""
    expected_backups: Mapping[str, int] | None = None
    """Number of backups that the windows asked for, by site. Unknown for other sites, and if None."""


def with_due(history: History, due: DueWindows, now: datetime) -> History:
    """Return the history with every opening that was due; decisions of a clock that was ahead are dropped."""
    decided = {(row.window, row.starts) for row in history.windows if not row.site}
    found = [row for row in history.windows if row.starts <= now]
    found += [row for row in due.due if (row.window, row.starts) not in decided]
    return replace(history, windows=tuple(sorted(found, key=lambda row: row.starts)))


def counted(history: History) -> WindowCount | None:
    """Return how many windows were due, without blackouts, and how many of them were missed; None if none."""
    states = [_outcome(row) for row in history.windows]
    missed = states.count(Outcome.MISSED)
    due = missed + states.count(Outcome.OK)
    return WindowCount(due, missed) if due else None


def window_points(history: History, due: DueWindows) -> Iterable[Issue]:
    """Yield one issue per window that was missed, skipped, or has no scheduler."""
    found: dict[tuple[str, str, Outcome, str], list[WindowView]] = defaultdict(list)
    for row in history.windows:
        unknown = row.state is WindowState.SKIPPED and row.why == WhyNot.REPLACED
        if (outcome := _outcome(row)) is not Outcome.OK and not unknown:
            found[row.window, row.site, outcome, _own_reason(row)].append(row)
    for (name, site, outcome, own), rows in found.items():
        yield _point(_about(own), outcome, name, site, rows)
    unattended: dict[str, list[WindowView]] = defaultdict(list)
    for row in due.unattended:
        if row.state is WindowState.MISSED:
            unattended[row.window].append(row)
    for name, rows in unattended.items():
        yield _point(About.UNATTENDED, Outcome.MISSED, name, "", rows)


def is_withheld(why: str) -> bool:
    """Whether a reason says that a site had no approved plan that could be applied."""
    return why.startswith((*_UNAPPROVED, WhyNot.UNPLANNED))


def _about(own: str) -> About:
    return About.APPROVAL if own.startswith(_UNAPPROVED) else About.PAUSE if own else About.WINDOW


def _own_reason(row: WindowView) -> str:
    """Return the reason of a window that was paused or not approved, which differs from case to case."""
    own = row.state is WindowState.SKIPPED and row.why.startswith((WhyNot.PAUSED, *_UNAPPROVED))
    return row.why if own else ""


def _outcome(row: WindowView) -> Outcome:
    # A window that was skipped because a run was still going, or could not be planned, counts as missed.
    if row.state is WindowState.SKIPPED and row.why.startswith((*_BUSY, WhyNot.UNPLANNED)):
        return Outcome.MISSED
    return {
        WindowState.RUN: Outcome.OK,
        WindowState.MISSED: Outcome.MISSED,
        WindowState.SKIPPED: Outcome.SKIPPED,
    }[row.state]


def _point(about: About, outcome: Outcome, name: str, site: str, rows: list[WindowView]) -> Issue:
    return Issue(
        about=about,
        outcome=outcome,
        at=tuple(row.starts for row in rows),
        site=site,
        title=sentence(name),
        why=sentence(rows[-1].why, _WHY),
    )
