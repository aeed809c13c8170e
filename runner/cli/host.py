"""`host`: what Sitecrew keeps on a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.acting import acting
from runner.cli.confirm import agreed
from runner.cli.options import operated, with_workspace
from runner.cli.output import closest_hint, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.leftovers import Leftover
    from runner.load import Workspace
    from runner.model import Host

__all__ = ["host"]


@click.group()
def host() -> None:
    """See to what Sitecrew keeps on a host."""


@host.command()
@with_workspace
@operated
@click.argument("name", metavar="HOST")
@click.option("--address", metavar="ADDRESS", help="Where the host is, if inventory.yaml has it no more.")
@click.option("--user", metavar="USER", help="Login there; with --address.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of SSH there; with --address.")
@click.option(
    "--folder",
    "folders",
    multiple=True,
    metavar="DIR",
    help="Also the folder of a former site; may be repeated.",
)
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
def clean(
    workspace: Workspace,
    *,
    name: str,
    address: str | None,
    user: str | None,
    port: int | None,
    folders: tuple[str, ...],
    yes: bool,
) -> int:
    """Delete everything on HOST that is Sitecrew's.

    These are jobs, restore points, locks, wp-cli where it was brought, and `.sitecrew-*` in the folders of
    sites. Runs on this host can no longer be undone then. Refused while a job runs there or a site is locked.
    """
    from runner.execute import Pool
    from runner.hosts.hosts import Hosts
    from runner.hosts.leftovers import clean as clean_host
    from runner.load import Redactor

    chosen = _host(workspace, name, address, user, port)
    if any(not folder.startswith("/") or "\0" in folder for folder in folders):
        raise click.UsageError("--folder takes an absolute path")
    places = {*(site.path for site in workspace.inventory.sites.values() if site.host == name), *folders}
    with Pool() as pool:
        remote = Hosts(workspace, pool, Redactor()).remote(chosen)
        found = clean_host(remote, sorted(places), delete=False)
        if not found:
            out(f"{name}: nothing of ours is there")
            return ExitCode.OK
        _show(found)
        if not yes and not agreed(f"Delete this on {name}?", "host clean", otherwise="nothing was deleted"):
            return ExitCode.FAILED
        with acting(workspace) as ledger:
            paths = [sentence(one.path) for one in found[:100]]
            ledger.record_act("host clean", f"{name}: {len(found)} folders", details={"paths": paths})
        left = clean_host(remote, sorted(places), delete=True)
    if left:
        say(f"{name}: these could not be deleted:")
        _show(left)
        return ExitCode.FAILED
    out(f"{name}: deleted")
    return ExitCode.OK


def _host(workspace: Workspace, name: str, address: str | None, user: str | None, port: int | None) -> Host:
    from runner.model import Host

    known = workspace.inventory.hosts
    if name in known:
        if address or user or port:
            raise click.UsageError(f"{name} is in inventory.yaml, which says where it is")
        return known[name]
    if not address:
        raise UnknownNameError(
            f"there is no host {name!r} in inventory.yaml",
            hint=closest_hint(name, known) or "for a host that was taken out: --address ADDRESS",
        )
    return Host(name=name, address=address, user=user, port=port)


def _show(found: tuple[Leftover, ...]) -> None:
    for one in found:
        say(f"  {one.kilobytes:>10,} KB  {sentence(one.path)}")
