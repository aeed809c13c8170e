"""`unhold`: remove the hold on an item that broke its site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.open_ledger import open_for_writing
from runner.cli.options import operated, with_workspace
from runner.cli.output import closest_hint
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError
from runner.units import local

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["unhold"]


@click.command()
@with_workspace
@operated
@click.argument("site")
@click.argument("item")
def unhold(workspace: Workspace, site: str, item: str) -> int:
    """Remove the hold on ITEM of SITE that was set when its update broke the site.

    Holds in inventory.yaml are removed in that file. The hold does not apply to versions newer than the held
    one.
    """
    if site not in workspace.inventory.sites:
        raise UnknownNameError(
            f"there is no site {site!r}", hint=closest_hint(site, workspace.inventory.sites)
        )
    with open_for_writing(workspace) as ledger:
        held = {hold.item: hold for hold in ledger.holds.list(site)}
        if item not in held:
            raise UnknownNameError(
                f"{site} has no hold on {item!r}",
                hint=closest_hint(item, held) or f"no item of {site} is on hold in the ledger",
            )
        details = {"site": site, "client": workspace.inventory.sites[site].client}
        ledger.acts.record("unhold", f"{site}: {item} {held[item].version}", details=details)
        ledger.holds.lift(site, item)
    hold = held[item]
    out(f"{site}: removed the hold on {item} {hold.version}, set {local(hold.since)}")
    return ExitCode.OK
