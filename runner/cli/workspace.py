"""Commands for the workspace itself: `validate`, `schema`, `completion`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from runner.cli.errors import PROBLEM_KEYS, complain, warn
from runner.cli.options import as_json, open_workspace, verbosity
from runner.cli.output import emit_json, say
from runner.cli.screen import json_text, out
from runner.errors import ExitCode, UsageError, ValidationError
from runner.units import count

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["completion", "schema", "validate"]


@click.command()
@click.option("-w", "--workspace", "folder", metavar="DIR", help="Folder of the workspace.")
@verbosity
@as_json
@click.pass_context
def validate(ctx: click.Context, folder: str | None, *, quiet: bool, verbose: int, json_: bool) -> int:
    """Check all files of the workspace and print every mistake.

    With -v, also prints the files of the inventory, and the names of the clients, sites, hosts, windows and
    playbooks.
    """
    try:
        workspace = open_workspace(ctx, folder)
        _check_templates(workspace)
    except ValidationError as error:
        if not json_:
            raise
        found = [{key: getattr(one, key) for key in PROBLEM_KEYS} for one in error.problems]
        emit_json({"ok": False, "errors": found})
        return error.exit_code
    except UsageError as error:
        if not json_:
            raise
        position = {"file": "", "line": 0, "column": 0, "path": ""}
        emit_json({"ok": False, "errors": [{**position, "message": str(error), "hint": error.hint}]})
        complain(error)
        return error.exit_code
    _warn_of_past_windows(workspace)
    if json_:
        emit_json({"ok": True, "errors": []})
    elif not quiet:
        _print_contents(workspace, names=bool(verbose))
    return ExitCode.OK


def _warn_of_past_windows(workspace: Workspace) -> None:
    if not any(rule.on for window in workspace.inventory.windows.values() for rule in window.days):
        return
    from runner.plan import past_windows

    for window, last in past_windows(workspace.inventory, datetime.now(UTC)):
        place = workspace.place("windows", window.name)
        warn(f"window {window.name} does not open again: {last} has passed ({place})")


def _check_templates(workspace: Workspace) -> None:
    """Raise the mistakes in the workspace's own templates of notices."""
    if any(one.template for one in workspace.settings.crew.webhooks):
        from runner.workflows.crew import template_problems

        if found := template_problems(workspace, datetime.now(UTC)):
            raise ValidationError(found)


def _print_contents(workspace: Workspace, *, names: bool) -> None:
    """Print how many clients, sites, ... the workspace has, and with `names` the files and names."""
    from runner.load import list_inventory

    inventory = workspace.inventory
    contents: dict[str, Collection[str]] = {
        "client": inventory.clients,
        "site": inventory.sites,
        "host": inventory.hosts,
        "window": inventory.windows,
        "playbook": workspace.playbooks,
    }
    counts = (count(len(found), noun) for noun, found in contents.items())
    out(f"no mistakes found: {', '.join(counts)}")
    if names:
        files = list_inventory(workspace.folder).files
        out(f"  files: {', '.join(str(file.relative_to(workspace.folder)) for file in files)}")
    for noun, found in contents.items() if names else ():
        if found:
            out(f"  {noun}s: {', '.join(found)}")


@click.command()
@click.argument("which", type=click.Choice(["inventory", "playbook", "settings"]), required=False)
@click.option("--write", is_flag=True, help="Write all schemas to .sitecrew/schema/ of the workspace.")
@click.option("-w", "--workspace", "folder", metavar="DIR", help="Folder of the workspace.")
@click.pass_context
def schema(
    ctx: click.Context,
    which: Literal["inventory", "playbook", "settings"] | None,
    folder: str | None,
    *,
    write: bool,
) -> None:
    """Print the JSON Schema of a file, for completion and checks in editors.

    Editors with yaml-language-server find the schema through the first line of a file. `sitecrew init` writes
    these lines and the schemas. Use --write to write the schemas again in a fresh clone or after an upgrade.
    """
    from runner.load import find_workspace, json_schema, list_inventory, modeline, write_schemas

    if not write:
        if which is None:
            raise UsageError("name a schema: inventory, playbook or settings", hint="to write all: --write")
        out(json_text(json_schema(which), indent=2))
        return
    chosen = folder or (ctx.find_root().obj or {}).get("workspace")
    workspace = find_workspace(Path(chosen) if chosen else None)
    written = write_schemas(workspace)
    files = [file.relative_to(workspace) for file in list_inventory(workspace).files]
    say(f"written to {written}; for editors, start each file of the inventory with its line:")
    for names, below in (("inventory.yaml", False), ("inventory/*.yaml", True)):
        if any(bool(file.parent.name) == below for file in files):
            say(f"  {names}: {modeline('inventory', below=below).rstrip()}")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL. Source it from the start-up file of your shell.

    Completes commands, options, playbooks, sites, clients, hosts, runs, tags and selectors (tag:, client:).
    """
    from importlib.resources import files

    script = files("runner.cli") / "completion" / f"sitecrew.{shell}"
    out(script.read_text("utf-8").rstrip("\n"))
