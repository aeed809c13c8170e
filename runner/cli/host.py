"""`host`: delete Sitecrew's files from a host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.open_ledger import open_for_writing
from runner.cli.options import operated, with_workspace
from runner.cli.output import closest_hint, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.units import count, size
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.leftovers import Leftover
    from runner.load import Workspace
    from runner.model import Host

__all__ = ["host"]


@click.group()
def host() -> None:
    """Manage the files that Sitecrew keeps on a host."""


@host.command()
@with_workspace
@operated
@click.argument("name", metavar="HOST")
@click.option("--address", metavar="ADDRESS", help="Address of a host that is no longer in the inventory.")
@click.option("--user", metavar="USER", help="Login for --address.")
@click.option("--port", type=click.IntRange(1, 65535), help="SSH port for --address.")
@click.option(
    "--folder",
    "folders",
    multiple=True,
    metavar="DIR",
    help="Also clean the folder of a former site (repeatable).",
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
    """Delete all of Sitecrew's files from HOST.

    Deletes jobs, restore points, locks, an installed wp-cli, and `.sitecrew-*` in the folders of sites.
    Earlier runs on this host can then no longer be undone. Refused while a job is running there or a site is
    locked.
    """
    from runner.execute import Pool
    from runner.hosts.hosts import Hosts
    from runner.hosts.leftovers import clean as clean_host
    from runner.load import Redactor

    chosen = _host(workspace, name, address, user, port)
    if any(not folder.startswith("/") or "\0" in folder for folder in folders):
        raise UsageError("--folder needs an absolute path")
    site_folders = {
        *(site.path for site in workspace.inventory.sites.values() if site.host == name),
        *folders,
    }
    with Pool() as pool:
        remote = Hosts(workspace, pool, Redactor()).remote(chosen)
        found = clean_host(remote, sorted(site_folders), delete=False)
        if not found:
            out(f"{name}: nothing to delete")
            return ExitCode.OK
        _print(found)
        question = f"Delete these from {name}?"
        if not yes and not confirm_or_stop(question, "host clean", otherwise="nothing was deleted"):
            return ExitCode.FAILED
        with open_for_writing(workspace) as ledger:
            paths = [sentence(one.path) for one in found[:100]]
            ledger.acts.record(
                "host clean", f"{name}: {count(len(found), 'folder')}", details={"paths": paths}
            )
        left = clean_host(remote, sorted(site_folders), delete=True)
    if left:
        say(f"{name}: these could not be deleted:")
        _print(left)
        return ExitCode.FAILED
    out(f"{name}: deleted")
    return ExitCode.OK


def _host(workspace: Workspace, name: str, address: str | None, user: str | None, port: int | None) -> Host:
    from runner.model import Host

    known = workspace.inventory.hosts
    if name in known:
        if address or user or port:
            where = workspace.place("hosts", name)
            raise UsageError(f"{name} is in {where}", hint="leave out --address, --user and --port")
        return known[name]
    if not address:
        raise UnknownNameError(
            f"there is no host {name!r} in the inventory",
            hint=closest_hint(name, known) or "for a host that was removed from it: --address ADDRESS",
        )
    return Host(name=name, address=address, user=user, port=port)


def _print(found: tuple[Leftover, ...]) -> None:
    for one in found:
        say(f"  {size(one.kilobytes * 1024):>8}  {sentence(one.path)}")
