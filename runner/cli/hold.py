"""`hold` and `unhold`: hold an item on sites; remove holds by operators, rollbacks and undos."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.errors import warn
from runner.cli.open_ledger import open_for_writing
from runner.cli.options import as_json, operated, selecting, with_workspace
from runner.cli.output import closest_hint, emit_json, say
from runner.cli.questions import checked
from runner.cli.screen import out
from runner.cli.selection import select_sites
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.shell import command
from runner.units import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.load import Workspace
    from runner.load.holds import FileHold
    from runner.model import Site
    from runner.record import HoldByHand, HoldView, Ledger

__all__ = ["hold", "unhold"]


@click.command()
@with_workspace
@operated
@click.argument("item")
@selecting
@click.option("--until", metavar="DATE", help="Last day of the hold, like 2027-01-31. Default: no end.")
@click.option("--why", metavar="TEXT", default="", help="Reason, shown in plans and in the client's report.")
@click.option("--version", metavar="V", default="", help="Hold up to this version only, not newer ones.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before holding ITEM on all sites.")
@as_json
def hold(workspace: Workspace, item: str, **options: Any) -> int:
    """Hold ITEM on all sites, or on those selected with --limit: runs do not update it.

    ITEM is the slug of a plugin or theme, the name of a package, or core. The hold ends with `unhold`, or
    after the day of --until in the client's time zone. Holding the item again replaces the hold.
    """
    from runner.record import HoldByHand

    sites = select_sites(workspace, options["limit"], options["exclude"])
    until = _last_day(options["until"], workspace, sites) if options["until"] else None
    wanted = HoldByHand(
        item=_item(item),
        version=_line(options["version"], "--version"),
        why=_line(options["why"], "--why"),
        until=until,
    )
    if not _may_continue("hold", f"Hold {item} on {_sites_text(sites)}?", len(sites), options):
        return ExitCode.OK
    with open_for_writing(workspace) as ledger:
        _warn_of_typo(ledger, sites, item)
        replaced = ledger.holds.set_by_hand({site.name: site.client for site in sites}, wanted)
    if options["json_"]:
        emit_json(_hold_document(wanted, sites, replaced))
    else:
        up_to = f" up to {wanted.version}" if wanted.version else ""
        last = f" until {until.isoformat()}" if until else ""
        out(f"{item}{up_to} is on hold{last} on {_sites_text(sites)}")
    if replaced and not options["json_"]:
        say(f"this replaces an earlier hold on {count(len(replaced), 'site')}")
    return ExitCode.OK


def _hold_document(hold: HoldByHand, sites: Sequence[Site], replaced: Sequence[str]) -> dict[str, Any]:
    return {
        "item": hold.item,
        "version": hold.version,
        "until": hold.until.isoformat() if hold.until else None,
        "why": hold.why,
        "sites": [site.name for site in sites],
        "replaced": list(replaced),
    }


@click.command()
@with_workspace
@operated
@click.argument("item")
@selecting
@click.option("-y", "--yes", is_flag=True, help="Do not ask before removing holds of several sites.")
@as_json
def unhold(workspace: Workspace, item: str, **options: Any) -> int:
    """Remove the holds on ITEM from all sites, or from those selected with --limit.

    This removes holds set with `hold`, and holds set because an update broke the site or was undone. Holds in
    the inventory and sitecrew.yaml are removed in the file.
    """
    from runner.load.holds import file_holds

    sites = select_sites(workspace, options["limit"], options["exclude"])
    with open_for_writing(workspace) as ledger:
        held = {one.site for one in ledger.holds.list() if one.item == item}
        chosen = [site for site in sites if site.name in held]
        in_files = [one for one in file_holds(workspace, sites) if one.item == item]
        if not chosen:
            raise _nothing_to_lift(ledger, item, sites, in_files)
        question = f"Remove the hold on {item} from {_sites_text(chosen)}?"
        if not _may_continue("unhold", question, len(chosen), options):
            return ExitCode.OK
        lifted = ledger.holds.lift_by_hand({site.name: site.client for site in chosen}, item)
    if options["json_"]:
        emit_json(
            {
                "item": item,
                "removed": [_lifted_document(one) for one in lifted],
                "still_held": [{"place": one.place, "sites": list(one.sites)} for one in in_files],
            }
        )
        return ExitCode.OK
    for one in lifted:
        out(f"{one.site}: removed the hold on {_lifted_text(one)}")
    for still in in_files:
        warn(f"{item} is still held on {', '.join(still.sites)} by {still.place}: remove it there")
    return ExitCode.OK


def _lifted_document(one: HoldView) -> dict[str, Any]:
    kept = ("site", "version", "why", "operator", "until", "since")
    return {key: value for key, value in one.as_json().items() if key in kept}


def _may_continue(name: str, question: str, count: int, options: dict[str, Any]) -> bool:
    """Ask if the command would change several sites that were not selected."""
    if count == 1 or options["yes"] or options["limit"]:
        return True
    return confirm_or_stop(question, name, otherwise="nothing was changed")


def _sites_text(sites: Sequence[Site]) -> str:
    return sites[0].name if len(sites) == 1 else count(len(sites), "site")


def _last_day(text: str, workspace: Workspace, sites: Sequence[Site]) -> date:
    """Parse the day of --until, which must not have passed for any of the sites' clients."""
    from runner.load.times import day

    found = checked("--until", text, day)
    now = datetime.now(UTC)
    for site in sites:
        zone = workspace.inventory.clients[site.client].timezone
        if found < (today := now.astimezone(ZoneInfo(zone)).date()):
            raise UsageError(f"--until {text} has passed", hint=f"today is {today.isoformat()} in {zone}")
    return found


def _item(text: str) -> str:
    from runner.load.values import item

    return checked("ITEM", text, item)


def _line(text: str, name: str) -> str:
    from runner.load.values import line

    return checked(name, text, line) if text else ""


def _warn_of_typo(ledger: Ledger, sites: Sequence[Site], item: str) -> None:
    """Print the closest known item if no update of this one was ever offered to the sites."""
    known = ledger.sightings.items(site.name for site in sites)
    hint = "" if item in known else closest_hint(item, known)
    if hint.startswith("did"):
        warn(f"no update of {item} was ever offered to {_sites_text(sites)}; {hint}")


def _nothing_to_lift(
    ledger: Ledger, item: str, sites: Sequence[Site], in_files: Sequence[FileHold]
) -> UsageError:
    """Return the error for an item that no hold of the ledger holds: where it is held, or what is."""
    if in_files:
        places = ", ".join(one.place for one in in_files)
        return UsageError(f"the hold on {item} is set in {places}", hint="remove it there")
    where = sites[0].name if len(sites) == 1 else f"any of {_sites_text(sites)}"
    names = {site.name for site in sites}
    held = sorted({one.item for one in ledger.holds.list() if one.site in names})
    return UnknownNameError(
        f"there is no hold on {item!r} on {where}",
        hint=closest_hint(item, held) or f"no item is on hold there; see: {command('list', 'holds')}",
    )


def _lifted_text(one: HoldView) -> str:
    version = f" {one.version}" if one.version else ""
    by = f" by {one.operator}" if one.operator else ""
    return f"{one.item}{version}, set {one.since:%Y-%m-%d %H:%M} UTC{by}"
