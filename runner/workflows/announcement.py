"""Make the announcement of an opening from a plan, and the mail to the client."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.deliver import Delivery, Letter, Picture, announcement_delivery, retry
from runner.errors import SitecrewError, UsageError
from runner.hosts.boundary import within
from runner.inspect.plan import make_plan
from runner.inspect.preview import steps_of
from runner.model import Client, Mail, Plan, Site, SitePlan
from runner.plan import select
from runner.record import AnnouncementView, NewAnnouncement
from runner.report import NextWindow, read_logo
from runner.report.announcement import (
    Announcement,
    Message,
    announcement_html,
    announcement_text,
    planned_site,
    subject_of,
    words_for,
    work_of,
)
from runner.report.files import write_pair
from runner.report.labels import labels
from runner.workflows.report import LOGO, mail_password, no_contacts_hint, templates_of

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.plan.schedules import Opening
    from runner.record import Ledger

__all__ = [
    "check_can_announce",
    "make_announcement",
    "make_cancellation",
    "send_announcement",
    "send_cancellation",
    "sites_of_opening",
    "write_announcement",
]


def check_can_announce(workspace: Workspace, client: Client) -> Mail:
    """Return the mail server.

    Raises:
        UsageError: there is none, or the client has no contacts.
    """
    mail = workspace.settings.mail
    if mail is None:
        raise UsageError("no mail server is set", hint="set `mail` in sitecrew.yaml")
    if not client.contacts:
        raise UsageError(f"{client.name} has no contacts", hint=no_contacts_hint(workspace, client))
    return mail


def sites_of_opening(workspace: Workspace, window: str, client: str) -> tuple[Site, ...]:
    """Return the client's sites in a window; none if there is no such window."""
    found = workspace.inventory.windows.get(window)
    sites = select(workspace.inventory, found.sites) if found else ()
    return tuple(site for site in sites if site.client == client)


def make_announcement(
    workspace: Workspace, opening: Opening, *, moved_from: AnnouncementView | None = None
) -> Announcement:
    """Read the sites of an opening and return its announcement.

    What is planned on a site that cannot be read is said in general words.

    Raises:
        LedgerError: the ledger cannot be read or written.
    """
    window, client = opening.planned.key
    sites = sites_of_opening(workspace, window, client)
    playbook = workspace.playbooks[opening.planned.window.playbook]
    made = datetime.now(UTC)
    plan = within(
        partial(make_plan, workspace, playbook, sites, tags=(), check_health=False, at=opening.starts)
    )
    plans = {one.site: one for one in plan.sites} if isinstance(plan, Plan) else {}
    failed = plan.with_hint if isinstance(plan, SitecrewError) else ""
    shown = labels({site.name: site.url for site in sites})
    found = _announcement(workspace, client, window, (opening.starts, opening.occurrence.closes))
    return replace(
        found,
        message=Message.MOVED if moved_from else Message.ANNOUNCED,
        made=made,
        sites=tuple(
            planned_site(
                site,
                work_of(step.kind for step in steps_of(playbook, site, ())),
                plans.get(site.name, SitePlan(site=site.name, client=client, problems=(failed,))),
                shown,
            )
            for site in sites
        ),
        before=(moved_from.starts, moved_from.closes) if moved_from else None,
    )


def make_cancellation(
    workspace: Workspace, announced: AnnouncementView, why: str, following: Opening | None
) -> Announcement:
    """Return the notification that an announced opening does not take place."""
    window, client = announced.window, announced.client
    sites = sites_of_opening(workspace, window, client) or tuple(
        site for site in workspace.inventory.sites.values() if site.client == client
    )
    found = _announcement(workspace, client, window, (announced.starts, announced.closes))
    shown = labels({site.name: site.url for site in sites})
    return replace(
        found,
        message=Message.CANCELLED,
        sites=tuple(planned_site(site, frozenset(), None, shown) for site in sites),
        why=why,
        next=NextWindow(window=window, starts=following.starts, closes=following.occurrence.closes)
        if following
        else None,
    )


def _announcement(
    workspace: Workspace, client: str, window: str, times: tuple[datetime, datetime]
) -> Announcement:
    known, settings = workspace.inventory.clients[client], workspace.settings
    sender = settings.mail.sender if settings.mail else ""
    return Announcement(
        message=Message.ANNOUNCED,
        client=client,
        client_name=known.name,
        language=known.language,
        timezone=known.timezone,
        agency=settings.agency,
        window=window,
        reference=f"{window}-{times[0]:%Y%m%d-%H%M}-{client}",
        starts=times[0],
        closes=times[1],
        made=datetime.now(UTC),
        answer_to=settings.agency.reply_to or sender,
    )


def write_announcement(workspace: Workspace, found: Announcement) -> tuple[Path, Path]:
    """Write an announcement to reports/out/ in the workspace; return the files, HTML first.

    Raises:
        UsageError: the files cannot be written, or the logo cannot be used.
    """
    templates, logo = templates_of(workspace), read_logo(found.agency)
    day = found.starts.astimezone(words_for(found).zone)
    stem = f"{found.client}-announcement-{found.window}-{day:%Y-%m-%d}"
    return write_pair(
        workspace.folder / "reports/out",
        stem,
        html=announcement_html(found, logo=logo.data_uri if logo else None, templates=templates),
        text=announcement_text(found, templates=templates),
    )


def send_announcement(
    workspace: Workspace,
    ledger: Ledger,
    found: Announcement,
    *,
    edition: int,
    replaces: AnnouncementView | None = None,
) -> Delivery | None:
    """Record an announcement and mail it to the client's contacts; None if another process was first.

    Raises:
        UsageError, DeliveryError: something must be corrected first.
        LedgerError: the ledger cannot be written.
    """
    mail = check_can_announce(workspace, workspace.inventory.clients[found.client])
    new = NewAnnouncement(
        window=found.window, client=found.client, starts=found.starts, closes=found.closes, edition=edition
    )
    now = datetime.now(UTC)
    letter = _letter(workspace, found, follows=replaces.message_id if replaces else "")
    message = announcement_delivery(mail, new, letter, now)
    if not ledger.announcements.add(new, message, at=now, replaces=replaces.id if replaces else None):
        return None
    return _send(workspace, ledger, mail, message.message_id)


def send_cancellation(
    workspace: Workspace, ledger: Ledger, found: Announcement, announced: AnnouncementView
) -> Delivery | None:
    """Record that an announced opening does not take place, and mail it; None if another process was first.

    Raises:
        UsageError, DeliveryError: something must be corrected first.
        LedgerError: the ledger cannot be written.
    """
    mail = check_can_announce(workspace, workspace.inventory.clients[found.client])
    about = NewAnnouncement(
        window=announced.window,
        client=announced.client,
        starts=announced.starts,
        closes=announced.closes,
        edition=announced.edition,
    )
    now = datetime.now(UTC)
    letter = _letter(workspace, found, follows=announced.message_id)
    message = announcement_delivery(mail, about, letter, now, cancels=True)
    if not ledger.announcements.cancel(announced.id, message, why=found.why, at=now):
        return None
    return _send(workspace, ledger, mail, message.message_id)


def _send(workspace: Workspace, ledger: Ledger, mail: Mail, name: str) -> Delivery:
    return retry(ledger, mail, name, password=partial(mail_password, workspace, mail))


def _letter(workspace: Workspace, found: Announcement, *, follows: str) -> Letter:
    agency, templates = workspace.settings.agency, templates_of(workspace)
    logo = read_logo(agency)
    return Letter(
        client=found.client,
        period="",
        kind=found.message,
        contacts=workspace.inventory.clients[found.client].contacts,
        subject=subject_of(found),
        html=announcement_html(found, logo=f"cid:{LOGO}" if logo else None, templates=templates),
        text=announcement_text(found, templates=templates),
        language=words_for(found).tag,
        sender_name=agency.name,
        reply_to=agency.reply_to,
        picture=Picture(LOGO, logo.subtype, logo.content) if logo else None,
        follows=follows,
    )
