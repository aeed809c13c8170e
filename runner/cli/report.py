"""`report`: create a client's report, open it, send it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from runner.cli.browser import open_in_browser
from runner.cli.open_ledger import open_for_writing
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import closest_hint, emit_json, print_attempts, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.shell import command

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.deliver import Delivery
    from runner.load import Workspace
    from runner.model import Client
    from runner.record import Ledger

__all__ = ["report", "send_queued_reports"]


@click.command()
@with_workspace
@operated
@click.argument("client", required=False)
@click.option(
    "--period",
    metavar="P",
    help="Month, week or quarter: 2026-11, 2026-W48, 2026-Q4. Default: last month.",
)
@click.option("--send", is_flag=True, help="Mail the report to the client's contacts, once.")
@click.option(
    "--again", is_flag=True, help="With --send: send a new edition of a report that was already sent."
)
@click.option("--open", "open_", is_flag=True, help="Open the report in the browser.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before mailing the reports of all clients.")
@as_json
def report(workspace: Workspace, client: str | None, period: str | None, **options: bool) -> int:
    """Create the report of CLIENT, or of all clients, from the ledger in reports/out/.

    Without --period, the report is about last month in the client's time zone. A client whose sites are all
    newer than the period is skipped if CLIENT is not given.
    """
    from runner.cli.reports import report_all

    if options["again"] and not options["send"]:
        raise UsageError("--again has no effect without --send", hint="add --send")
    if client is not None:
        return _report(workspace, client, period, options)
    if options["open_"]:
        raise UsageError("--open opens one report", hint="name a client: sitecrew report CLIENT --open")
    return report_all(workspace, period, options)


def _report(workspace: Workspace, client: str, period: str | None, options: dict[str, bool]) -> int:
    """Create the report of one client, open it and send it, as `options` requests."""
    from runner.cli.reports import last_month
    from runner.model import Period
    from runner.record.mark import LedgerMark
    from runner.workflows.report import make_report, record_report, send_report

    span = Period.parse(period) if period else None
    with open_for_writing(workspace) as ledger:
        found = _client(workspace, ledger, client)
        made = make_report(workspace, ledger, found, span or last_month(found))
        if options["json_"]:
            from runner.report.document import report_document

            emit_json(report_document(made.report))
        else:
            for path in made.paths:
                out(os.path.relpath(path))
        if options["open_"] and not open_in_browser(made.paths[0].resolve().as_uri()):
            say("no browser was found: open the file yourself, or set BROWSER")
        if not options["send"]:
            record_report(workspace, ledger, found, made)
            return ExitCode.OK
        mark = LedgerMark(workspace.folder, ledger)
        if gap := mark.gap():
            raise UsageError(f"nothing was sent: {gap.text}", hint=f"see: {command('ledger', 'gap')}")
        details = {"client": client, "again": options["again"]}
        subject = f"report of {client} for {made.report.period.key}"
        ledger.acts.record("send", subject, details=details)
        delivery = send_report(workspace, ledger, found, made, again=options["again"])
        mark.update()
        return _print_delivery(delivery)


def send_queued_reports(workspace: Workspace, ledger: Ledger, write: Callable[[str], object] = say) -> None:
    """Try to send queued reports and announcements; write a line for each recipient that was tried.

    Nothing is sent if an older ledger was put back: they may have been sent since.
    """
    from runner.errors import SitecrewError
    from runner.record.mark import LedgerMark
    from runner.workflows.report import send_waiting

    try:
        if LedgerMark(workspace.folder, ledger).gap():
            return
        for delivery in send_waiting(workspace, ledger):
            print_attempts(delivery, write)
    except SitecrewError as error:
        write(f"queued mail was not sent: {error.with_hint}")


def _client(workspace: Workspace, ledger: Ledger, name: str) -> Client:
    """Return the client from the inventory, else a former client from the ledger."""
    from runner.model import Client

    if current := workspace.inventory.clients.get(name):
        return current
    if last := ledger.clients.get(name):
        return Client(id=name, name=last.name, language=last.language, timezone=last.timezone)
    known = ledger.clients.names()
    if name in known:
        return Client(id=name, name=name)
    raise UnknownNameError(
        f"there is no client {name!r}", hint=closest_hint(name, {*known, *workspace.inventory.clients})
    )


def _print_delivery(delivery: Delivery) -> int:
    """Print a line for each recipient and what to do next; return OK if all were sent."""
    from runner.record import DeliveryState

    states = {one.state for one in delivery.recipients}
    for one in delivery.recipients:
        reply = f": {one.reply}" if one.reply else ""
        say(f"{one.address}: {one.state}{reply}")
    if not delivery.attempted:
        say(
            f"nothing was sent: the report is already {delivery.state} (--again sends everyone a new edition)"
        )
    if DeliveryState.QUEUED in states:
        say(
            "queued mail is retried by `sitecrew tick` and `sitecrew serve`, or by running this command again"
        )
    if DeliveryState.REFUSED in states:
        say("correct the refused addresses in the inventory, then run the command again")
    if DeliveryState.UNSURE in states:
        say("unsure: the mail may have arrived and is not sent again automatically; ask before using --again")
    return ExitCode.OK if states == {DeliveryState.SENT} else ExitCode.FAILED
