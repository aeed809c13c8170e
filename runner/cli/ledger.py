"""`ledger`: check the record, give a client's part of it out, and erase it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.acting import acting
from runner.cli.confirm import agreed
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import closest_hint, emit_json
from runner.cli.screen import json_text, out, say, style
from runner.errors import ExitCode, UnknownNameError, UsageError

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["ledger"]


@click.group()
def ledger() -> None:
    """Check, export and erase what is recorded."""


@ledger.command()
@with_workspace
@click.option("--head", default="", metavar="HASH", help="A hash that was noted earlier and must be in it.")
@as_json
def verify(workspace: Workspace, head: str, json_: bool) -> int:
    """Check the chain of acts, and each run's order against the act that began it.

    Prints the hash of the last act. Note it elsewhere: a chain that was written anew does not contain it.
    """
    from runner.cli.show import reading

    with reading(workspace) as found:
        verdict = found.verify_acts(head.strip().lower())
    if json_:
        emit_json({"acts": verdict.acts, "head": verdict.head, "problem": verdict.problem or None})
    else:
        out(f"{verdict.acts} acts, head {verdict.head}")
    if verdict.problem:
        say(f"{style('error:', fg='red', bold=True)} {verdict.problem}")
        return ExitCode.FAILED
    return ExitCode.OK


@ledger.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--out", "file", metavar="FILE", help="Where to; it must not exist. Default: stdout.")
def export(workspace: Workspace, client: str, file: str | None) -> int:
    """Give out everything that is recorded of CLIENT, as one JSON document.

    Runs, steps, changes, looks, restore points, backups, windows, reports, mails (base64) and acts.
    """
    with acting(workspace) as found:
        _refuse_unknown(workspace, found, client)
        document = {"client": client, "tables": found.export_client(client, _sites_of(workspace, client))}
        found.record_act("export", f"client {client}", details={"client": client})
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
    say(f"written to {file}; it holds what the client's sites and mails said, so send it with care")
    return ExitCode.OK


@ledger.command()
@with_workspace
@operated
@click.argument("client")
@click.option("--still-a-client", is_flag=True, help="Also when inventory.yaml still has CLIENT.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def erase(workspace: Workspace, client: str, still_a_client: bool, yes: bool) -> int:
    """Erase what is recorded of CLIENT: runs, mails, reports, the list of backups and those in a local store.

    What stays: that somebody did something and when, without of whom; shared runs, without its sites.
    """
    if client in workspace.inventory.clients and not still_a_client:
        raise UsageError(
            f"{client} is in inventory.yaml",
            hint="take it out first; to erase its past only: --still-a-client",
        )
    with acting(workspace) as found:
        _refuse_unknown(workspace, found, client)
        sites = _sites_of(workspace, client)
        question = f"Erase what is recorded of {client}? There is no way back"
        if not yes and not agreed(question, "ledger erase", otherwise="nothing was erased"):
            return ExitCode.FAILED
        snapshots = found.export_client(client, sites)["backups"]
        erased = found.erase_client(client, sites)
    kept = _remove_files(workspace, client, snapshots)
    say(f"erased of {client}: " + ", ".join(f"{n} {table}" for table, n in erased.rows.items() if n))
    say(f"stays: operator, time and hash of {erased.acts} acts; {erased.shared_runs} runs shared with others")
    for place in kept:
        say(f"not removed, remove it yourself: {place}")
    say("restore points on hosts go by `sitecrew host clean HOST`; copies of the ledger are not touched")
    return ExitCode.OK


def _sites_of(workspace: Workspace, client: str) -> list[str]:
    return [site.name for site in workspace.inventory.sites.values() if site.client == client]


def _refuse_unknown(workspace: Workspace, found: Ledger, client: str) -> None:
    known = {*found.clients_recorded(), *workspace.inventory.clients}
    if client not in known:
        raise UnknownNameError(f"nothing is recorded of {client!r}", hint=closest_hint(client, known))


def _remove_files(workspace: Workspace, client: str, snapshots: list[dict[str, Any]]) -> list[str]:
    """Remove the client's reports and its snapshots in a folder store; what could not be removed."""
    mine = re.compile(rf"{re.escape(client)}-[0-9]{{4}}(-[WQ]?[0-9]{{1,2}})?\.(html|txt)")
    for file in (workspace.folder / "reports" / "out").glob("*"):
        if mine.fullmatch(file.name) and not file.is_dir():
            file.unlink(missing_ok=True)
    there = [snapshot for snapshot in snapshots if not snapshot["removed"]]
    return [str(snapshot["uri"]) for snapshot in there if not _remove_snapshot(workspace, snapshot)]


def _remove_snapshot(workspace: Workspace, snapshot: dict[str, Any]) -> bool:
    """Only where the settings put it: an address in the ledger is not enough to delete a folder."""
    store = workspace.settings.backups.store
    names = (str(snapshot["site"]), str(snapshot["snapshot"]))
    if not all(re.fullmatch(r"\w[\w.-]*", name) for name in names):
        return False
    place = Path(store).joinpath(*names)
    if str(place) != snapshot["uri"] or place.is_symlink() or place.parent.is_symlink():
        return False
    shutil.rmtree(place, ignore_errors=True)
    return not place.exists()
