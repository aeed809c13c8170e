"""`report` without CLIENT: the reports of all clients, a line each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from runner.cli.confirm import confirm_or_stop
from runner.cli.open_ledger import open_for_writing
from runner.cli.output import emit_json
from runner.cli.screen import out, style
from runner.errors import ExitCode, SitecrewError, UsageError
from runner.model import Period, first_code
from runner.record import DeliveryState
from runner.units import count

if TYPE_CHECKING:
    from runner.deliver import Delivery
    from runner.load import Workspace
    from runner.model import Client
    from runner.record import Ledger
    from runner.workflows.report import WrittenReport

__all__ = ["last_month", "report_all"]

_COLORS = {"created": "green", "sent": "green", "skipped": "bright_black", "queued": "yellow"}
_WIDTH = len("already sent")
_PERIOD = len("2026-W48")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What became of one client's report."""

    client: str
    period: str
    outcome: str
    """created, sent, `already sent`, queued, refused, unsure, skipped or failed."""
    detail: str = ""
    code: ExitCode = ExitCode.OK
    status: str | None = None
    files: tuple[str, ...] = ()
    recipients: tuple[dict[str, object], ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """One entry of `report --json`."""
        return {
            "client": self.client,
            "period": self.period,
            "outcome": self.outcome,
            "detail": self.detail,
            "status": self.status,
            "files": list(self.files),
            "recipients": list(self.recipients),
        }


def last_month(client: Client) -> Period:
    """Return the month before the present one in the client's time zone."""
    return Period.month_before(datetime.now(UTC).astimezone(ZoneInfo(client.timezone)).date())


def report_all(workspace: Workspace, period: str | None, options: dict[str, bool]) -> ExitCode:
    """Create the report of each client, and send it with --send; a failure does not stop the others.

    Raises:
        UsageError: there is no client or no mail server, the period is invalid, or there is no input to ask.
    """
    clients = tuple(workspace.inventory.clients.values())
    periods = {client.id: Period.parse(period) if period else last_month(client) for client in clients}
    if not clients:
        raise UsageError("the inventory has no client", hint="add one below `clients:` in inventory.yaml")
    if options["send"] and not _may_send(workspace, clients, period, options):
        return ExitCode.OK
    width = max(len(client.id) for client in clients)
    results = []
    with open_for_writing(workspace) as ledger:
        for client in clients:
            results.append(_report_one(workspace, ledger, client, periods[client.id], options))
            if not options["json_"]:
                _print(results[-1], width)
    if options["json_"]:
        emit_json([one.as_json() for one in results])
    return first_code(one.code for one in results)


def _may_send(
    workspace: Workspace, clients: Sequence[Client], period: str | None, options: dict[str, bool]
) -> bool:
    if workspace.settings.mail is None:
        raise UsageError("no mail server is set", hint="set `mail` in sitecrew.yaml")
    edition = "a new edition of the report" if options["again"] else "the report"
    question = f"Send {edition} for {period or 'last month'} to {count(len(clients), 'client')}?"
    return options["yes"] or confirm_or_stop(question, "report --send", otherwise="nothing was sent")


def _report_one(
    workspace: Workspace, ledger: Ledger, client: Client, period: Period, options: dict[str, bool]
) -> _Result:
    """Create and send one report; any error but those of the ledger becomes its result."""
    from runner.hosts.boundary import within

    if why := _nothing_to_report(workspace, ledger, client, period):
        return _Result(client=client.id, period=period.key, outcome="skipped", detail=why)
    result = within(lambda: _made(workspace, ledger, client, period, options))
    if not isinstance(result, SitecrewError):
        return result
    code = ExitCode.FAILED if result.exit_code is ExitCode.USAGE else result.exit_code
    detail = result.with_hint
    return _Result(client=client.id, period=period.key, outcome="failed", detail=detail, code=code)


def _nothing_to_report(workspace: Workspace, ledger: Ledger, client: Client, period: Period) -> str:
    """Why the client has no report: it has no sites, or all of them are newer than the period."""
    mine = {site.name for site in workspace.inventory.sites.values() if site.client == client.id}
    if not mine:
        return "it has no site in the inventory"
    _, end = period.instants(client.timezone)
    since = min(one.since for one in ledger.websites.list() if one.name in mine)
    if since < end:
        return ""
    first = since.astimezone(ZoneInfo(client.timezone)).date()
    return f"its first site is recorded since {first.isoformat()}, after the period"


def _made(
    workspace: Workspace, ledger: Ledger, client: Client, period: Period, options: dict[str, bool]
) -> _Result:
    from runner.workflows.report import make_report, record_report, send_report

    written = make_report(workspace, ledger, client, period)
    if not options["send"]:
        record_report(workspace, ledger, client, written)
        return _result(client, written, "created", ", ".join(_files(written)[:1]))
    details = {"client": client.id, "again": options["again"]}
    ledger.acts.record("send", f"report of {client.id} for {period.key}", details=details)
    delivery = send_report(workspace, ledger, client, written, again=options["again"])
    return _sent(client, written, delivery)


def _sent(client: Client, written: WrittenReport, delivery: Delivery) -> _Result:
    """Return the result of sending: good only if every recipient has the report."""
    late = [one for one in delivery.recipients if one.state is not DeliveryState.SENT]
    if late:
        detail = "; ".join(f"{one.address}: {one.state}: {one.reply}".removesuffix(": ") for one in late)
        return _result(client, written, str(delivery.state), detail, delivery)
    outcome = "sent" if delivery.attempted else "already sent"
    detail = count(len(delivery.recipients), "recipient")
    return _result(client, written, outcome, detail, delivery)


def _result(
    client: Client, written: WrittenReport, outcome: str, detail: str, delivery: Delivery | None = None
) -> _Result:
    recipients = tuple(one.as_json() for one in delivery.recipients) if delivery else ()
    good = outcome in {"created", "sent", "already sent"}
    return _Result(
        client=client.id,
        period=written.report.period.key,
        outcome=outcome,
        detail=detail,
        code=ExitCode.OK if good else ExitCode.FAILED,
        status=str(written.report.status),
        files=_files(written),
        recipients=recipients,
    )


def _files(written: WrittenReport) -> tuple[str, ...]:
    return tuple(os.path.relpath(path) for path in written.paths)


def _print(result: _Result, width: int) -> None:
    color = _COLORS.get(result.outcome.removeprefix("already "), "red")
    outcome = style(f"{result.outcome:<{_WIDTH}}", fg=color)
    out(f"{result.client:<{width}}  {result.period:<{_PERIOD}}  {outcome}  {result.detail}".rstrip())
