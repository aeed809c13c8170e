"""`schedule pause` and `schedule resume`: stop starting the windows of a client until a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from runner.cli.open_ledger import open_for_writing
from runner.cli.options import operated, with_workspace
from runner.cli.output import closest_hint, say
from runner.cli.questions import checked
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.shell import command
from runner.units import local

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import Client

__all__ = ["pause", "resume"]


@click.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--until", required=True, metavar="DATE", help="Last day of the pause, like 2026-12-24.")
@click.option("--why", metavar="TEXT", default="", help="Reason, shown in the client's report.")
def pause(workspace: Workspace, client: str, until: str, why: str) -> int:
    """Pause CLIENT: its windows are skipped until the end of a day, in the client's time zone.

    A run that has started continues; to stop it: sitecrew cancel. Runs by hand are possible. Pausing again
    replaces the pause.
    """
    from runner.load.values import line
    from runner.plan import start_of_day

    known = _client(workspace, client)
    last = _last_day(until, known)
    reason = checked("--why", why, line) if why else ""
    ends = start_of_day(last + timedelta(days=1), ZoneInfo(known.timezone))
    with open_for_writing(workspace) as ledger:
        replaced = ledger.pauses.pause(client, until=last, ends=ends, why=reason)
        announced = ledger.announcements.upcoming(datetime.now(UTC))
    out(f"{client} is paused until {last}" + (f": {reason}" if reason else ""))
    if replaced:
        say(f"this replaces the pause until {replaced.until}")
    for one in announced:
        if one.client == client and one.applies and one.starts < ends:
            opening = f"{one.window} on {local(one.starts)}"
            say(f"{opening} was announced; serve or tick mails that it does not take place")
    return ExitCode.OK


@click.command()
@with_workspace
@operated
@click.argument("client")
def resume(workspace: Workspace, client: str) -> int:
    """End the pause of CLIENT now: its windows are started again.

    Openings that were skipped are not started later.
    """
    with open_for_writing(workspace) as ledger:
        ended = ledger.pauses.resume(client)
        if ended is None:
            _client(workspace, client)
            hint = f"pause it: {command('schedule', 'pause', client)} --until DATE"
            raise UsageError(f"{client} is not paused", hint=hint)
    out(f"{client}: ended the pause until {ended.until}")
    return ExitCode.OK


def _client(workspace: Workspace, name: str) -> Client:
    clients = workspace.inventory.clients
    if name not in clients:
        raise UnknownNameError(f"there is no client {name!r}", hint=closest_hint(name, clients))
    return clients[name]


def _last_day(text: str, client: Client) -> date:
    """Parse the day of --until, which must not have passed for the client."""
    from runner.load.times import day

    found = checked("--until", text, day)
    today = datetime.now(UTC).astimezone(ZoneInfo(client.timezone)).date()
    if found < today:
        raise UsageError(f"--until {text} has passed", hint=f"today is {today} in {client.timezone}")
    return found
