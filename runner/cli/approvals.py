"""`list approvals`: the plans of windows that need approval, and who answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from runner.cli.open_ledger import open_if_exists
from runner.cli.options import as_json, selecting, with_workspace
from runner.cli.output import emit_json, say
from runner.cli.reasons import print_reasons
from runner.cli.selection import select_sites
from runner.model import Action
from runner.shell import command
from runner.units import local

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.notify import Planned
    from runner.record import ApprovalView

__all__ = ["approval_document", "approvals"]


@click.command()
@with_workspace
@selecting
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="Number of plans to list."
)
@as_json
def approvals(
    workspace: Workspace, limit: tuple[str, ...], exclude: tuple[str, ...], *, count: int, json_: bool
) -> None:
    """List the plans of windows that need approval: first those that wait, then the others, newest first.

    Which sites need approval is set with `approve` of a window, or `policy.approve`.
    """
    from runner.workflows.approvals import planned_opening

    ledger, now = open_if_exists(workspace, quiet=True), datetime.now(UTC)
    found = list(ledger.approvals.list()) if ledger else []
    if limit or exclude:
        clients = {site.client for site in select_sites(workspace, limit, exclude)}
        found = [one for one in found if one.client in clients]
    waiting = [one for one in found if _state(workspace, one, now) == "waiting"]
    chosen = (*waiting[::-1], *(one for one in found if one not in waiting))[:count]
    plans = [planned_opening(workspace, ledger, one) for one in chosen] if ledger else []
    if json_:
        emit_json([approval_document(one) | {"state": _state(workspace, one.view, now)} for one in plans])
    elif not plans:
        say("no plan waited for approval yet; to require it, set `approve` of a window")
    else:
        rows = [_cells(workspace, one, now) for one in plans]
        print_reasons(rows, heads=("run", "starts", "state", "sites", "changes", "by", "why"))
    if waiting and not json_:
        say(f"\nto show a plan  {command('approve', waiting[-1].run, '--check')}")


def approval_document(one: Planned) -> dict[str, Any]:
    """Return one entry of `list approvals --json`."""
    changes = [
        {
            "site": site.site,
            "step": change.step,
            "item": change.item,
            "kind": str(change.kind),
            "from": change.from_version,
            "to": change.to_version,
            "action": str(change.action),
            "why": change.why,
        }
        for site in one.sites.values()
        for change in site.changes
        if change.action in {Action.CHANGE, Action.HOLD}
    ]
    return {**one.view.as_json(), "changes": changes}


def _cells(workspace: Workspace, one: Planned, now: datetime) -> tuple[str, ...]:
    view = one.view
    return (
        view.run,
        local(view.starts),
        _state(workspace, view, now),
        str(len(view.sites)),
        str(one.changes),
        view.operator or "",
        view.why,
    )


def _state(workspace: Workspace, one: ApprovalView, now: datetime) -> str:
    """Return the state; a plan that nobody answered in time has expired."""
    from runner.record import ApprovalState
    from runner.workflows.approvals import still_opens

    expired = one.state is ApprovalState.WAITING and not (one.is_open(now) and still_opens(workspace, one))
    return "expired" if expired else one.state.value
