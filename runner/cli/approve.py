"""`approve` and `decline`: answer the plans of windows that wait for approval."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from runner.cli.open_ledger import open_for_writing, open_if_exists
from runner.cli.options import as_json, operated, selecting, with_workspace
from runner.cli.output import closest_hint, emit_json, say
from runner.cli.planview import print_site
from runner.cli.questions import checked
from runner.cli.screen import out
from runner.cli.selection import select_sites
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.shell import command
from runner.units import count, local

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.load import Workspace
    from runner.notify import Planned
    from runner.record import ApprovalState, ApprovalView, Ledger

__all__ = ["approve", "decline"]

_LIST = command("list", "approvals")


def _opening(decorated: Callable[..., Any]) -> Callable[..., Any]:
    """The argument: a window, or the run of one client."""
    return click.argument("opening", metavar="WINDOW|RUN")(decorated)


@click.command()
@with_workspace
@operated
@_opening
@selecting
@click.option("-C", "--check", is_flag=True, help="Only show the plan.")
@click.option("--why", metavar="TEXT", default="", help="Remark to record.")
@as_json
def approve(workspace: Workspace, opening: str, **options: Any) -> int:
    """Approve the plans of the next opening of WINDOW, for all clients or those selected with --limit.

    RUN is the id of a planned run, for one client; this also replaces an earlier answer. When the window
    starts, exactly the approved plan is applied. After the start, approve until the window's start deadline
    to start it at once. To show the plans first, use -C.
    """
    from runner.record import ApprovalState

    if options["check"]:
        return _show(workspace, opening, options)
    return _answer(workspace, opening, ApprovalState.APPROVED, options)


@click.command()
@with_workspace
@operated
@_opening
@selecting
@click.option("--why", metavar="TEXT", required=True, help="Reason, shown in the client's report.")
@as_json
def decline(workspace: Workspace, opening: str, **options: Any) -> int:
    """Decline the plans of the next opening of WINDOW, for all clients or those selected with --limit.

    RUN is the id of a planned run, for one client. Sites that wait for approval are skipped in this opening;
    a plan that was approved before is declined too.
    """
    from runner.record import ApprovalState

    return _answer(workspace, opening, ApprovalState.DECLINED, options)


def _answer(workspace: Workspace, opening: str, state: ApprovalState, options: dict[str, Any]) -> int:
    """Record the answer and print it."""
    why = _line(options["why"])
    with open_for_writing(workspace) as ledger:
        chosen = _chosen(workspace, ledger, opening, options, state)
        ledger.approvals.answer(chosen, state, why)
        given = [ledger.approvals.get(one.window, one.client, one.starts) or one for one in chosen]
    if options["json_"]:
        emit_json([one.as_json() for one in given])
        return ExitCode.OK
    for before, one in zip(chosen, given, strict=True):
        starts = "the window is open" if one.starts <= _now() else f"starts {local(one.starts, zone=True)}"
        out(f"{one.run}: {state.value}: {count(len(one.sites), 'site')}, {starts}")
        if before.operator:
            say(f"this replaces the answer of {before.operator}: {before.state.value}")
    return ExitCode.OK


def _show(workspace: Workspace, opening: str, options: dict[str, Any]) -> int:
    """Print the plans without answering."""
    from runner.cli.approvals import approval_document
    from runner.workflows.approvals import planned_opening

    ledger = open_if_exists(workspace, quiet=True)
    if ledger is None:
        raise _nothing_waits(workspace, None, opening)
    chosen = _chosen(workspace, ledger, opening, options, None)
    plans = [planned_opening(workspace, ledger, one) for one in chosen]
    if options["json_"]:
        emit_json([approval_document(one) for one in plans])
        return ExitCode.OK
    for one in plans:
        _print_plan(one)
    return ExitCode.OK


def _print_plan(one: Planned) -> None:
    view = one.view
    made, starts = local(view.made), local(view.starts, zone=True)
    say(f"{view.run}: {view.state.value}; planned {made}, starts {starts}")
    for site in one.sites.values():
        print_site(site, everything=True)
    if view.why and not view.operator:
        say(f"not planned, and not started: {view.why}")
    say(f"\n{count(one.changes, 'change')} on {count(len(view.sites), 'site')}")
    say(f"to approve  {command('approve', view.run)}")
    say(f"to decline  {command('decline', view.run, '--why', 'TEXT')}")


def _chosen(
    workspace: Workspace, ledger: Ledger, opening: str, options: dict[str, Any], state: ApprovalState | None
) -> tuple[ApprovalView, ...]:
    """Return the openings that an answer is for, or with no `state` those to show.

    Raises:
        UsageError: none can be answered, or --limit selects only a part of the sites of one.
    """
    from runner.record import ApprovalState
    from runner.workflows.approvals import still_opens

    now = _now()
    found = [one for one in ledger.approvals.list(since=now) if one.is_open(now)]
    found = [one for one in found if still_opens(workspace, one)]
    named = [one for one in found if one.run == opening]
    if not named:
        answerable = {
            ApprovalState.WAITING,
            ApprovalState.APPROVED if state != ApprovalState.APPROVED else None,
        }
        mine = [one for one in found if one.window == opening and one.state in answerable]
        named = [one for one in mine if one.starts == min(o.starts for o in mine if o.client == one.client)]
    if options["limit"] or options["exclude"]:
        selected = {site.name for site in select_sites(workspace, options["limit"], options["exclude"])}
        named = [one for one in named if _is_selected(one, selected)]
    if not named:
        raise _nothing_waits(workspace, ledger, opening)
    return tuple(sorted(named, key=lambda one: (one.starts, one.client)))


def _is_selected(one: ApprovalView, selected: set[str]) -> bool:
    """Whether --limit selects the sites of an opening, all of them or none."""
    part = selected & {*one.sites}
    if part and len(part) < len(one.sites):
        left = ", ".join(sorted({*one.sites} - part))
        raise UsageError(
            f"{one.run}: a plan is answered for all its sites; --limit leaves out {left}",
            hint=f"use -l client:{one.client}; to leave out a single item: {command('hold')} ITEM -l SITE",
        )
    return bool(part)


def _nothing_waits(workspace: Workspace, ledger: Ledger | None, opening: str) -> UsageError:
    """Return why there is nothing to answer."""
    views: Sequence[ApprovalView] = ledger.approvals.list() if ledger else ()
    known = next((one for one in views if one.run == opening), None)
    if known and known.decided:
        return UsageError(
            f"{opening} can no longer be answered: the window has started", hint=f"see: {_LIST}"
        )
    if known:
        why = known.why or "its start deadline passed, or the window was changed"
        return UsageError(
            f"{opening} does not wait for approval: {known.state.value}: {why}", hint=f"see: {_LIST}"
        )
    if opening not in workspace.inventory.windows:
        hint = closest_hint(opening, workspace.inventory.windows)
        return UnknownNameError(f"there is no window and no planned run {opening!r}", hint=hint)
    return UsageError(f"no plan of {opening} waits for approval", hint=f"see: {_LIST}")


def _line(text: str) -> str:
    from runner.load.values import line

    return checked("--why", text, line) if text else ""


def _now() -> datetime:
    return datetime.now(UTC)
