"""`announce`: announce the next opening of a window to a client."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runner.cli.browser import open_in_browser
from runner.cli.open_ledger import open_for_writing
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import closest_hint, emit_json, print_attempts, say
from runner.cli.screen import out
from runner.errors import ExitCode, SitecrewError, UnknownNameError, UsageError
from runner.shell import command
from runner.units import local

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.load import Workspace
    from runner.plan.schedules import Opening
    from runner.record import AnnouncementView, Ledger
    from runner.report.announcement import Announcement
    from runner.workflows.announcer import Announcer

__all__ = ["announce", "announce_due"]


@click.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--window", metavar="NAME", help="Announce this window. Default: the client's next one.")
@click.option("--send", is_flag=True, help="Mail the announcement to the client's contacts, once.")
@click.option("--open", "open_", is_flag=True, help="Open the announcement in the browser.")
@as_json
def announce(
    workspace: Workspace, client: str, window: str | None, *, send: bool, open_: bool, json_: bool
) -> int:
    """Create the announcement of a window's next opening for CLIENT in reports/out/.

    The sites are read to list what is planned, and nothing on them is changed. `serve` and `tick` mail
    announcements by themselves if `announce` is set in the inventory or the policy.
    """
    from runner.record.mark import LedgerMark
    from runner.report.announcement import announcement_document
    from runner.workflows.announcement import check_can_announce, make_announcement, write_announcement

    with open_for_writing(workspace) as ledger:
        opening = _next_opening(workspace, ledger, client, window)
        before = _earlier(ledger, opening)
        if send and (sent := next((one for one in before if one.applies), None)):
            say(
                f"nothing was sent: it was announced on {local(sent.announced)} (sitecrew list announcements)"
            )
            return ExitCode.OK
        if send and (gap := LedgerMark(workspace.folder, ledger).gap()):
            raise UsageError(f"nothing was sent: {gap.text}", hint=f"see: {command('ledger', 'gap')}")
        if send:
            check_can_announce(workspace, workspace.inventory.clients[client])
        found = make_announcement(workspace, opening)
        files = write_announcement(workspace, found)
        if json_:
            emit_json(announcement_document(found))
        for path in files if not json_ else ():
            out(os.path.relpath(path))
        for site in found.sites:
            if site.problem:
                say(f"{site.name} could not be read: {site.problem}")
        if open_ and not open_in_browser(files[0].resolve().as_uri()):
            say("no browser was found: open the file yourself, or set BROWSER")
        return _send(workspace, ledger, found, len(before) + 1) if send else ExitCode.OK


def _next_opening(workspace: Workspace, ledger: Ledger, client: str, window: str | None) -> Opening:
    """Return the next opening of the client's window, or of any, that will be started."""
    from runner.workflows.announcer import next_opening

    clients, windows = workspace.inventory.clients, workspace.inventory.windows
    if client not in clients:
        raise UnknownNameError(f"there is no client {client!r}", hint=closest_hint(client, clients))
    if window is not None and window not in windows:
        raise UnknownNameError(f"there is no window {window!r}", hint=closest_hint(window, windows))
    found = next_opening(workspace, ledger, client, window, datetime.now(UTC))
    if found is None:
        what = f"window {window}" if window else "no window"
        raise UsageError(
            f"{what} does not open for {client}" if window else f"{what} opens for {client}",
            hint=f"see: {command('list', 'windows', '-l', f'client:{client}')}",
        )
    return found


def _earlier(ledger: Ledger, opening: Opening) -> list[AnnouncementView]:
    """Return the announcements of an opening."""
    key = (*opening.planned.key, opening.starts)
    return [one for one in ledger.announcements.list(opening.planned.client) if one.key == key]


def _send(workspace: Workspace, ledger: Ledger, found: Announcement, edition: int) -> int:
    from runner.record import DeliveryState
    from runner.record.mark import LedgerMark
    from runner.workflows.announcement import send_announcement

    details = {"client": found.client, "window": found.window}
    ledger.acts.record("send", f"announcement of {found.window} to {found.client}", details=details)
    delivery = send_announcement(workspace, ledger, found, edition=edition)
    LedgerMark(workspace.folder, ledger).update()
    if delivery is None:
        say("nothing was sent: another process has announced it")
        return ExitCode.OK
    for one in delivery.recipients:
        say(f"{one.address}: {one.state}: {one.reply}".removesuffix(": "))
    if delivery.state is DeliveryState.QUEUED:
        say("queued mail is retried by `sitecrew tick` and `sitecrew serve` until the window opens")
    return ExitCode.OK if delivery.state is DeliveryState.SENT else ExitCode.FAILED


def announce_due(announcer: Announcer, write: Callable[[str], object]) -> None:
    """Announce the openings that are due; write a line for each recipient that was tried."""
    try:
        for delivery in announcer.turn():
            print_attempts(delivery, write)
    except SitecrewError as error:
        write(f"announcements were not sent: {error.with_hint}")
