"""`schedule`: upcoming and past maintenance windows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from runner.cli.open_ledger import open_if_exists
from runner.cli.options import as_json, with_workspace
from runner.cli.output import emit_json, say, table
from runner.cli.pause import pause, resume
from runner.errors import UsageError
from runner.units import iso, local, utc
from runner.untrusted import few

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.load import Workspace
    from runner.plan import Due, Forecast
    from runner.record import PauseView

__all__ = ["schedule"]

_NAMED = 2
"""Sites that a line names."""


@click.group()
def schedule() -> None:
    """List upcoming and past maintenance windows, and pause those of a client."""


schedule.add_command(pause)
schedule.add_command(resume)


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
    """List the next maintenance windows, in order of their start, and how long they will take.

    The time is estimated from earlier runs. Sites that are likely not to end before the window closes are
    `late`: they are not started, and come first in the next window.

    Windows of a paused client are listed with the last day of the pause, and are skipped.
    """
    from runner.inspect.durations import Forecasts
    from runner.plan import about, next_windows

    found = next_windows(workspace.inventory, _parse_instant(start), count)
    ledger = open_if_exists(workspace, quiet=True)
    pauses = ledger.pauses.in_force() if ledger else ()
    paused = [_pause_of(due, pauses) for due in found]
    forecasts = Forecasts(workspace, ledger)
    expected = [forecasts.of(due.window, due.client) for due in found]
    if json_:
        emit_json(
            [
                due.as_json() | {"paused": _pause_json(pause), **_forecast_json(forecast)}
                for due, pause, forecast in zip(found, paused, expected, strict=True)
            ]
        )
        return
    heads: tuple[str, ...] = ("starts (client's time)", "starts (UTC)", "window", "client", "sites", "takes")
    rows: list[tuple[str, ...]] = [
        (
            f"{due.local:%a %Y-%m-%d %H:%M}",
            utc(due.starts).removesuffix(" UTC"),
            due.window,
            due.client,
            str(len(due.sites)),
            "unknown" if forecast.seconds is None else about(forecast.seconds),
        )
        for due, forecast in zip(found, expected, strict=True)
    ]
    if any(one.late for one in expected):
        heads = (*heads, "late")
        rows = [
            (*row, few(one.late, _NAMED) if one.late else "") for row, one in zip(rows, expected, strict=True)
        ]
    if any(paused):
        heads = (*heads, "paused until")
        rows = [(*row, str(one.until) if one else "") for row, one in zip(rows, paused, strict=True)]
    table(heads, rows)


def _forecast_json(forecast: Forecast) -> dict[str, object]:
    seconds = None if forecast.seconds is None else round(forecast.seconds)
    return {"seconds": seconds, "late": list(forecast.late)}


def _pause_of(due: Due, pauses: Sequence[PauseView]) -> PauseView | None:
    return next((one for one in pauses if one.client == due.client and one.covers(due.starts)), None)


def _pause_json(pause: PauseView | None) -> dict[str, str] | None:
    return {"until": pause.until.isoformat(), "why": pause.why} if pause else None


@schedule.command(name="list")
@with_workspace
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="Number of windows to list."
)
@as_json
def list_(workspace: Workspace, count: int, json_: bool) -> None:
    """List past windows, newest first, and whether each was run, missed or skipped.

    Clients that are paused now are printed first, to stderr.
    """
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
        return
    for one in ledger.pauses.in_force() if ledger else ():
        say(f"{one.client} is {one.reason}")
    if ledger and not rows:
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
