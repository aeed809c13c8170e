"""`list clients`, `list hosts`, `list windows`, `list holds`, `list notices` and `list reports`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from runner.cli.open_ledger import open_if_exists
from runner.cli.options import as_json, selecting, with_workspace
from runner.cli.output import emit_json, say, table
from runner.cli.reasons import print_reasons
from runner.cli.selection import select_sites
from runner.units import duration, local

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import Site, Window, WindowDay
    from runner.record import Recipient

__all__ = ["clients", "holds", "hosts", "notices", "reports", "windows"]

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NTH = {1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 5: "5th", -1: "last"}


@click.command()
@with_workspace
@selecting
@as_json
def clients(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, json_: bool) -> None:
    """List clients: all, or those of the selected sites."""
    chosen = _chosen(workspace, limit, exclude)
    rows = [
        {
            "client": client.id,
            "name": client.name,
            "sites": [site.name for site in chosen if site.client == client.id],
            "timezone": client.timezone,
            "language": client.language,
            "contacts": [{"name": contact.name, "email": contact.email} for contact in client.contacts],
        }
        for client in workspace.inventory.clients.values()
        if not (limit or exclude) or any(site.client == client.id for site in chosen)
    ]
    heads = ("client", "sites", "contacts", "language", "timezone", "name")
    _print(rows, heads, json_=json_)


@click.command()
@with_workspace
@selecting
@as_json
def hosts(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, json_: bool) -> None:
    """List hosts: all, or those of the selected sites."""
    chosen = _chosen(workspace, limit, exclude)
    rows = [
        {
            "host": host.name,
            "group": host.group,
            "user": host.user,
            "address": host.address,
            "port": host.port,
            "gateway": host.gateway,
            "become": host.become,
            "sites": [site.name for site in chosen if site.host == host.name],
            "clients": list(dict.fromkeys(site.client for site in chosen if site.host == host.name)),
        }
        for host in workspace.inventory.hosts.values()
        if not (limit or exclude) or any(site.host == host.name for site in chosen)
    ]
    group = ("group",) if any(row["group"] for row in rows) else ()
    heads = ("host", *group, "sites", "clients", "user", "port", "address")
    _print(rows, heads, json_=json_)


@click.command()
@with_workspace
@selecting
@as_json
def windows(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, json_: bool) -> None:
    """List maintenance windows: all, or those of the selected sites.

    The next and past openings are listed by `schedule next` and `schedule list`.
    """
    from runner.plan import select

    chosen = {site.name for site in _chosen(workspace, limit, exclude)}
    rows = []
    for window in workspace.inventory.windows.values():
        sites = [site for site in select(workspace.inventory, window.sites) if site.name in chosen]
        if sites or not (limit or exclude):
            rows.append(_window(workspace, window, sites))
    if json_:
        emit_json(rows)
        return
    heads = ("window", "playbook", "opens", "lasts", "sites", "next (client's time)")
    table(heads, [_window_cells(row) for row in rows])


@click.command()
@with_workspace
@selecting
@as_json
def holds(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, json_: bool) -> None:
    """List the holds in force, and who or what set each.

    A hold is set by `hold`, in a file, by a rollback or by an undo. Rules for updates, which hold or
    delay whole levels, are not listed: see `plan --diff`.
    """
    from runner.cli.held import list_held

    found = list_held(workspace, open_if_exists(workspace, quiet=True), _chosen(workspace, limit, exclude))
    if json_:
        emit_json([one.as_json() for one in found])
    elif not found:
        say("no item is on hold")
    else:
        print_reasons([one.cells() for one in found], heads=("sites", "item", "until", "set by", "why"))


@click.command()
@with_workspace
@selecting
@click.option("--period", metavar="P", help="List all clients for this month, week or quarter.")
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="Number of reports to list."
)
@as_json
def reports(
    workspace: Workspace,
    limit: tuple[str, ...],
    exclude: tuple[str, ...],
    *,
    period: str | None,
    count: int,
    json_: bool,
) -> None:
    """List reports by client and period, newest first, and whether each was sent.

    With --period, also lists the clients whose report for that period was not created yet.
    """
    from runner.cli.sent import list_sent
    from runner.model import Period

    key = Period.parse(period).key if period else None
    clients = {site.client for site in _chosen(workspace, limit, exclude)} if limit or exclude else None
    found = list_sent(workspace, open_if_exists(workspace, quiet=True), key, clients)
    found = found if key else found[:count]
    if json_:
        emit_json([one.as_json() for one in found])
    elif not found:
        say("no report was created yet; to create those of last month: sitecrew report")
    else:
        heads = ("client", "period", "created", "status", "sent")
        table(heads, [one.cells() for one in found])


@click.command()
@with_workspace
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="Number of notices to list."
)
@as_json
def notices(workspace: Workspace, *, count: int, json_: bool) -> None:
    """List notices to the crew, newest first, and whether each was sent."""
    from runner.record import DeliveryKind

    ledger = open_if_exists(workspace, quiet=True)
    found = ledger.deliveries.list(kind=DeliveryKind.NOTICE)[::-1][:count] if ledger else ()
    if json_:
        emit_json([one.as_json() for one in found])
    elif not found:
        say("no notice was sent yet; to test the channels: sitecrew notify --test")
    else:
        rows = [
            (local(one.created), each.address, f"{each.state}", one.subject, _late_reply(each))
            for one in found
            for each in one.recipients
        ]
        table(("created", "to", "state", "notice", "reply"), rows)


def _late_reply(one: Recipient) -> str:
    """Return the reply of a recipient that has not received the notice."""
    from runner.record import DeliveryState

    return "" if one.state is DeliveryState.SENT else one.reply


def _chosen(workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[Site, ...]:
    """Return the selected sites; an inventory without sites has none."""
    if not (limit or exclude):
        return tuple(workspace.inventory.sites.values())
    return select_sites(workspace, limit, exclude)


def _print(rows: list[dict[str, Any]], heads: tuple[str, ...], *, json_: bool) -> None:
    """Print rows as JSON, or as a table in which a list is its length."""
    if json_:
        emit_json(rows)
        return
    cells = [[row[head] for head in heads] for row in rows]
    table(
        heads,
        [[str(len(cell)) if isinstance(cell, list) else str(cell or "") for cell in row] for row in cells],
    )


def _window(workspace: Workspace, window: Window, sites: list[Site]) -> dict[str, Any]:
    """Return one entry of `list windows --json`."""
    from runner.plan import next_windows

    alone = replace(
        workspace.inventory,
        windows={window.name: replace(window, sites=("all",))},
        sites={site.name: site for site in sites},
    )
    due = next(iter(next_windows(alone, datetime.now(UTC), 1)), None)
    return {
        "window": window.name,
        "playbook": window.playbook,
        "days": [_day_text(day) for day in window.days],
        "at": f"{window.at:%H:%M}",
        "seconds": int(window.lasts.total_seconds()),
        "timezone": window.timezone,
        "sites": [site.name for site in sites],
        "clients": list(dict.fromkeys(site.client for site in sites)),
        "rings": list(window.rings),
        "next": due.as_json() if due else None,
    }


def _window_cells(row: dict[str, Any]) -> tuple[str, ...]:
    local = datetime.fromisoformat(row["next"]["starts_local"]) if row["next"] else None
    return (
        row["window"],
        row["playbook"],
        f"{', '.join(row['days'])} {row['at']}",
        duration(row["seconds"]),
        str(len(row["sites"])),
        f"{local:%a %Y-%m-%d %H:%M}" if local else "",
    )


def _day_text(day: WindowDay) -> str:
    """Format a day rule: daily, Mon, 1st Tue, last Fri, day 15, 2026-12-02."""
    if day.on is not None:
        return day.on.isoformat()
    if day.monthday is not None:
        return f"day {day.monthday}"
    if day.weekday is None:
        return "daily"
    name = _WEEKDAYS[day.weekday]
    return name if day.nth is None else f"{_NTH[day.nth]} {name}"
