"""`undo`: put an earlier run back, after saying what that means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import as_json, operated, selecting, verbosity, with_workspace
from runner.cli.output import say
from runner.cli.run import follow, select_sites, working
from runner.cli.screen import style
from runner.errors import ExitCode, SitecrewError, UsageError
from runner.model import Action, Order, Playbook, SiteKind, UndoOrder

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.workflows.session import Session
    from runner.workflows.undo.foresee import Foreseen

__all__ = ["undo"]


@click.command()
@with_workspace
@operated
@click.argument("run")
@selecting
@click.option("--database", is_flag=True, help="Put the database back too, whatever is lost.")
@click.option("--force", is_flag=True, help="Also what has another version by now than RUN installed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@verbosity
@as_json
def undo(workspace: Workspace, run: str, **options: Any) -> int:
    """Put back what RUN changed, from the restore points that it left on the hosts 14 days ago or less.

    Says what will happen, and asks. What is replaced is kept too: an undo is a run that can be undone.
    """
    from runner.load import thaw
    from runner.workflows.run import begin, new_order
    from runner.workflows.undo.foresee import undo_order

    with working(workspace, None) as session:
        found = session.ledger.find_run(run)
        ran = {row.site for row in session.ledger.site_rows(found)}
        sites = [s for s in select_sites(workspace, options["limit"], options["exclude"]) if s.name in ran]
        if not sites:
            raise UsageError(f"{found} has none of these sites", hint=f"see: sitecrew show {found}")
        asked = UndoOrder(run=found, database=options["database"], force=options["force"])
        empty = Playbook(name="undo", title="", steps=())

        def ordered(chosen: list[Any]) -> Order:
            order = new_order(workspace, empty, [chosen], now=session.now())
            return undo_order(order, thaw(session.ledger.order_text(found)), asked)

        order = ordered(sites)
        useful = [site for site in sites if _foretell(session, order, site)]
        if not useful:
            raise UsageError(f"nothing of {found} can be put back", hint=f"see: sitecrew show {found}")
        if not options["yes"]:
            _ask()
        order = ordered(useful)
        begin(session, order, trigger="manual")
        return follow(session, order.run, options)


def _foretell(session: Session, order: Order, site: Any) -> bool:
    """Say what would happen to a site; False where nothing would."""
    from runner.workflows.undo.foresee import foresee_undo

    say(f"{style(site.name, bold=True)} ({site.client})")
    try:
        foreseen = foresee_undo(session.hosts, session.ledger, order, site)
    except SitecrewError as error:
        say(f"  left as it is: {error.with_hint}")
        return False
    for change in foreseen.plan.changes:
        way = f"{change.from_version or '-'} -> {change.to_version or '-'}"
        told = _database_text(foreseen) if change.item == "database" else ""
        why = f"left: {change.why}" if change.action is Action.HOLD else told
        say(f"  {change.item:<26} {way:<22} {why}".rstrip())
    if not foreseen.plan.changes:
        say("  nothing of it is left to put back")
    if foreseen.facts is None and site.kind is SiteKind.WORDPRESS:
        say("  WordPress does not start; its versions could not be compared")
    return any(change.action is Action.CHANGE for change in foreseen.plan.changes)


def _database_text(foreseen: Foreseen) -> str:
    from runner.steps.wordpress.database_undo import counted

    if foreseen.database.state == "unchanged":
        return "nothing in it differs"
    lost = counted(foreseen.database.at_risk)
    return f"what the run touched; if that does not suffice all of it, and then {lost} would be lost"


def _ask() -> None:
    """Go on, or leave."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("undo asks on a terminal, and this is none", hint="answer with -y")
    if not click.confirm("Put this back?", err=True):
        raise click.exceptions.Exit(ExitCode.OK)
