"""`report`: a client's report, made, looked at, sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from runner.cli.acting import acting
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import closest_hint, emit_json, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError, UsageError

if TYPE_CHECKING:
    from runner.deliver import Delivery
    from runner.load import Workspace
    from runner.model import Client
    from runner.record import Ledger

__all__ = ["report", "say_waiting_mail"]


@click.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--period", required=True, metavar="P", help="2026-11, 2026-W48 or 2026-Q4.")
@click.option("--send", is_flag=True, help="Mail it to the client's contacts; once.")
@click.option("--again", is_flag=True, help="With --send: a new edition, although it was sent before.")
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
@as_json
def report(workspace: Workspace, client: str, period: str, **options: bool) -> int:
    """Make the report of CLIENT for a period, from the ledger alone, into reports/out/."""
    from runner.model import Period
    from runner.workflows.report import make_report, send_report

    if options["again"] and not options["send"]:
        raise UsageError("--again has no effect without --send", hint="add --send")
    span = Period.parse(period)
    with acting(workspace) as ledger:
        found = _client(workspace, ledger, client)
        made = make_report(workspace, ledger, found, span)
        if options["json_"]:
            emit_json(made.report.as_json())
        else:
            for path in made.paths:
                out(os.path.relpath(path))
        if options["open_"]:
            click.launch(str(made.paths[0]))
        if not options["send"]:
            return ExitCode.OK
        details = {"client": client, "again": options["again"]}
        ledger.record_act("send", f"report of {client} for {period}", details=details)
        return _tell(send_report(workspace, ledger, found, made, again=options["again"]))


def say_waiting_mail(workspace: Workspace, ledger: Ledger) -> None:
    """Send the reports again that wait for it, with a line for each recipient who was waited for."""
    from runner.errors import SitecrewError
    from runner.workflows.report import send_waiting

    try:
        for delivery in send_waiting(workspace, ledger):
            for one in delivery.recipients:
                if one.attempts == delivery.attempts:
                    say(f"report to {one.address}: {one.state}: {one.reply}")
    except SitecrewError as error:
        say(f"reports wait in the outbox: {error.with_hint}")


def _client(workspace: Workspace, ledger: Ledger, name: str) -> Client:
    """A client of the inventory, or one that has left it, as it was last."""
    from runner.model import Client

    if there := workspace.inventory.clients.get(name):
        return there
    if last := ledger.client(name):
        return Client(id=name, name=last.name, language=last.language, timezone=last.timezone)
    known = ledger.clients_recorded()
    if name in known:
        return Client(id=name, name=name)
    raise UnknownNameError(
        f"there is no client {name!r}", hint=closest_hint(name, {*known, *workspace.inventory.clients})
    )


def _tell(delivery: Delivery) -> int:
    """A line for each recipient; the code is that of who is worst off."""
    from runner.record import DeliveryState

    states = {one.state for one in delivery.recipients}
    for one in delivery.recipients:
        said = f": {one.reply}" if one.reply else ""
        say(f"{one.address}: {one.state}{said}")
    if not delivery.attempted:
        say(f"nothing was sent now: it is {delivery.state} already (a new edition for everybody: --again)")
    if DeliveryState.QUEUED in states:
        say(
            "what is queued is sent again by `sitecrew tick` and `sitecrew serve`, or by the same command now"
        )
    if DeliveryState.REFUSED in states:
        say("correct the addresses that were refused in inventory.yaml, then type the same again")
    if DeliveryState.UNSURE in states:
        say("unsure: it may have arrived, and is not sent again by itself; ask before you take --again")
    return ExitCode.OK if states == {DeliveryState.SENT} else ExitCode.FAILED
