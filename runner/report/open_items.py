"""Updates that were done, and issues: not done, held, undone or failed, each listed once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from runner.model import UNREPEATED, ItemKind, Outcome, Slowdown
from runner.record import ChangeView, Failure, History, SiteRun
from runner.report.data import About, AutoLine, CompletedUpdate, Issue
from runner.report.grouping import group_done, group_undone
from runner.report.undos import BAD, WHY, in_place, key, undone_by_hand, version
from runner.report.windows import DueWindows, is_withheld, window_points
from runner.untrusted import sentence

__all__ = ["auto_updates", "find_issues", "find_updates"]

_FINISHED = frozenset({Outcome.OK, Outcome.CHANGED, Outcome.HELD, Outcome.UNDONE})
_SHARED_WITH_STEPS = frozenset({Outcome.LOST, Outcome.UNREACHABLE, Outcome.CANCELLED, Outcome.MISSED})
"""Outcomes of a site that its remaining steps get too, with the same reason."""
_AUTOMATIC = {"off": "off", "forced": "forced", "overruled": "forced"}


def find_updates(history: History) -> tuple[CompletedUpdate, ...]:
    """Return every update that is in place, oldest first."""
    return group_done(in_place(history))


def find_issues(history: History, due: DueWindows) -> tuple[Issue, ...]:
    """Return all issues, worst first. Resolved ones come last."""
    by_hand = tuple(undone_by_hand(history))
    items = group_undone(_items(history))
    points = [
        *_with_holds(by_hand, items),
        *(point for point in items if not _is_hold_of(point, by_hand)),
        *_checks(history),
        *_unseen(history),
        *_slower(history),
        *_steps(history),
        *_runs(history),
        *_withheld(history),
        *window_points(history, due),
    ]
    order = list(Outcome)
    return tuple(sorted(points, key=lambda point: (not point.open, order.index(point.outcome), point.at[0])))


def _with_holds(by_hand: Sequence[Issue], items: Sequence[Issue]) -> Iterable[Issue]:
    """Merge each undo by hand with the hold that follows from it."""
    for point in by_hand:
        yield replace(point, waiting=any(_is_hold_of(item, [point]) for item in items))


def _is_hold_of(item: Issue, by_hand: Iterable[Issue]) -> bool:
    return item.outcome is Outcome.HELD and any(
        point.open
        and (point.site, point.kind, point.item) == (item.site, item.kind, item.item)
        and (point.outcome, point.from_version) == (Outcome.UNDONE, item.to_version)
        for point in by_hand
    )


def auto_updates(history: History) -> tuple[AutoLine, ...]:
    """Return WordPress's own updates of held items, each in its latest state."""
    last = {(auto.site, auto.kind, auto.key): auto for auto in history.auto_updates if auto.state != "asked"}
    return tuple(
        AutoLine(
            site=auto.site,
            item=sentence(auto.item),
            kind=ItemKind(auto.kind),
            state=auto.state,
            why=sentence(auto.forced, WHY),
        )
        for auto in last.values()
    )


def _items(history: History) -> Iterable[Issue]:
    """Yield one issue per item: its latest failure or hold. A hold that ended with an update is left out."""
    automatic = {
        (line.site, line.kind, line.item): _AUTOMATIC.get(line.state, "") for line in auto_updates(history)
    }
    for attempts in _grouped(c for c in history.changes if not c.undo and not _is_check(c)).values():
        yield from map(_rolled_back_once, (c for c in attempts if c.why.startswith(UNREPEATED)))
        misses = [c for c in attempts if c.outcome in BAD or c.outcome is Outcome.MISSED]
        holds = [c for c in attempts if c.outcome is Outcome.HELD]
        if not misses and not holds:
            continue
        last = (misses or holds)[-1]
        solved = _first(
            c.finished for c in attempts if c.finished > last.finished and c.outcome is Outcome.CHANGED
        )
        if solved and not misses:
            continue
        yield replace(
            _of_item(last),
            at=tuple(c.finished for c in misses or holds if c.outcome is last.outcome),
            waiting=attempts[-1].outcome is Outcome.HELD,
            uncertain=last.uncertain and not _read_since(last, attempts),
            by_itself=automatic.get((last.site, ItemKind(last.kind), last.item), ""),
            solved=solved,
        )


def _read_since(change: ChangeView, attempts: Sequence[ChangeView]) -> bool:
    """Return whether a later run found the item at its previous version."""
    return any(
        later.finished > change.finished and later.from_version == change.from_version for later in attempts
    )


def _rolled_back_once(change: ChangeView) -> Issue:
    """An update that broke the site, was rolled back, and worked when it was tried again."""
    return replace(_of_item(change), outcome=Outcome.UNDONE, solved=change.finished)


def _of_item(change: ChangeView) -> Issue:
    """Return the issue for one change."""
    return Issue(
        about=About.ITEM,
        outcome=change.outcome,
        at=(change.finished,),
        site=change.site,
        item=sentence(change.item),
        kind=ItemKind(change.kind),
        title=sentence(change.title or change.item),
        from_version=version(change.from_version),
        to_version=version(change.to_version),
        why=sentence(change.why, WHY),
    )


def _checks(history: History) -> Iterable[Issue]:
    """Yield one issue per site and kind of item whose updates could not be checked."""
    for checks in _grouped(c for c in history.changes if not c.undo and _is_check(c)).values():
        last = checks[-1]
        yield Issue(
            about=About.CHECK,
            outcome=last.outcome,
            at=tuple(c.finished for c in checks),
            site=last.site,
            kind=ItemKind(last.kind),
            why=sentence(last.why, WHY),
            solved=_later_run(history, last.run, last.site),
        )


def _unseen(history: History) -> Iterable[Issue]:
    """Yield one issue per site with unverified changes; a healthy look after them resolves it."""
    found: dict[str, list[ChangeView]] = defaultdict(list)
    for change in history.changes:
        if change.unverified:
            found[change.site].append(change)
    looks = {look.site: look for look in history.last_looks}
    for site, changes in found.items():
        last, look = changes[-1], looks.get(site)
        seen_since = look is not None and look.healthy and look.at is not None and look.at > last.finished
        yield Issue(
            about=About.UNSEEN,
            outcome=Outcome.CHANGED,
            at=tuple(dict.fromkeys(change.finished for change in changes)),
            site=site,
            why=sentence(last.unverified, WHY),
            solved=look.at if look is not None and seen_since else None,
        )


def _slower(history: History) -> Iterable[Issue]:
    """Yield one issue per site and trial that made a page slower; undoing the changes resolves it."""
    found: dict[tuple[str, str], list[ChangeView]] = defaultdict(list)
    for change in history.changes:
        if change.outcome is Outcome.CHANGED and Slowdown.read(change.why):
            found[change.site, change.why].append(change)
    for (site, why), changes in found.items():
        yield Issue(
            about=About.SLOWER,
            outcome=Outcome.CHANGED,
            at=tuple(dict.fromkeys(change.finished for change in changes)),
            site=site,
            why=sentence(why, WHY),
            slowdown=Slowdown.read(why),
            solved=_undone_at(history, changes),
        )


def _undone_at(history: History, changes: Sequence[ChangeView]) -> datetime | None:
    """Return when the last of the changes was undone; None if any is still in place."""
    undos = [
        _first(
            later.finished
            for later in history.changes
            if later.finished > change.finished
            and key(later) == key(change)
            and later.outcome is Outcome.UNDONE
            and later.to_version == change.from_version
        )
        for change in changes
    ]
    times = [at for at in undos if at is not None]
    return max(times) if len(times) == len(undos) else None


def _steps(history: History) -> Iterable[Issue]:
    """Yield one issue per site and kind of step that failed without a failed item."""
    undos = {run.run for run in history.runs if run.undoes}
    ends = {
        (run.run, run.site): (run.outcome, run.why)
        for run in history.runs
        if run.outcome in _SHARED_WITH_STEPS
    }
    blamed = {(c.run, c.site, c.step) for c in history.changes if c.outcome in BAD and not _succeeded(c)}
    found: dict[tuple[str, str], list[Failure]] = defaultdict(list)
    for failure in history.failures:
        intended = failure.run in undos and failure.outcome is Outcome.UNDONE
        whole = ends.get((failure.run, failure.site)) == (failure.outcome, failure.why)
        if not (intended or whole) and (failure.run, failure.site, failure.step) not in blamed:
            found[failure.site, failure.kind].append(failure)
    for (site, kind), failures in found.items():
        last = failures[-1]
        about = {"backup": About.BACKUP, "probe": About.LOOK}.get(kind.split(".")[0], About.STEP)
        if about is About.BACKUP:
            later = (b.taken for b in history.backups if b.site == site and b.taken > last.finished)
            solved = _first(later)
        else:
            solved = _later_run(history, last.run, site)
        yield Issue(
            about=about,
            outcome=last.outcome,
            at=tuple(failure.finished for failure in failures),
            site=site,
            title=sentence(last.title or kind),
            why=sentence(last.why, WHY),
            solved=solved,
        )


def _runs(history: History) -> Iterable[Issue]:
    """Yield one issue per site on which runs failed as a whole, if no step or item explains it."""
    ends = {
        (run.run, run.site): (run.outcome, run.why)
        for run in history.runs
        if run.outcome in _SHARED_WITH_STEPS
    }
    explained = {
        (f.run, f.site) for f in history.failures if ends.get((f.run, f.site)) != (f.outcome, f.why)
    } | {(c.run, c.site) for c in history.changes if c.outcome in BAD}
    found: dict[str, list[SiteRun]] = defaultdict(list)
    for run in history.runs:
        bad = run.outcome in BAD | {Outcome.MISSED} and not (run.undoes and run.outcome is Outcome.UNDONE)
        if bad and (run.outcome is Outcome.LOST or (run.run, run.site) not in explained):
            found[run.site].append(run)
    for site, runs in found.items():
        last = runs[-1]
        yield Issue(
            about=About.SITE,
            outcome=_of_site(last),
            at=tuple(run.started for run in runs if _of_site(run) is _of_site(last)),
            site=site,
            why=sentence(last.why, WHY),
            solved=_later_run(history, last.run, site),
        )


def _of_site(run: SiteRun) -> Outcome:
    """Return the outcome of a site's issue. A started site that its window left unfinished was stopped."""
    if run.outcome is Outcome.MISSED and run.site_started:
        return Outcome.CANCELLED
    return run.outcome or Outcome.LOST


def _withheld(history: History) -> Iterable[Issue]:
    """Yield one issue per site and reason for which its plan was not applied."""
    found: dict[tuple[str, str], list[SiteRun]] = defaultdict(list)
    for run in history.runs:
        if run.outcome is Outcome.SKIPPED and is_withheld(run.why):
            found[run.site, run.why].append(run)
    for (site, why), runs in found.items():
        yield Issue(
            about=About.APPROVAL,
            outcome=Outcome.SKIPPED,
            at=tuple(run.started for run in runs),
            site=site,
            why=sentence(why, WHY),
            solved=_later_run(history, runs[-1].run, site),
        )


def _succeeded(change: ChangeView) -> bool:
    """Return whether an undo restored its item."""
    return change.undo is not None and change.outcome is Outcome.UNDONE


def _is_check(change: ChangeView) -> bool:
    """Return whether a failure is that of the check for updates, not of an update."""
    return change.outcome is Outcome.FAILED and not change.to_version


def _grouped(changes: Iterable[ChangeView]) -> Mapping[tuple[str, str, str], Sequence[ChangeView]]:
    found: dict[tuple[str, str, str], list[ChangeView]] = defaultdict(list)
    for change in changes:
        found[key(change)].append(change)
    return found


def _later_run(history: History, run: str, site: str) -> datetime | None:
    """Return when a later run of the same playbook finished on the site."""
    runs = [found for found in history.runs if found.site == site]
    this = next((found for found in runs if found.run == run), None)
    if this is None:
        return None
    return _first(
        found.finished or found.started
        for found in runs
        if (found.playbook, found.undoes) == (this.playbook, this.undoes)
        and found.started > this.started
        and found.outcome in _FINISHED
    )


def _first(instants: Iterable[datetime]) -> datetime | None:
    return min(instants, default=None)
