"""`undo`: put an earlier run back, after saying what that means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.confirm import agreed
from runner.cli.options import as_json, operated, selecting, verbosity, with_workspace
from runner.cli.output import say
from runner.cli.run import follow, select_sites, working
from runner.cli.screen import style
from runner.errors import ExitCode, SitecrewError, UsageError
from runner.model import Action, Order, Playbook, Site, SiteKind, UndoOrder, first_code
from runner.shell import command
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.inspect.undo import Foreseen
    from runner.load import Workspace

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
    from runner.inspect.undo import foresee_undos, undo_order
    from runner.load import thaw
    from runner.workflows.run import begin, new_order

    quiet = options["yes"] and (options["quiet"] or options["json_"])
    with working(workspace, None) as session:
        found = session.ledger.find_run(run)
        ran = session.ledger.names_then(found)
        sites = [s for s in select_sites(workspace, options["limit"], options["exclude"]) if s.name in ran]
        if not sites:
            raise UsageError(f"{found} has none of these sites", hint=f"see: {command('show', found)}")
        asked = UndoOrder(run=found, database=options["database"], force=options["force"])
        empty = Playbook(name="undo", title="", steps=())

        def ordered(chosen: list[Any]) -> Order:
            order = new_order(workspace, empty, [chosen], now=session.now())
            return undo_order(order, thaw(session.ledger.order_text(found)), asked)

        order = ordered(sites)
        foreseen = tuple(foresee_undos(session.hosts, session.ledger, order, sites))
        left = [preview.exit_code for _, preview in foreseen if isinstance(preview, SitecrewError)]
        useful = [site for site, preview in foreseen if _foretell(site, preview, quiet=quiet)]
        if not useful:
            raise UsageError(f"nothing of {found} can be put back", hint=f"see: {command('show', found)}")
        if not options["yes"] and not agreed("Put this back?", "undo", otherwise="nothing was put back"):
            return ExitCode.FAILED
        order = ordered(useful)
        begin(session, order, trigger="manual")
        return first_code([follow(session, order.run, options), *left])


def _foretell(site: Site, foreseen: Foreseen | SitecrewError, *, quiet: bool) -> bool:
    """Print what would happen to a site; `quiet`: only what would not. False where nothing would."""
    if isinstance(foreseen, SitecrewError):
        say(f"{style(site.name, bold=True)} ({site.client})")
        say(f"  left as it is: {sentence(foreseen.with_hint, 2000)}")
        return False
    useful = any(change.action is Action.CHANGE for change in foreseen.plan.changes)
    if not quiet:
        _preview(site, foreseen)
    return useful


def _preview(site: Site, foreseen: Foreseen) -> None:
    say(f"{style(site.name, bold=True)} ({site.client})")
    for change in foreseen.plan.changes:
        way = f"{change.from_version or '-'} -> {change.to_version or '-'}"
        told = _database_text(foreseen) if change.item == "database" else ""
        why = f"left: {change.why}" if change.action is Action.HOLD else told
        say(f"  {sentence(change.item):<26} {sentence(way):<22} {sentence(why, 2000)}".rstrip())
    if not foreseen.plan.changes:
        say("  nothing of it is left to put back")
    if foreseen.facts is None and site.kind is SiteKind.WORDPRESS:
        say("  WordPress does not start; its versions could not be compared")


def _database_text(foreseen: Foreseen) -> str:
    from runner.steps.wordpress.database_undo import counted

    if foreseen.database.state == "unchanged":
        return "nothing in it differs"
    lost = counted(foreseen.database.at_risk)
    return f"what the run touched; if that does not suffice all of it, and then {lost} would be lost"
