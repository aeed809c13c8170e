"""The open points of a period: what was not done, is held, was taken back or failed, each said once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from runner.model import ChangeOutcome, Outcome
from runner.report.clean import clean
from runner.report.data import About, Done, Undone
from runner.report.history import Did, DueWindow, Work

__all__ = ["done", "undone"]

_GOOD = frozenset({Outcome.OK, Outcome.CHANGED})
_BAD = frozenset({Outcome.LOST, Outcome.FAILED, Outcome.UNREACHABLE, Outcome.CANCELLED, Outcome.UNDONE})
_WHY = 240


@dataclass(frozen=True, slots=True)
class _Try:
    """One attempt at one item."""

    at: datetime
    run: str
    site: str
    change: ChangeOutcome

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.site, self.change.kind, self.change.item)


def done(works: Iterable[Work]) -> tuple[Done, ...]:
    """Every update that is in place, oldest first."""
    found = []
    misses: dict[tuple[str, str, str], int] = defaultdict(int)
    for attempt in _tries(works):
        change = attempt.change
        if change.outcome in _BAD:
            misses[attempt.key] += 1
        elif change.outcome is Outcome.CHANGED:
            found.append(
                Done(
                    site=attempt.site,
                    item=clean(change.item),
                    kind=change.kind,
                    title=clean(change.title or change.item),
                    from_version=clean(change.from_version, 40),
                    to_version=clean(change.to_version, 40),
                    at=attempt.at,
                    run=attempt.run,
                    attempts=1 + misses.pop(attempt.key, 0),
                    why=clean(change.why, _WHY),
                )
            )
    return tuple(found)


def undone(works: Iterable[Work], windows: Iterable[DueWindow]) -> tuple[Undone, ...]:
    """What did not come to pass, worst first. What failed once and was done later is there, as solved."""
    works = tuple(works)
    points = [*_items(works), *_steps(works), *_sites(works), *_windows(windows)]
    order = list(Outcome)
    return tuple(sorted(points, key=lambda point: (not point.open, order.index(point.outcome), point.at[0])))


def _items(works: tuple[Work, ...]) -> Iterable[Undone]:
    """One point an item: the last thing that befell it, unless it is in place since."""
    tries: dict[tuple[str, str, str], list[_Try]] = defaultdict(list)
    for attempt in _tries(works):
        tries[attempt.key].append(attempt)
    for attempts in tries.values():
        misses = [t for t in attempts if t.change.outcome in _BAD or t.change.outcome is Outcome.MISSED]
        holds = [t for t in attempts if t.change.outcome is Outcome.HELD]
        if not misses and not holds:
            continue
        last = (misses or holds)[-1]
        solved = next(
            (t.at for t in attempts if t.at > last.at and t.change.outcome is Outcome.CHANGED), None
        )
        if solved and not misses:
            continue
        change = last.change
        same = [t for t in misses or holds if t.change.outcome is change.outcome]
        yield Undone(
            about=About.ITEM,
            outcome=change.outcome,
            at=tuple(t.at for t in same),
            site=last.site,
            item=clean(change.item),
            kind=change.kind,
            title=clean(change.title or change.item),
            from_version=clean(change.from_version, 40),
            to_version=clean(change.to_version, 40),
            why=clean(change.why, _WHY),
            waiting=attempts[-1].change.outcome is Outcome.HELD,
            solved=solved,
        )


def _steps(works: tuple[Work, ...]) -> Iterable[Undone]:
    """One point a site and kind of step that went wrong without an item to blame."""
    runs: dict[tuple[str, str], list[Did]] = defaultdict(list)
    for work in works:
        for step in work.steps:
            runs[work.site, step.kind].append(step)
    for (site, kind), steps in runs.items():
        misses = [s for s in steps if s.outcome in _BAD and not any(c.outcome in _BAD for c in s.changes)]
        if not misses:
            continue
        last = misses[-1]
        about = {"backup": About.BACKUP, "probe": About.LOOK}.get(kind.split(".")[0], About.STEP)
        yield Undone(
            about=about,
            outcome=last.outcome,
            at=tuple(s.at for s in misses),
            site=site,
            title=clean(last.title or kind),
            why=clean(last.why, _WHY),
            solved=next((s.at for s in steps if s.at > last.at and s.outcome in _GOOD), None),
        )


def _sites(works: tuple[Work, ...]) -> Iterable[Undone]:
    """One point a site whose work as a whole came to nothing, where no step says more."""
    runs: dict[str, list[Work]] = defaultdict(list)
    for work in works:
        runs[work.site].append(work)
    for site, all_works in runs.items():
        misses = [w for w in all_works if w.outcome in _BAD - {Outcome.UNDONE} and not _explained(w)]
        if not misses:
            continue
        last = misses[-1]
        yield Undone(
            about=About.SITE,
            outcome=last.outcome or Outcome.LOST,
            at=tuple(w.started for w in misses if w.outcome is last.outcome),
            site=site,
            why=clean(last.why, _WHY),
            solved=next((w.started for w in all_works if w.started > last.started and _finished(w)), None),
        )


def _windows(windows: Iterable[DueWindow]) -> Iterable[Undone]:
    found: dict[tuple[str, str, Outcome], list[DueWindow]] = defaultdict(list)
    for window in windows:
        found[window.window, window.site, window.outcome].append(window)
    for (name, site, outcome), due in found.items():
        yield Undone(
            about=About.WINDOW,
            outcome=outcome,
            at=tuple(window.starts for window in due),
            site=site,
            title=clean(name),
            why=clean(due[-1].why, _WHY),
        )


def _tries(works: Iterable[Work]) -> Iterable[_Try]:
    for work in works:
        for step in work.steps:
            for change in step.changes:
                yield _Try(step.at, work.run, work.site, change)


def _explained(work: Work) -> bool:
    """Some step or item of the work says itself what went wrong; a lost work stays lost as a whole."""
    if work.outcome is Outcome.LOST:
        return False
    return any(s.outcome in _BAD or any(c.outcome in _BAD for c in s.changes) for s in work.steps)


def _finished(work: Work) -> bool:
    return work.outcome in _GOOD | {Outcome.HELD, Outcome.UNDONE}
