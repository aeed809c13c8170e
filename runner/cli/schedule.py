"""`schedule`: upcoming and past maintenance windows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runner.cli.open_ledger import open_if_exists
from runner.cli.options import as_json, with_workspace
from runner.cli.output import emit_json, say, table
from runner.errors import UsageError
from runner.units import iso, local, utc

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["schedule"]


@click.group()
def schedule() -> None:
    """List upcoming and past maintenance windows."""


@schedule.command(name="next")
@with_workspace
@click.option("--from", "start", metavar="T", help="List windows after this RFC 3339 instant. Default: now.")
@click.option(
    "--count",
    default=10,
    show_default=True,
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Number of windows to list.",
)
@as_json
def next_(workspace: Workspace, start: str | None, count: int, json_: bool) -> None:
    """List the next maintenance windows, in order of their start."""
    from runner.plan import next_windows

    found = next_windows(workspace.inventory, _parse_instant(start), count)
    if json_:
        emit_json([due.as_json() for due in found])
        return
    table(
        ("starts (client's time)", "starts (UTC)", "window", "client", "sites"),
        [
            (
                f"{due.local:%a %Y-%m-%d %H:%M}",
                utc(due.starts).removesuffix(" UTC"),
                due.window,
                due.client,
                str(len(due.sites)),
            )
            for due in found
        ],
    )


@schedule.command(name="list")
@with_workspace
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="Number of windows to list."
)
@as_json
def list_(workspace: Workspace, count: int, json_: bool) -> None:
    """List past windows, newest first, and whether each was run, missed or skipped."""
    ledger = open_if_exists(workspace)
    views = ledger.windows.list(limit=count) if ledger else ()
    rows = [
        {
            "window": view.window,
            "client": view.client,
            "starts": iso(view.starts),
            "closes": iso(view.closes),
            "state": view.state.value,
            "run": view.run,
            "why": view.why,
        }
        for view in views
    ]
    if json_:
        emit_json(rows)
    elif ledger and not rows:
        say("no window has been due yet; to list the next ones: sitecrew schedule next")
    elif ledger:
        table(
            ("window", "client", "starts (local time)", "state", "run", "why"),
            [(v.window, v.client, local(v.starts), v.state.value, v.run or "", v.why or "") for v in views],
        )


def _parse_instant(text: str | None) -> datetime:
    """Parse an ISO 8601 instant, UTC unless it says otherwise; None is now."""
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a date and time", hint="write 2026-11-24T01:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
