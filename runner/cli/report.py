"""`report`: a client's report, made, looked at, sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from runner.cli.acting import acting
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import closest_hint, emit_json, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError

if TYPE_CHECKING:
    from runner.deliver import Delivery
    from runner.load import Workspace

__all__ = ["report"]


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

    found = workspace.inventory.clients.get(client)
    if found is None:
        raise UnknownNameError(
            f"there is no client {client!r}", hint=closest_hint(client, workspace.inventory.clients)
        )
    span = Period.parse(period)
    with acting(workspace) as ledger:
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


def _tell(delivery: Delivery) -> int:
    who = ", ".join(delivery.recipients)
    if not delivery.attempted:
        say(f"not sent again: it is {delivery.state} already, to {who} (to send a new edition: --again)")
        return ExitCode.OK if delivery.state.value == "sent" else ExitCode.FAILED
    if delivery.state.value == "sent":
        say(f"sent to {who}; the server said: {delivery.reply}")
        return ExitCode.OK
    say(f"not sent ({delivery.state}): {delivery.reply}")
    if delivery.state.value == "queued":
        say("it stays in the outbox; see what is in the way: sitecrew doctor; then type the same again")
    return ExitCode.FAILED
