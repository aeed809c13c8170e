"""`import`: add the sites of a list to the inventory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.discover import discover_on
from runner.cli.inventory_file import add_clients
from runner.cli.options import as_json, with_workspace
from runner.cli.output import emit_json, say, table
from runner.errors import ExitCode, UsageError
from runner.shell import command
from runner.units import count
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.load.additions import NewClient
    from runner.load.candidates import Candidate
    from runner.load.sitelist import SiteList

__all__ = ["import_"]

_FORMATS = ("csv", "mainwp", "managewp")


@dataclass(frozen=True, slots=True)
class _Import:
    """What an import does: sites to add by client, and the sites that the inventory has."""

    clients: tuple[NewClient, ...]
    existing: tuple[tuple[Candidate, str], ...]

    def names(self, *, complete: bool) -> list[str]:
        """Return the names of the sites that are added, or that are added as comments."""
        return [one.name for client in self.clients for one in client.sites if one.is_complete is complete]


@click.command("import")
@with_workspace
@as_json
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--format", "format_", type=click.Choice(_FORMATS), help="Format; by default recognized.")
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="Find the folders on this host (repeatable)."
)
@click.option("--client", default="", metavar="CLIENT", help="Client of the sites that the file gives none.")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be added.")
@click.option("-y", "--yes", is_flag=True, help="Add without asking.")
def import_(workspace: Workspace, *, file: str, json_: bool, dry_run: bool, yes: bool, **options: Any) -> int:
    """Add the sites of FILE, a CSV file, to the inventory. FILE may be - for stdin.

    The first line names the columns: name, url, client, host, path, kind, tags, email, timezone, language.
    Only url is required. A site without host and path is added as a comment; with --host, its folder is
    found on that host. Sites that the inventory already has are skipped.
    """
    read = _read(workspace, file, options["format_"])
    known = workspace.inventory.sites
    found = _arranged(workspace, read, options["hosts"], options["client"])
    if not json_:
        _print(workspace, found, read.ignored)
    new = [*found.names(complete=True), *found.names(complete=False)]
    if not new:
        say("nothing to add to the inventory")
    elif not dry_run:
        question = f"Add {count(len(new), 'site')} to the inventory?"
        if not yes and not confirm_or_stop(question, "import", otherwise="nothing was added"):
            return ExitCode.FAILED
        _print_added(found, add_clients(workspace, found.clients))
    if json_:
        emit_json(
            {
                "format": str(read.format),
                "added": found.names(complete=True),
                "incomplete": found.names(complete=False),
                "existing": [name for _, name in found.existing if name in known],
                "ignored_columns": [sentence(one, 60) for one in read.ignored],
                "dry_run": dry_run,
            }
        )
    return ExitCode.OK


def _read(workspace: Workspace, file: str, format_: str | None) -> SiteList:
    from runner.load.sitelist import LARGEST, ListFormat, parse_sites

    try:
        if file == "-":
            raw = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(file).open("rb") as stream:
                raw = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from error
    given = ListFormat(format_) if format_ else None
    return parse_sites(raw, "stdin" if file == "-" else file, given, hosts=workspace.inventory.hosts)


def _arranged(workspace: Workspace, read: SiteList, hosts: Sequence[str], client: str) -> _Import:
    """Skip known sites, find the folders of the others, and choose names and clients."""
    from runner.load.candidates import arranged, existing_site

    inventory = workspace.inventory
    names = [(site, existing_site(site, inventory)) for _, site in read.rows]
    new = [site for site, name in names if not name]
    located = _located(workspace, new, hosts)
    moved = [(site, existing_site(site, inventory)) for site in located]
    clients = arranged([site for site, name in moved if not name], inventory, client)
    existing = [pair for pair in (*names, *moved) if pair[1]]
    return _Import(tuple(clients), tuple(existing))


def _located(workspace: Workspace, sites: Sequence[Candidate], hosts: Sequence[str]) -> list[Candidate]:
    """Return the sites with host and folder, where one of the hosts has their address."""
    from runner.load.candidates import same_address

    found = list(sites)
    for host in hosts:
        say(f"searching {host} ...")
        for one in discover_on(workspace, host).sites:
            for number, site in enumerate(found):
                fits = site.host in {"", host} and not site.path and not one.note
                if fits and same_address(site.url, one.url):
                    found[number] = replace(site, host=host, path=one.path, kind=one.kind)
    return found


def _print(workspace: Workspace, found: _Import, ignored: Sequence[str]) -> None:
    """Print what is added and what is skipped."""
    rows = [
        [
            site.name,
            client.id if client.id in workspace.inventory.clients else f"{client.id} (new)",
            site.url,
            f"{site.host}:{site.path}" if site.is_complete else "host or path unknown: added as a comment",
        ]
        for client in found.clients
        for site in client.sites
    ]
    if rows:
        table(("SITE", "CLIENT", "ADDRESS", "FOLDER"), rows)
    if found.existing:
        say(f"{count(len(found.existing), 'site')} already in the inventory")
    if ignored:
        say(f"columns that are not used: {sentence(', '.join(ignored))}")


def _print_added(found: _Import, files: tuple[str, ...]) -> None:
    complete, incomplete = found.names(complete=True), found.names(complete=False)
    if complete:
        say(f"added {count(len(complete), 'site')} to {', '.join(files)}; check with: {command('doctor')}")
    if incomplete:
        say(f"added {count(len(incomplete), 'site')} as comments: add host and path, or find them on a host:")
        say(f"  {command('import')} FILE --host HOST")
