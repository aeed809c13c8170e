"""Which reports were created and sent, by client and period, for `list reports`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.deliver import editions
from runner.record import DeliveryState
from runner.units import iso, local

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import DeliveryView, Ledger, ReportSummary

__all__ = ["ListedReport", "list_sent"]

_FINAL = "final"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedReport:
    """The latest report of a client for a period, and its last edition in the outbox."""

    client: str
    period: str
    report: ReportSummary | None
    """None if it was not created."""
    delivery: DeliveryView | None
    """None if it was not sent."""

    def as_json(self) -> dict[str, Any]:
        """One entry of `list reports --json`."""
        report = self.report
        return {
            "client": self.client,
            "period": self.period,
            "created": iso(report.created) if report else None,
            "final": report.kind == _FINAL if report else None,
            "status": report.status if report else None,
            "sent": self.delivery is not None and self.delivery.state is DeliveryState.SENT,
            "delivery": self.delivery.as_json() if self.delivery else None,
        }

    def cells(self) -> tuple[str, ...]:
        """One row of the table; times in local time."""
        if self.report is None:
            return (self.client, self.period, "not created", "", "not sent")
        so_far = "" if self.report.kind == _FINAL else " (so far)"
        created = f"{local(self.report.created)}{so_far}"
        return (self.client, self.period, created, self.report.status, self._sent())

    def _sent(self) -> str:
        delivery = self.delivery
        if delivery is None:
            return "not sent"
        if delivery.state is DeliveryState.SENT:
            return local(delivery.updated)
        late = [one for one in delivery.recipients if one.state is not DeliveryState.SENT]
        return ", ".join(f"{one.state}: {one.address}" for one in late)


def list_sent(
    workspace: Workspace, ledger: Ledger | None, period: str | None, clients: Collection[str] | None
) -> tuple[ListedReport, ...]:
    """Return the latest report of each client and period, newest first.

    With `period`, clients of the inventory without a report for it are included. With `clients`, only these
    are.
    """
    latest: dict[tuple[str, str], ReportSummary] = {}
    for one in ledger.reports.list(period=period) if ledger else ():
        latest.setdefault((one.client, one.period), one)
    keys = list(latest)
    if period:
        keys += [(name, period) for name in workspace.inventory.clients if (name, period) not in latest]
    outbox = ledger.deliveries.list(period=period) if ledger else ()
    found = []
    for client, key in keys:
        if clients is not None and client not in clients:
            continue
        report = latest.get((client, key))
        mine = [view for view in outbox if (view.client, view.period) == (client, key)]
        known = ledger.clients.get(client) if ledger else None
        was = known.was if known else ""
        sent = editions(mine, client, key, report.kind, was=was) if report else []
        delivery = sent[-1] if sent else None
        found.append(ListedReport(client=client, period=key, report=report, delivery=delivery))
    return tuple(found)
