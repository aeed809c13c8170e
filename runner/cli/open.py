"""`open`: a site, a report or the result of a run."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.browser import open_in_browser
from runner.cli.open_ledger import open_if_exists
from runner.cli.options import with_workspace
from runner.cli.output import closest_hint, say
from runner.cli.screen import out
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.shell import command

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["open_"]

_CLIENT = "client:"


@click.command(name="open")
@with_workspace
@click.argument("what")
@click.option("--period", metavar="P", help="Period of the client's report. Default: the last one made.")
@click.option("-n", "--no-browser", is_flag=True, help="Only print the address.")
def open_(workspace: Workspace, what: str, period: str | None, *, no_browser: bool) -> int:
    """Open a site, a client's last report, or the result of a run.

    WHAT is a site, a client, an HTML file of a report, or the id of a run. For a client with the name of a
    site, write client:NAME. The result of a run is printed, as by `show`.

    Prints the address, and opens it in $BROWSER or the browser of the desktop if the output is a terminal.
    """
    address = _address(workspace, what, period)
    if address is None:
        from runner.cli.show import show_run

        show_run(workspace, what)
        return ExitCode.OK
    out(address)
    if no_browser or not sys.stdout.isatty():
        return ExitCode.OK
    if not open_in_browser(address):
        say("no browser was found: open the address yourself, or set BROWSER")
    return ExitCode.OK


def _address(workspace: Workspace, what: str, period: str | None) -> str | None:
    """Return the address of a site or report; None for a run.

    Raises:
        UnknownNameError: nothing has this name.
    """
    sites, clients = workspace.inventory.sites, workspace.inventory.clients
    client = what.removeprefix(_CLIENT)
    if period is not None or what.startswith(_CLIENT) or (client in clients and client not in sites):
        if client not in clients and not _reports(workspace, client):
            raise UnknownNameError(f"there is no client {client!r}", hint=closest_hint(client, clients))
        return _report(workspace, client, period).as_uri()
    if what in sites:
        return sites[what].url
    if Path(what).suffix.lower() in {".html", ".htm"}:
        return _file(what).as_uri()
    _require_run(workspace, what)
    return None


def _file(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"there is no file {name}", hint="reports are in reports/out of the workspace")
    return path.resolve()


def _reports(workspace: Workspace, client: str) -> list[Path]:
    """Return the HTML files of a client's reports, the one that was made last at the end."""
    from runner.report.files import find_reports

    files = find_reports(workspace.folder / "reports/out", client)
    return sorted((f for f in files if f.suffix == ".html"), key=lambda f: f.stat().st_mtime_ns)


def _report(workspace: Workspace, client: str, period: str | None) -> Path:
    """Return the HTML file of a client's report: that of a period, else the one that was made last."""
    from runner.model import Period

    key = Period.parse(period).key if period is not None else None
    found = [path for path in _reports(workspace, client) if key is None or path.stem == f"{client}-{key}"]
    if found:
        return found[-1].resolve()
    when = f" for {key}" if key else ""
    raise UsageError(
        f"there is no report of {client}{when} yet",
        hint=f"to make one: {command('report', client, '--period', key or 'YYYY-MM')}",
    )


def _require_run(workspace: Workspace, name: str) -> None:
    """Raise UnknownNameError if no run has this id or, unambiguously, an id that starts with it."""
    known = [*workspace.inventory.sites, *workspace.inventory.clients]
    hint = closest_hint(name, known)
    ledger = open_if_exists(workspace)
    if ledger is not None:
        try:
            ledger.runs.find(name)
        except UnknownNameError as error:
            hint = hint if get_close_matches(name, known, 1) else error.hint
        else:
            return
    raise UnknownNameError(f"there is no site, client or run {name!r}", hint=hint)
