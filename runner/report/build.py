"""From what was recorded to what a report says. Pure: the same history gives the same report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from runner.errors import UsageError
from runner.model import Client, Outcome, Period, Settings, Site
from runner.report.clean import clean, labels
from runner.report.data import (
    About,
    BackupLine,
    Card,
    Done,
    Evidence,
    NextWindow,
    ReportData,
    SiteLine,
    SiteState,
    Status,
    Undone,
)
from runner.report.history import History, Work
from runner.report.points import done, undone

__all__ = ["assemble"]

_NO_WORD = frozenset({None, Outcome.SKIPPED, Outcome.CANCELLED, Outcome.MISSED})


def assemble(
    client: Client,
    sites: Sequence[Site],
    period: Period,
    history: History,
    settings: Settings,
    *,
    now: datetime,
    next_windows: Sequence[NextWindow] = (),
    expected_backups: Mapping[str, int] | None = None,
) -> ReportData:
    """Put a report together.

    Args:
        client: Whose report it is; their time zone decides which day something happened on.
        sites: Their sites, in the order in which the report names them.
        period: The span of days.
        history: What was recorded in that span; what lies outside is left aside.
        settings: The agency and its mail address.
        now: The instant of the report.
        next_windows: When work may be done next, soonest first.
        expected_backups: Backups that the windows asked for until now, by site; a site that is not in it,
            or None, means that nobody knows how many there should be.

    Raises:
        UsageError: The period has not begun.
    """
    start, end = period.instants(client.timezone)
    if now < start:
        raise UsageError(f"{period.key} has not begun", hint="choose the current month, or one before")
    history = _within(history, start, end)
    called = labels({site.name: site.url for site in sites})
    lines = tuple(_site(site, called[site.name], history) for site in sites)
    updates, points = done(history.works), undone(history.works, history.windows)
    backups = _backups(sites, history, expected_backups)
    return ReportData(
        client=client.id,
        client_name=clean(client.name),
        language=client.language,
        timezone=client.timezone,
        agency=settings.agency,
        period=period,
        complete=now >= end,
        status=_status(lines, points),
        sites=lines,
        cards=_cards(lines, updates, points, backups),
        done=updates,
        undone=points,
        backups=backups,
        next=tuple(next_windows),
        evidence=_evidence(client, period, history, settings, now),
        checked=history.checked,
    )


def _within(history: History, start: datetime, end: datetime) -> History:
    return History(
        works=tuple(w for w in history.works if start <= w.started < end),
        looks=tuple(look for look in history.looks if start <= look.at < end),
        backups=tuple(b for b in history.backups if start <= b.taken < end),
        windows=tuple(w for w in history.windows if start <= w.starts < end),
        checked=history.checked,
    )


def _site(site: Site, label: str, history: History) -> SiteLine:
    works = [work for work in history.works if work.site == site.name]
    return SiteLine(
        name=site.name,
        label=label,
        url=site.url,
        state=_state(site.name, works, history),
        last=works[-1].started if works else None,
    )


def _state(site: str, works: list[Work], history: History) -> SiteState:
    """The last work that says something decides; one that did not get through hides nothing."""
    missed = False
    for work in reversed(works):
        if work.outcome in _NO_WORD:
            continue
        if work.outcome is Outcome.UNREACHABLE:
            missed = True
            continue
        if work.outcome is Outcome.LOST:
            return SiteState.LOST
        if work.outcome is Outcome.FAILED:
            return SiteState.FAILED
        break
    if missed:
        return SiteState.UNREACHABLE
    looks = [look for look in history.looks if look.site == site and look.healthy is not None]
    if looks:
        return SiteState.HEALTHY if max(looks, key=lambda look: look.at).healthy else SiteState.FAILED
    return SiteState.UNKNOWN if works else SiteState.UNTOUCHED


def _status(lines: Sequence[SiteLine], points: Sequence[Undone]) -> Status:
    states = {line.state for line in lines}
    if states & {SiteState.FAILED, SiteState.LOST}:
        return Status.ACTION
    unknown = states <= {SiteState.UNTOUCHED}
    open_points = any(point.open and point.outcome is not Outcome.SKIPPED for point in points)
    return Status.ATTENTION if unknown or open_points or SiteState.UNREACHABLE in states else Status.GOOD


def _cards(
    lines: Sequence[SiteLine],
    updates: Sequence[Done],
    points: Sequence[Undone],
    backups: Sequence[BackupLine],
) -> dict[str, Card]:
    """The figures at the top; one that nothing feeds is absent."""
    cards = {}
    failed = sum(p.open and p.about is About.ITEM and p.outcome is not Outcome.HELD for p in points)
    if updates or failed:
        cards["updates"] = Card(len(updates), len(updates) + failed)
    if backups:
        known = [line.expected for line in backups if line.expected is not None]
        expected = sum(known) if len(known) == len(backups) else None
        cards["backups"] = Card(sum(line.taken for line in backups), expected)
    if any(line.state is SiteState.HEALTHY for line in lines):
        cards["healthy"] = Card(sum(line.state is SiteState.HEALTHY for line in lines), len(lines))
    return cards


def _backups(
    sites: Sequence[Site], history: History, expected: Mapping[str, int] | None
) -> tuple[BackupLine, ...]:
    """A line for each site that has backups or should have."""
    lines = []
    for site in sites:
        taken = [b for b in history.backups if b.site == site.name]
        wanted = (expected or {}).get(site.name)
        if not taken and not wanted:
            continue
        newest = max(taken, key=lambda b: b.taken, default=None)
        lines.append(
            BackupLine(
                site=site.name,
                taken=len(taken),
                expected=wanted,
                newest=newest.taken if newest else None,
                newest_bytes=newest.bytes if newest else None,
                verified=newest.verified if newest else None,
            )
        )
    return tuple(lines)


def _evidence(
    client: Client, period: Period, history: History, settings: Settings, now: datetime
) -> Evidence:
    zone = ZoneInfo(client.timezone)
    seen: set[date] = {work.started.astimezone(zone).date() for work in history.works}
    seen |= {look.at.astimezone(zone).date() for look in history.looks}
    seen |= {snapshot.taken.astimezone(zone).date() for snapshot in history.backups}
    until = min(period.last, now.astimezone(zone).date())
    sender = parseaddr(settings.mail.sender)[1] if settings.mail else ""
    return Evidence(
        report=f"R-{period.key}-{client.id}",
        days=(until - period.first).days + 1,
        days_with_data=len(seen),
        runs=tuple(dict.fromkeys(work.run for work in history.works)),
        generated=now,
        answer_to=settings.agency.reply_to or sender,
    )
