"""`undo`: undo the changes of an earlier run, after a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.follow import follow_run, open_session
from runner.cli.options import as_json, operated, selecting, verbosity, with_workspace
from runner.cli.output import say
from runner.cli.screen import style
from runner.cli.selection import select_sites
from runner.errors import ExitCode, SitecrewError, UsageError
from runner.model import Action, Order, Playbook, Site, SiteKind, UndoOrder, first_code
from runner.shell import command
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.inspect.undo import UndoPreview
    from runner.load import Workspace

__all__ = ["undo"]


@click.command()
@with_workspace
@operated
@click.argument("run")
@selecting
@click.option("--database", is_flag=True, help="Also restore the whole database, even if newer data is lost.")
@click.option("--force", is_flag=True, help="Also undo items whose version has changed since RUN.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@verbosity
@as_json
def undo(workspace: Workspace, run: str, **options: Any) -> int:
    """Undo the changes of RUN from its restore points, which are kept on the hosts for 14 days.

    Shows what will be restored and asks before it starts. An undo is a run itself and can be undone, too.
    """
    from runner.inspect.undo import preview_undos, undo_order
    from runner.load import thaw
    from runner.workflows.orders import new_order
    from runner.workflows.run import begin

    quiet = options["yes"] and (options["quiet"] or options["json_"])
    with open_session(workspace) as session:
        found = session.ledger.runs.find(run)
        ran = session.ledger.websites.names_in_run(found)
        sites = [s for s in select_sites(workspace, options["limit"], options["exclude"]) if s.name in ran]
        if not sites:
            raise UsageError(f"{found} has none of these sites", hint=f"see: {command('show', found)}")
        asked = UndoOrder(run=found, database=options["database"], force=options["force"])
        empty = Playbook(name="undo", title="", steps=())

        def ordered(chosen: list[Any]) -> Order:
            order = new_order(workspace, empty, [chosen], now=session.now())
            return undo_order(order, thaw(session.ledger.runs.order_text(found)), asked)

        order = ordered(sites)
        previews = tuple(preview_undos(session.hosts, session.ledger, order, sites))
        failed = [preview.exit_code for _, preview in previews if isinstance(preview, SitecrewError)]
        undoable = [site for site, preview in previews if _print_preview(site, preview, quiet=quiet)]
        if not undoable:
            raise UsageError(f"nothing of {found} can be undone", hint=f"see: {command('show', found)}")
        if not options["yes"] and not confirm_or_stop(
            "Undo these changes?", "undo", otherwise="nothing was undone"
        ):
            return ExitCode.FAILED
        order = ordered(undoable)
        begin(session, order, trigger="manual")
        return first_code([follow_run(session, order.run, options), *failed])


def _print_preview(site: Site, preview: UndoPreview | SitecrewError, *, quiet: bool) -> bool:
    """Print what would be undone on a site, with `quiet` only errors; return whether anything would be."""
    if isinstance(preview, SitecrewError):
        say(f"{style(site.name, bold=True)} ({site.client})")
        say(f"  skipped: {sentence(preview.with_hint, 2000)}")
        return False
    if not quiet:
        _print_changes(site, preview)
    return any(change.action is Action.CHANGE for change in preview.plan.changes)


def _print_changes(site: Site, preview: UndoPreview) -> None:
    say(f"{style(site.name, bold=True)} ({site.client})")
    for change in preview.plan.changes:
        arrow = f"{change.from_version or '-'} -> {change.to_version or '-'}"
        note = _database_text(preview) if change.item == "database" else ""
        why = f"left: {change.why}" if change.action is Action.HOLD else note
        say(f"  {sentence(change.item):<26} {sentence(arrow):<22} {sentence(why, 2000)}".rstrip())
    if not preview.plan.changes:
        say("  nothing left to undo")
    if preview.facts is None and site.kind is SiteKind.WORDPRESS:
        say("  WordPress does not start; its versions could not be compared")


def _database_text(preview: UndoPreview) -> str:
    from runner.steps.wordpress.database_undo import counted

    if preview.database.state == "unchanged":
        return "no differences"
    lost = counted(preview.database.at_risk)
    return f"rows changed by the run; if that is not enough, the whole database, and {lost} would be lost"
