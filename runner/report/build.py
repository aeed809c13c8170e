"""Build a report from the ledger. `assemble` is pure: the same history gives the same report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from email.utils import parseaddr
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from runner.errors import UsageError
from runner.model import Client, Outcome, Period, Settings, Site
from runner.record import History, LastLook, SiteRun
from runner.report.data import (
    About,
    BackupLine,
    Card,
    CompletedUpdate,
    Evidence,
    Issue,
    NextWindow,
    ReportData,
    SiteLine,
    SiteState,
    Status,
)
from runner.report.labels import labels
from runner.report.open_items import auto_updates, find_issues, find_updates
from runner.report.windows import DueWindows, counted, with_due
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["assemble", "build_report"]

_STATE_AFTER = {Outcome.LOST: SiteState.LOST, Outcome.FAILED: SiteState.FAILED}
_SAYS_NOTHING = frozenset({None, Outcome.SKIPPED, Outcome.CANCELLED, Outcome.MISSED})


def build_report(
    ledger: Ledger,
    client: Client,
    sites: Sequence[Site],
    period: Period,
    settings: Settings,
    *,
    now: datetime,
    next_windows: Sequence[NextWindow] = (),
    due_windows: Callable[[History], DueWindows] | None = None,
) -> ReportData:
    """Read the ledger and build a client's report; see `assemble`.

    Raises:
        UsageError: The period has not started.
        LedgerError: The ledger cannot be read.
    """
    start, end = period.instants(client.timezone)
    history = ledger.reports.history([site.name for site in sites], start, end, client=client.id)
    return assemble(
        client,
        sites,
        period,
        history,
        settings,
        now=now,
        next_windows=next_windows,
        due_windows=due_windows(history) if due_windows else DueWindows(),
    )


def assemble(
    client: Client,
    sites: Sequence[Site],
    period: Period,
    history: History,
    settings: Settings,
    *,
    now: datetime,
    next_windows: Sequence[NextWindow] = (),
    due_windows: DueWindows = DueWindows(),  # noqa: B008  # it is frozen
) -> ReportData:
    """Build a report.

    Args:
        client: The client. Days are days in its time zone.
        sites: The client's present sites, in the order of the report. Former sites of the period follow.
        period: The period.
        history: The ledger's records of the sites in the period.
        settings: The agency and its mail address.
        now: The time of the report.
        next_windows: The next openings, soonest first.
        due_windows: The openings of the period that have ended.

    Raises:
        UsageError: The period has not started.
    """
    start, end = period.instants(client.timezone)
    if now < start:
        raise UsageError(f"{period.key} has not started", hint="choose the current month or an earlier one")
    history = with_due(history, due_windows, now)
    urls = _urls(sites, history)
    called = labels(urls)
    lines = tuple(_site(name, url, called[name], history) for name, url in urls.items())
    backups = _backups(urls, history, due_windows.expected_backups)
    updates, issues = find_updates(history), find_issues(history, due_windows)
    issues += _look_issues(lines, issues, history)
    issues += _missing_backups(backups, issues, now=min(now, end))
    return ReportData(
        client=client.id,
        client_name=sentence(client.name),
        language=client.language,
        timezone=client.timezone,
        agency=settings.agency,
        period=period,
        complete=now >= end,
        status=_status(lines, issues),
        sites=lines,
        cards=_cards(lines, updates, issues, backups),
        done=updates,
        undone=issues,
        auto_updates=auto_updates(history),
        backups=backups,
        next=tuple(next_windows),
        windows=counted(history),
        evidence=_evidence(client, period, history, settings, now),
    )


def _urls(sites: Sequence[Site], history: History) -> dict[str, str]:
    """Return sites and their URLs: the client's present sites, then former ones of the period."""
    of_period = {site.name: site.url for site in sites if site.name in history.sites}
    gone = {one.name: one.url for one in history.websites if one.name not in of_period}
    return of_period | gone or {site.name: site.url for site in sites}


def _site(name: str, url: str, label: str, history: History) -> SiteLine:
    runs = [run for run in history.runs if run.site == name]
    return SiteLine(
        name=name,
        label=label,
        url=url,
        state=_state(name, runs, history),
        last=runs[-1].started if runs else None,
    )


def _state(site: str, runs: Sequence[SiteRun], history: History) -> SiteState:
    """Return the state after the last conclusive run. A failed connection hides no earlier failure."""
    unreachable = False
    for run in reversed(runs):
        if run.outcome in _SAYS_NOTHING:
            continue
        if run.outcome is Outcome.UNREACHABLE:
            unreachable = True
            continue
        if run.outcome in _STATE_AFTER:
            return _STATE_AFTER[run.outcome]
        if unreachable:
            break
        return _state_from_look(_look(site, history))
    if unreachable:
        return SiteState.UNREACHABLE
    return SiteState.UNKNOWN if runs else SiteState.UNTOUCHED


def _look(site: str, history: History) -> LastLook | None:
    return next((look for look in history.last_looks if look.site == site), None)


def _state_from_look(look: LastLook | None) -> SiteState:
    """Return the state of a site after a successful run. Without a look it is not called healthy."""
    if look is None or look.healthy is None or look.refused is not None:
        return SiteState.UNKNOWN
    return SiteState.HEALTHY if look.healthy else SiteState.FAILED


def _look_issues(lines: Sequence[SiteLine], issues: Sequence[Issue], history: History) -> tuple[Issue, ...]:
    """Return an issue for each site that refuses all requests or was unhealthy at the last look."""
    explained = {point.site for point in issues if point.open and point.about in {About.LOOK, About.SITE}}
    unseen = {point.site for point in issues if point.open and point.about is About.UNSEEN}
    found = []
    for line in lines:
        look = _look(line.name, history)
        if look is None or line.state is SiteState.UNTOUCHED:
            continue
        if line.name in unseen:
            continue
        if look.refused is not None and look.refused_at is not None:
            why = f"answers {look.refused} where 200 is expected"
            at, outcome = look.refused_at, Outcome.UNREACHABLE
        elif look.healthy is False and look.at is not None and line.name not in explained:
            why, at, outcome = "", look.at, Outcome.FAILED
        else:
            continue
        found.append(Issue(about=About.LOOK, outcome=outcome, at=(at,), site=line.name, why=why))
    return tuple(found)


def _status(lines: Sequence[SiteLine], issues: Sequence[Issue]) -> Status:
    states = {line.state for line in lines}
    if states & {SiteState.FAILED, SiteState.LOST}:
        return Status.ACTION
    idle = states <= {SiteState.UNTOUCHED}
    unknown = states & {SiteState.UNREACHABLE, SiteState.UNKNOWN}
    open_points = any(point.open and point.outcome is not Outcome.SKIPPED for point in issues)
    return Status.ATTENTION if idle or unknown or open_points else Status.GOOD


def _cards(
    lines: Sequence[SiteLine],
    updates: Sequence[CompletedUpdate],
    issues: Sequence[Issue],
    backups: Sequence[BackupLine],
) -> dict[str, Card]:
    """Return the figures at the top; those without data are left out."""
    cards = {}
    failed = sum(p.open and p.about is About.ITEM and p.outcome is not Outcome.HELD for p in issues)
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
    sites: Iterable[str], history: History, expected: Mapping[str, int] | None
) -> tuple[BackupLine, ...]:
    """Return a line for each site that has backups or should have some."""
    lines = []
    for site in sites:
        taken = [b for b in history.backups if b.site == site]
        wanted = (expected or {}).get(site)
        if not taken and not wanted:
            continue
        newest = max(taken, key=lambda b: b.taken, default=None)
        lines.append(
            BackupLine(
                site=site,
                taken=len(taken),
                expected=wanted,
                newest=newest.taken if newest else None,
                newest_bytes=newest.size if newest else None,
                verified=newest.verified if newest else None,
            )
        )
    return tuple(lines)


def _missing_backups(
    backups: Sequence[BackupLine], issues: Sequence[Issue], *, now: datetime
) -> tuple[Issue, ...]:
    """Return an issue for each site with missing backups that no other issue explains."""
    explained = {point.site for point in issues if point.about in {About.BACKUP, About.SITE, About.WINDOW}}
    return tuple(
        Issue(about=About.BACKUP, outcome=Outcome.MISSED, at=(now,), site=line.site)
        for line in backups
        if line.expected is not None and line.taken < line.expected and not explained & {"", line.site}
    )


def _evidence(
    client: Client, period: Period, history: History, settings: Settings, now: datetime
) -> Evidence:
    zone = ZoneInfo(client.timezone)
    seen = history.days_with_runs(client.timezone)
    seen |= {backup.taken.astimezone(zone).date() for backup in history.backups}
    until = min(period.last, now.astimezone(zone).date())
    sender = parseaddr(settings.mail.sender)[1] if settings.mail else ""
    return Evidence(
        report=f"R-{period.key}-{client.id}",
        days=(until - period.first).days + 1,
        days_with_data=len(seen),
        runs=tuple(dict.fromkeys(run.run for run in history.runs)),
        generated=now,
        answer_to=settings.agency.reply_to or sender,
    )
