"""`list announcements`: what was announced to clients, and whether it was delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.open_ledger import open_if_exists
from runner.cli.options import as_json, selecting, with_workspace
from runner.cli.output import emit_json, say, table
from runner.cli.selection import select_sites
from runner.units import local

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import AnnouncementView, DeliveryView, Ledger

__all__ = ["announcements"]


@click.command()
@with_workspace
@selecting
@click.option(
    "-n",
    "--count",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Number of announcements to list.",
)
@as_json
def announcements(
    workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, count: int, json_: bool
) -> None:
    """List announcements of windows to clients, latest start first, and whether each was sent."""
    ledger = open_if_exists(workspace, quiet=True)
    found = _found(workspace, ledger, limit, exclude)[:count] if ledger else []
    if json_:
        emit_json([_document(*one) for one in found])
    elif not found:
        say("no window was announced yet; to preview one: sitecrew announce CLIENT")
    else:
        heads = ("window", "client", "starts (local time)", "announced", "state", "mail")
        table(heads, [_cells(*one) for one in found])


def _found(
    workspace: Workspace, ledger: Ledger, limit: tuple[str, ...], exclude: tuple[str, ...]
) -> list[tuple[AnnouncementView, DeliveryView | None]]:
    """Return announcements, each with its last message."""
    from runner.record import DeliveryKind

    sent = {one.message_id: one for one in ledger.deliveries.list(kind=DeliveryKind.ANNOUNCEMENT)}
    rows = ledger.announcements.list()
    if limit or exclude:
        clients = {site.client for site in select_sites(workspace, limit, exclude)}
        rows = tuple(one for one in rows if one.client in clients)
    return [(one, sent.get(one.ended_message_id or one.message_id)) for one in rows]


def _document(one: AnnouncementView, message: DeliveryView | None) -> dict[str, Any]:
    from runner.record import DeliveryState

    return one.as_json() | {
        "sent": message is not None and message.state is DeliveryState.SENT,
        "delivery": message.as_json() if message else None,
    }


def _cells(one: AnnouncementView, message: DeliveryView | None) -> tuple[str, ...]:
    from runner.record import AnnouncementState

    state = one.state.value
    if one.state is AnnouncementState.CANCELLED and one.why:
        state = f"{state}: {one.why}"
    return (
        one.window,
        one.client,
        local(one.starts),
        local(one.announced),
        state,
        _delivered(message),
    )


def _delivered(message: DeliveryView | None) -> str:
    """Return the state of the message, with the recipients who have not received it."""
    from runner.record import DeliveryState

    if message is None:
        return ""
    late = [one for one in message.recipients if one.state is not DeliveryState.SENT]
    return ", ".join(f"{one.state}: {one.address}" for one in late) or message.state.value
