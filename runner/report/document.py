"""A report as JSON: instants in UTC; sections without content are left out."""

from __future__ import annotations

from datetime import UTC, datetime

from runner.model import Slowdown
from runner.report.data import (
    AutoLine,
    BackupLine,
    CompletedUpdate,
    Evidence,
    Issue,
    NextWindow,
    ReportData,
    SiteLine,
)

__all__ = ["report_document"]


def report_document(report: ReportData) -> dict[str, object]:
    """Return the document of `report --json`."""
    document: dict[str, object] = {
        "client": report.client,
        "client_name": report.client_name,
        "period": report.period.key,
        "first": report.period.first.isoformat(),
        "last": report.period.last.isoformat(),
        "complete": report.complete,
        "timezone": report.timezone,
        "language": report.language,
        "status": report.status.value,
        "sites": [_site(line) for line in report.sites],
    }
    sections: dict[str, object] = {
        "cards": {name: {"value": card.value, "of": card.of} for name, card in report.cards.items()},
        "done": [_done(change) for change in report.done],
        "undone": [_undone(point) for point in report.undone],
        "auto_updates": [_auto(line) for line in report.auto_updates],
        "backups": [_backup(line) for line in report.backups],
        "windows": {"due": report.windows.due, "missed": report.windows.missed} if report.windows else None,
        "next": [_next(window) for window in report.next],
        "evidence": _evidence(report.evidence),
    }
    return document | {name: section for name, section in sections.items() if section}


def _site(line: SiteLine) -> dict[str, object]:
    return {"site": line.name, "url": line.url, "state": line.state.value, "last": _instant(line.last)}


def _done(change: CompletedUpdate) -> dict[str, object]:
    return {
        "site": change.site,
        "item": change.item,
        "kind": change.kind.value,
        "title": change.title,
        "from": change.from_version,
        "to": change.to_version,
        "at": _instant(change.at),
        "run": change.run,
        "attempts": change.attempts,
        "why": change.why,
        "parts": _parts(change),
    }


def _undone(point: Issue) -> dict[str, object]:
    return {
        "about": point.about.value,
        "outcome": point.outcome.value,
        "site": point.site or None,
        "item": point.item or None,
        "kind": point.kind.value if point.kind else None,
        "title": point.title,
        "from": point.from_version,
        "to": point.to_version,
        "at": [_instant(at) for at in point.at],
        "why": point.why,
        "parts": _parts(point),
        "waiting": point.waiting,
        "uncertain": point.uncertain,
        "by_itself": point.by_itself,
        "slowdown": _slowdown(point.slowdown),
        "open": point.open,
        "solved": _instant(point.solved),
    }


def _slowdown(found: Slowdown | None) -> dict[str, object] | None:
    return None if found is None else {"page": found.page, "before": found.before, "after": found.after}


def _parts(found: CompletedUpdate | Issue) -> list[dict[str, str]]:
    return [{"item": p.item, "from": p.from_version, "to": p.to_version} for p in found.parts]


def _auto(line: AutoLine) -> dict[str, object]:
    return {
        "site": line.site,
        "item": line.item,
        "kind": line.kind.value,
        "state": line.state,
        "why": line.why,
    }


def _backup(line: BackupLine) -> dict[str, object]:
    return {
        "site": line.site,
        "taken": line.taken,
        "expected": line.expected,
        "newest": _instant(line.newest),
        "bytes": line.newest_bytes,
        "verified": _instant(line.verified),
    }


def _next(window: NextWindow) -> dict[str, object]:
    return {
        "window": window.window,
        "starts": _instant(window.starts),
        "closes": _instant(window.closes),
        "sites": list(window.sites),
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "report": evidence.report,
        "days": {"with_data": evidence.days_with_data, "of": evidence.days},
        "runs": list(evidence.runs),
        "generated": _instant(evidence.generated),
        "answer_to": evidence.answer_to,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
