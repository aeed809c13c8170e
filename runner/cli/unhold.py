"""`unhold`: let an item be updated again that was held after it broke its site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.acting import acting
from runner.cli.options import operated, with_workspace
from runner.cli.output import closest_hint
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["unhold"]


@click.command()
@with_workspace
@operated
@click.argument("site")
@click.argument("item")
def unhold(workspace: Workspace, site: str, item: str) -> int:
    """Lift the hold on ITEM of SITE, which an update that broke the site has left.

    A hold that stands in inventory.yaml is lifted there. A newer version than the held one needs no lifting.
    """
    if site not in workspace.inventory.sites:
        raise UnknownNameError(
            f"there is no site {site!r}", hint=closest_hint(site, workspace.inventory.sites)
        )
    with acting(workspace) as ledger:
        held = {hold.item: hold for hold in ledger.list_holds(site)}
        if item not in held:
            raise UnknownNameError(
                f"{item!r} of {site} is not held",
                hint=closest_hint(item, held) or f"nothing of {site} is held by the ledger",
            )
        details = {"site": site, "client": workspace.inventory.sites[site].client}
        ledger.record_act("unhold", f"{site}: {item} {held[item].version}", details=details)
        ledger.lift_hold(site, item)
    hold = held[item]
    out(f"{item} {hold.version} may be tried on {site} again; held since {hold.since:%Y-%m-%d %H:%M} UTC")
    return ExitCode.OK
