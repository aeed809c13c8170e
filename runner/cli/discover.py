"""`discover`: find the websites on a host and add them to the inventory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.inventory_file import add_clients, yaml_to_paste
from runner.cli.options import as_json, with_workspace
from runner.cli.output import closest_hint, emit_json, say, table
from runner.cli.questions import checked
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError
from runner.shell import command
from runner.units import count
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.inspect.discover import Discovery, FoundSite
    from runner.load import Workspace
    from runner.load.additions import NewClient
    from runner.load.candidates import Candidate

__all__ = ["candidate_of", "discover", "discover_on", "print_sites"]

_HEADS = ("KIND", "ADDRESS", "FOLDER", "")


@click.command()
@with_workspace
@as_json
@click.argument("host", metavar="HOST")
@click.option("--add", is_flag=True, help="Add the sites that are not in the inventory to it.")
@click.option("--client", default="", metavar="CLIENT", help="Id or name of the client of new sites.")
@click.option("--url", "urls", multiple=True, metavar="FOLDER=URL", help="URL of a folder (repeatable).")
@click.option("--all", "all_", is_flag=True, help="Also sites that this login cannot maintain.")
@click.option("-y", "--yes", is_flag=True, help="Add without asking.")
def discover(workspace: Workspace, *, host: str, json_: bool, add: bool, **options: Any) -> int:
    """Find the WordPress and static sites on HOST. Nothing is changed on the host.

    Searches the document roots of nginx and Apache, the home folder of the login, /var/www, /srv and other
    usual places, and prints the sites with the lines for the inventory. With --add they are added to it;
    comments are kept, and sites that it already has are skipped.
    """
    urls = _urls(options["urls"])
    found = discover_on(workspace, host)
    sites = [replace(one, url=urls.get(one.path, one.url)) for one in found.sites]
    new = _new(workspace, host, sites, all_=options["all_"])
    if json_ and not add:
        emit_json(_as_json(workspace, host, sites, found.limits))
        return ExitCode.OK
    if not json_:
        print_sites(workspace, host, sites, all_=options["all_"])
        for limit in found.limits:
            say(f"incomplete: {limit}")
    clients = _arranged(workspace, new, options["client"])
    if not add:
        _print_hints(sites, clients, host)
        return ExitCode.OK
    code = _add(workspace, clients, yes=options["yes"])
    if json_:
        emit_json(
            {**_as_json(workspace, host, sites, found.limits), "added": _names(clients) if not code else []}
        )
    return code


def discover_on(workspace: Workspace, host: str) -> Discovery:
    """Find the sites on a host of the inventory.

    Raises:
        UnknownNameError: there is no such host.
        UnreachableError: it cannot be reached.
    """
    from runner.execute import Pool
    from runner.hosts.hosts import Hosts
    from runner.inspect.discover import discover as search
    from runner.load import Redactor

    known = workspace.inventory.hosts
    if host not in known:
        raise UnknownNameError(
            f"there is no host {host!r} in the inventory",
            hint=closest_hint(host, known) or "add it to `hosts`",
        )
    with Pool() as pool:
        return search(Hosts(workspace, pool, Redactor()).remote(known[host]))


def candidate_of(site: FoundSite, host: str) -> Candidate:
    """Return a site that was found as a candidate for the inventory."""
    from runner.load.candidates import Candidate

    return Candidate(url=site.url, host=host, path=site.path, kind=site.kind)


def print_sites(
    workspace: Workspace | None, host: str, sites: Sequence[FoundSite], *, all_: bool = False
) -> None:
    """Print a table of the sites; those that the login cannot maintain are only counted, unless `all_`."""
    shown = [site for site in sites if all_ or not site.note or _known_as(workspace, host, site)]
    rows = [
        [
            f"WordPress {site.version}".strip() if site.kind == "wordpress" else "static",
            site.url or "unknown",
            site.path,
            _remark(_known_as(workspace, host, site), site),
        ]
        for site in shown
    ]
    if rows:
        table(_HEADS, rows)
    if left := len(sites) - len(shown):
        listed = "" if workspace is None else f"; to list them: {command('discover', host, '--all')}"
        say(f"{count(left, 'site')} that this login cannot read or write{listed}")


def _known_as(workspace: Workspace | None, host: str, site: FoundSite) -> str:
    """Return the name of the site on this host in the inventory; empty if it has none."""
    from runner.load.candidates import existing_site

    name = existing_site(candidate_of(site, host), workspace.inventory) if workspace else ""
    return name if workspace and name and workspace.inventory.sites[name].host == host else ""


def _remark(name: str, site: FoundSite) -> str:
    if name:
        return f"in the inventory: {name}"
    return site.note or ("a network of sites" if site.multisite else "")


def _new(workspace: Workspace, host: str, sites: Sequence[FoundSite], *, all_: bool) -> list[Candidate]:
    from runner.load.candidates import existing_site

    candidates = [candidate_of(site, host) for site in sites if all_ or not site.note]
    return [one for one in candidates if one.url and not existing_site(one, workspace.inventory)]


def _arranged(workspace: Workspace, new: Sequence[Candidate], client: str) -> list[NewClient]:
    """Return the sites with their client: the given one, the only one of the inventory, or one each."""
    from runner.load.candidates import arranged

    known = list(workspace.inventory.clients)
    return arranged(new, workspace.inventory, client or (known[0] if len(known) == 1 else ""))


def _names(clients: Sequence[NewClient]) -> list[str]:
    return [site.name for client in clients for site in client.sites]


def _print_hints(sites: Sequence[FoundSite], clients: Sequence[NewClient], host: str) -> None:
    """Print the lines for the inventory, and what to type."""
    if not sites:
        say(f"no websites found on {host} that this login can read")
        return
    if unknown := [site.path for site in sites if not site.url and not site.note]:
        say(
            f"address unknown: give it with {command('discover', host, '--url', f'{unknown[0]}=https://...')}"
        )
    if not clients:
        say("nothing to add to the inventory")
        return
    out(f"\n{yaml_to_paste(clients)}")
    say(f"\nto add these to the inventory: {command('discover', host, '--add')}")


def _add(workspace: Workspace, clients: Sequence[NewClient], *, yes: bool) -> int:
    """Show what is added, ask, and add it."""
    names = _names(clients)
    if not names:
        say("nothing to add to the inventory")
        return ExitCode.OK
    for client in clients:
        state = "" if client.id in workspace.inventory.clients else " (new)"
        for site in client.sites:
            say(f"  client {client.id}{state}: {site.name}  {sentence(site.url)}")
    new = count(len(names), "site")
    if not yes and not confirm_or_stop(
        f"Add {new} to the inventory?", "discover --add", otherwise="nothing was added"
    ):
        return ExitCode.FAILED
    files = add_clients(workspace, clients)
    say(f"added {new} to {', '.join(files)}; check them with: {command('doctor', *_limits(names))}")
    return ExitCode.OK


def _limits(names: Sequence[str]) -> tuple[str, ...]:
    return ("-l", ",".join(names)) if len(names) <= 5 else ()  # noqa: PLR2004


def _urls(given: Sequence[str]) -> dict[str, str]:
    """Parse FOLDER=URL.

    Raises:
        UsageError: a folder is not absolute, or a URL is invalid.
    """
    from runner.load.addresses import site_path, site_url

    found = {}
    for pair in given:
        folder, _, url = pair.partition("=")
        found[checked("--url", folder, site_path)] = checked("--url", url, site_url)
    return found


def _as_json(
    workspace: Workspace, host: str, sites: Sequence[FoundSite], limits: Sequence[str]
) -> dict[str, Any]:
    from runner.load.candidates import existing_site

    return {
        "host": host,
        "complete": not limits,
        "limits": list(limits),
        "sites": [
            {
                "kind": str(site.kind),
                "url": site.url or None,
                "path": site.path,
                "version": site.version or None,
                "multisite": site.multisite,
                "note": site.note or None,
                "site": existing_site(candidate_of(site, host), workspace.inventory) or None,
            }
            for site in sites
        ],
    }
