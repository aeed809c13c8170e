"""`ledger`: verify the chain of acts, export and erase what is recorded of a client, prune, back up."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.errors import print_error
from runner.cli.gap import gap
from runner.cli.ledger_copies import backup, restore
from runner.cli.open_ledger import open_for_reading, open_for_writing
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import closest_hint, emit_json
from runner.cli.prune import prune
from runner.cli.screen import json_text, out, say
from runner.errors import ExitCode, UnknownNameError, UsageError
from runner.units import count

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["ledger"]


@click.group()
def ledger() -> None:
    """Verify, prune, back up, export and erase recorded data."""


for command in (prune, backup, restore, gap):
    ledger.add_command(command)


@ledger.command()
@with_workspace
@click.option(
    "--head", default="", metavar="HASH", help="Hash printed earlier, which the chain must contain."
)
@as_json
def verify(workspace: Workspace, head: str, json_: bool) -> int:
    """Verify the chain of acts, and the order of each run against the act that started it.

    Prints the hash of the last act. Keep it in another place and pass it as --head later: a rewritten chain
    does not contain it.
    """
    with open_for_reading(workspace) as found:
        verdict = found.acts.verify(head.strip().lower())
    if json_:
        emit_json({"acts": verdict.acts, "head": verdict.head, "problem": verdict.problem or None})
    else:
        out(f"{count(verdict.acts, 'act')}, head {verdict.head}")
    if verdict.problem:
        print_error(verdict.problem, code=ExitCode.FAILED)
        return ExitCode.FAILED
    return ExitCode.OK


@ledger.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--out", "file", metavar="FILE", help="Write to a new FILE. Default: stdout.")
def export(workspace: Workspace, client: str, file: str | None) -> int:
    """Export everything recorded of CLIENT as one JSON document.

    Contains runs, steps, changes, looks, restore points, backups, windows, reports, mails (base64) and acts.
    """
    with open_for_writing(workspace) as found:
        _require_recorded(workspace, found, client)
        document = {"client": client, "tables": found.clients.export(client, _sites_of(workspace, client))}
        found.acts.record("export", f"client {client}", details={"client": client})
    text = json_text(document, indent=2)
    if file is None:
        out(text)
        return ExitCode.OK
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            target.write(text + "\n")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
    say(f"written to {file}; it contains output of the client's sites and mails: handle it with care")
    return ExitCode.OK


@ledger.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--still-a-client", is_flag=True, help="Erase even if CLIENT is still in the inventory.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def erase(workspace: Workspace, client: str, still_a_client: bool, yes: bool) -> int:
    """Erase what is recorded of CLIENT.

    Erases runs, mails, reports, the list of backups and the backups in a local store. Kept are the operator
    and time of each act, without the client, and runs shared with other clients, without the client's sites.
    """
    if client in workspace.inventory.clients and not still_a_client:
        raise UsageError(
            f"{client} is in {workspace.place('clients', client)}",
            hint="remove it there first; to erase only its history: --still-a-client",
        )
    with open_for_writing(workspace) as found:
        _require_recorded(workspace, found, client)
        sites = _sites_of(workspace, client)
        question = f"Erase everything recorded of {client}? This cannot be undone"
        if not yes and not confirm_or_stop(question, "ledger erase", otherwise="nothing was erased"):
            return ExitCode.FAILED
        snapshots = found.clients.export(client, sites)["backups"]
        erased = found.clients.erase(client, sites)
    remaining = _remove_files(workspace, client, snapshots)
    say(f"erased of {client}: " + ", ".join(f"{n} {table}" for table, n in erased.rows.items() if n))
    say(
        f"kept: operator, time and hash of {count(erased.acts, 'act')}; "
        f"{count(erased.shared_runs, 'run')} shared with other clients"
    )
    for uri in remaining:
        say(f"could not be removed, remove it yourself: {uri}")
    say("restore points stay on the hosts; to delete them: sitecrew host clean HOST")
    say("backups of the ledger still contain the data")
    return ExitCode.OK


def _sites_of(workspace: Workspace, client: str) -> list[str]:
    return [site.name for site in workspace.inventory.sites.values() if site.client == client]


def _require_recorded(workspace: Workspace, found: Ledger, client: str) -> None:
    known = {*found.clients.names(), *workspace.inventory.clients}
    if client not in known:
        raise UnknownNameError(f"nothing is recorded of {client!r}", hint=closest_hint(client, known))


def _remove_files(workspace: Workspace, client: str, snapshots: list[dict[str, Any]]) -> list[str]:
    """Remove the client's reports and local snapshots; return the URIs of snapshots that remain."""
    from runner.report.files import find_announcements, find_reports

    folder = workspace.folder / "reports/out"
    for file in (*find_reports(folder, client), *find_announcements(folder, client)):
        file.unlink(missing_ok=True)
    existing = [snapshot for snapshot in snapshots if not snapshot["removed"]]
    return [str(snapshot["uri"]) for snapshot in existing if not _remove_snapshot(workspace, snapshot)]


def _remove_snapshot(workspace: Workspace, snapshot: dict[str, Any]) -> bool:
    """Remove a snapshot in the configured store. A path that only the ledger names is not deleted."""
    store = workspace.settings.backups.store
    names = (str(snapshot["site"]), str(snapshot["snapshot"]))
    if not all(re.fullmatch(r"\w[\w.-]*", name) for name in names):
        return False
    folder = Path(store).joinpath(*names)
    if str(folder) != snapshot["uri"] or folder.is_symlink() or folder.parent.is_symlink():
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()
