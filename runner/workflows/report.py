"""A client's report: built from the ledger alone, written down, and sent once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runner.deliver import Delivery, Letter, Picture, deliver
from runner.errors import UsageError
from runner.load import resolve
from runner.model import Client, Period
from runner.plan import next_windows
from runner.record import Ledger
from runner.report import NextWindow, ReportData, build_report, render_html, render_text, subject

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Made", "make_report", "send_report"]

_FINAL = "final"
_LOGO = "logo"
_WINDOWS = 40
_SUBTYPES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".svg": "svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A report as it was written down."""

    report: ReportData
    html: str
    text: str
    logo: Picture | None
    paths: tuple[Path, ...]


def make_report(workspace: Workspace, ledger: Ledger, client: Client, period: Period) -> Made:
    """Build and render a report, and write it to reports/out/ in the workspace.

    Raises:
        UsageError: the period has not begun.
    """
    now = datetime.now(UTC)
    sites = [site for site in workspace.inventory.sites.values() if site.client == client.id]
    report = build_report(
        ledger, client, sites, period, workspace.settings, now=now, next_windows=_next(workspace, client, now)
    )
    logo = _logo(workspace)
    templates = workspace.folder / "reports"
    own = templates if (templates / "mail.html.j2").exists() else None
    html = render_html(report, logo=f"cid:{_LOGO}" if logo else None, templates=own)
    text = render_text(report, templates=own)
    return Made(
        report=report, html=html, text=text, logo=logo, paths=_write(workspace, client, period, html, text)
    )


def send_report(
    workspace: Workspace, ledger: Ledger, client: Client, period: Period, made: Made, *, again: bool
) -> Delivery:
    """Send a report to the client's contacts; once, unless `again`.

    Raises:
        UsageError: there is no mail server or nobody to send to.
        DeliveryError: a person has to change something first; the message stays in the outbox.
    """
    mail, agency = workspace.settings.mail, workspace.settings.agency
    if mail is None:
        raise UsageError("no mail server is set", hint="set `mail` in sitecrew.yaml")
    if not client.contacts:
        raise UsageError(
            f"{client.name} has no contacts", hint=f"set clients.{client.id}.contacts in inventory.yaml"
        )
    ledger.record_report(
        client.id,
        period.key,
        _FINAL,
        status=str(made.report.status),
        data=json.loads(json.dumps(made.report.as_json())),
        html_sha256=hashlib.sha256(made.html.encode()).hexdigest(),
        created=datetime.now(UTC),
    )
    letter = Letter(
        client=client.id,
        period=period.key,
        kind=_FINAL,
        contacts=client.contacts,
        subject=subject(made.report),
        html=made.html,
        text=made.text,
        language=client.language,
        sender_name=agency.name,
        reply_to=agency.reply_to,
        picture=made.logo,
    )
    ref = mail.password

    def password() -> str | None:
        return resolve(ref, base=workspace.folder) if ref else None

    return deliver(ledger, mail, letter, password=password, again=again)


def _next(workspace: Workspace, client: Client, now: datetime) -> tuple[NextWindow, ...]:
    found = next_windows(workspace.inventory, now, _WINDOWS)
    first: dict[str, NextWindow] = {}
    for due in found:
        if due.client == client.id and due.window not in first:
            first[due.window] = NextWindow(
                window=due.window, starts=due.starts, closes=due.closes, sites=due.sites
            )
    return tuple(first.values())


def _logo(workspace: Workspace) -> Picture | None:
    named = workspace.settings.agency.logo
    if named is None:
        return None
    path = Path(named)
    try:
        return Picture(_LOGO, _SUBTYPES.get(path.suffix.lower(), "png"), path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the logo {path} cannot be read: {error.strerror}", hint="check agency.logo"
        ) from error


def _write(workspace: Workspace, client: Client, period: Period, html: str, text: str) -> tuple[Path, ...]:
    folder = workspace.folder / "reports/out"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for ending, content in (("html", html), ("txt", text)):
        path = folder / f"{client.id}-{period.key}.{ending}"
        path.write_text(content, encoding="utf-8")
        written.append(path)
    return tuple(written)
