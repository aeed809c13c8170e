"""Build a client's report from the ledger, write it to files and send it once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.deliver import Delivery, Letter, Picture, deliver, latest_edition, retry_due
from runner.errors import UsageError
from runner.inspect.due_windows import due_windows
from runner.load import resolve
from runner.model import Client, Mail, Period
from runner.plan import next_of_client
from runner.report import (
    NextWindow,
    ReportData,
    build_report,
    read_logo,
    render_html,
    render_text,
    spoken,
    subject,
    write,
)
from runner.report.document import report_document

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = [
    "LOGO",
    "WrittenReport",
    "mail_password",
    "make_report",
    "no_contacts_hint",
    "record_report",
    "send_report",
    "send_waiting",
    "templates_of",
]

LOGO = "logo"
"""Content id of the agency's logo in a mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    """A report and the files that it was written to."""

    report: ReportData
    paths: tuple[Path, ...]


def make_report(workspace: Workspace, ledger: Ledger, client: Client, period: Period) -> WrittenReport:
    """Build a report and write it to reports/out/ in the workspace.

    Raises:
        UsageError: the period has not started.
    """
    now = datetime.now(UTC)
    sites = [site for site in workspace.inventory.sites.values() if site.client == client.id]
    report = build_report(
        ledger,
        client,
        sites,
        period,
        workspace.settings,
        now=now,
        next_windows=_next(workspace, ledger, client, now),
        due_windows=lambda history: due_windows(ledger, workspace.inventory, client.id, history, now),
    )
    paths = write(report, workspace.folder / "reports/out", templates=templates_of(workspace))
    return WrittenReport(report=report, paths=tuple(paths))


def send_report(
    workspace: Workspace, ledger: Ledger, client: Client, written: WrittenReport, *, again: bool
) -> Delivery:
    """Send a report to the client's contacts; once, unless `again`.

    Raises:
        UsageError: no mail server is set, or the client has no contacts.
        DeliveryError: something must be corrected first; the message stays in the outbox.
    """
    mail = workspace.settings.mail
    if mail is None:
        raise UsageError("no mail server is set", hint="set `mail` in sitecrew.yaml")
    if not client.contacts:
        raise UsageError(f"{client.name} has no contacts", hint=no_contacts_hint(workspace, client))
    letter = _letter(workspace, ledger, client, written)
    if again or latest_edition(ledger, letter) is None:
        _record(ledger, letter, written.report)
    return deliver(ledger, mail, letter, password=partial(mail_password, workspace, mail), again=again)


def record_report(workspace: Workspace, ledger: Ledger, client: Client, written: WrittenReport) -> None:
    """Record a report that was created but not sent. The record of a report that was sent stays as it is."""
    letter = _letter(workspace, ledger, client, written)
    if latest_edition(ledger, letter) is None:
        _record(ledger, letter, written.report)


def _letter(workspace: Workspace, ledger: Ledger, client: Client, written: WrittenReport) -> Letter:
    """Return the report as it is mailed."""
    agency, report, templates = workspace.settings.agency, written.report, templates_of(workspace)
    logo, recorded = read_logo(agency), ledger.clients.get(client.id)
    return Letter(
        client=client.id,
        period=report.period.key,
        kind=report.kind,
        contacts=client.contacts,
        subject=subject(report),
        html=render_html(report, logo=f"cid:{LOGO}" if logo else None, templates=templates),
        text=render_text(report, templates=templates),
        language=spoken(report),
        sender_name=agency.name,
        reply_to=agency.reply_to,
        picture=Picture(LOGO, logo.subtype, logo.content) if logo else None,
        was=recorded.was if recorded else "",
    )


def _record(ledger: Ledger, letter: Letter, report: ReportData) -> None:
    ledger.reports.record(
        letter.client,
        letter.period,
        letter.kind,
        status=str(report.status),
        data=json.loads(json.dumps(report_document(report))),
        html_sha256=hashlib.sha256(letter.html.encode()).hexdigest(),
        created=datetime.now(UTC),
    )


def send_waiting(workspace: Workspace, ledger: Ledger) -> tuple[Delivery, ...]:
    """Send reports again that the mail server has deferred, if they are due.

    Raises:
        DeliveryError: something must be corrected first; the messages stay in the outbox.
    """
    mail = workspace.settings.mail
    return retry_due(ledger, mail, password=partial(mail_password, workspace, mail)) if mail else ()


def mail_password(workspace: Workspace, mail: Mail) -> str | None:
    """Return the password for the mail server; None if there is no login."""
    return resolve(mail.password, base=workspace.folder) if mail.password else None


def no_contacts_hint(workspace: Workspace, client: Client) -> str:
    """Return what to do about a client without contacts."""
    if client.id in workspace.inventory.clients:
        return f"set clients.{client.id}.contacts in {workspace.place('clients', client.id)}"
    return (
        f"{client.id} is no longer in the inventory: send the files in reports/out yourself,"
        f" or add clients.{client.id} with name and contacts for this one report"
    )


def _next(workspace: Workspace, ledger: Ledger, client: Client, now: datetime) -> tuple[NextWindow, ...]:
    pauses = [pause for pause in ledger.pauses.in_force(now) if pause.client == client.id]
    return tuple(
        NextWindow(window=due.window, starts=due.starts, closes=due.closes, sites=due.sites)
        for due in next_of_client(workspace.inventory, client.id, now, pauses)
    )


def templates_of(workspace: Workspace) -> Path:
    """Return the folder of the workspace's own templates; missing ones are taken from the package."""
    return workspace.folder / "reports"
