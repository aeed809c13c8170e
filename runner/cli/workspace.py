"""Commands about the workspace itself: make it, check it, help an editor with it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from runner.cli.hints import named
from runner.cli.options import as_json, open_workspace
from runner.cli.output import complain, emit_json, say
from runner.cli.screen import json_text, out
from runner.errors import ExitCode, UsageError, ValidationError

__all__ = ["completion", "init", "schema", "validate"]


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Make a workspace in FOLDER (here, if none is named). Files that are there are left alone."""
    from runner.load import modeline, shipped, write_schemas
    from runner.modes import user_umask

    if folder != Path():
        named(click.get_current_context(), str(folder))
    _make_folder(folder)
    made = []
    for name, text in (
        ("inventory.yaml", modeline("inventory") + _INVENTORY),
        ("sitecrew.yaml", modeline("settings") + _SETTINGS),
        ("playbooks/weekly.yaml", modeline("playbook") + shipped("playbooks/weekly.yaml").read_text("utf-8")),
        (".gitignore", "/.sitecrew/\n/reports/out/\n"),
    ):
        path = folder / name
        if not path.exists():
            _make_folder(path.parent)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644 & ~user_umask() | 0o600)
            made.append(name)
    if not made:
        raise UsageError(f"{folder} is a workspace already", hint="check it with: sitecrew validate")
    write_schemas(folder)
    where = "" if folder == Path() else f" in {folder}"
    say(f"made {', '.join(made)}{where}")
    say("next: write your first host and site into inventory.yaml, then")
    say("  sitecrew validate            check what you wrote")
    say("  sitecrew trust HOST          record the host's key")
    say("  sitecrew doctor              find what would go wrong")
    say("  sitecrew plan weekly         see what would be done")
    say("  sitecrew run weekly          do it")


def _make_folder(folder: Path) -> None:
    """A folder as people make one, and usable whatever the umask; one that is there stays as it is."""
    from runner.modes import user_umask

    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o755 & ~user_umask() | 0o700)


@click.command()
@click.option("-w", "--workspace", "folder", metavar="DIR", help="Folder with inventory.yaml.")
@as_json
@click.pass_context
def validate(ctx: click.Context, folder: str | None, json_: bool) -> int:
    """Check every file of the workspace and show all mistakes at once."""
    try:
        workspace = open_workspace(ctx, folder)
    except ValidationError as error:
        if not json_:
            raise
        keys = ("file", "line", "column", "path", "message", "hint")
        emit_json({"ok": False, "errors": [{key: getattr(p, key) for key in keys} for p in error.problems]})
        return error.exit_code
    except UsageError as error:
        if not json_:
            raise
        place = {"file": "", "line": 0, "column": 0, "path": ""}
        emit_json({"ok": False, "errors": [{**place, "message": str(error), "hint": error.hint}]})
        complain(error)
        return error.exit_code
    if json_:
        emit_json({"ok": True, "errors": []})
        return ExitCode.OK
    inventory = workspace.inventory
    counts = (
        (len(inventory.clients), "client"),
        (len(inventory.sites), "site"),
        (len(inventory.hosts), "host"),
        (len(inventory.windows), "window"),
        (len(workspace.playbooks), "playbook"),
    )
    out("all is well: " + ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in counts))
    return ExitCode.OK


@click.command()
@click.argument("which", type=click.Choice(["inventory", "playbook", "settings"]), required=False)
@click.option("--write", is_flag=True, help="Write all three to .sitecrew/schema/ of the workspace.")
@click.option("-w", "--workspace", "folder", metavar="DIR", help="Folder with inventory.yaml.")
@click.pass_context
def schema(
    ctx: click.Context,
    which: Literal["inventory", "playbook", "settings"] | None,
    folder: str | None,
    *,
    write: bool,
) -> None:
    """Print the JSON Schema of a file, by which editors complete and check.

    Editors with yaml-language-server find it by the first line of a file; `sitecrew init` writes those lines
    and the schemas. Write the schemas anew with --write in a fresh clone and after an upgrade of sitecrew.
    """
    from runner.load import find_workspace, json_schema, modeline, write_schemas

    if not write:
        if which is None:
            raise click.UsageError("name one of inventory, playbook, settings; or give --write")
        out(json_text(json_schema(which), indent=2))
        return
    chosen = folder or (ctx.find_root().obj or {}).get("workspace")
    made = write_schemas(find_workspace(Path(chosen) if chosen else None))
    say(f"written to {made}; the first line of inventory.yaml for editors:")
    say(f"  {modeline('inventory').rstrip()}")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete sitecrew's commands; source it from its start-up file."""
    from click.shell_completion import get_completion_class

    from runner.cli.main import root

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for {shell}")
    out(kind(root, {}, "sitecrew", "_SITECREW_COMPLETE").source())


_INVENTORY = """\
# Hosts, clients, sites and windows. All keys: docs/inventory.md, or `sitecrew schema inventory`.
hosts:
  web1:
    address: web1.example.com     # or a name from ~/.ssh/config
    user: deploy
clients:
  acme:
    name: Acme Bakery
    timezone: Europe/Berlin
    contacts: [{name: Office, email: office@acme.example}]
    sites:
      acme-shop:
        url: https://www.acme.example
        host: web1
        path: /var/www/acme        # the folder with wp-config.php
        pages: [/]                 # checked before and after each change
windows:
  weekly:
    playbook: weekly
    day: tuesday
    at: "02:00"
    timezone: client
    sites: [all]
"""

_SETTINGS = """\
# Settings of the agency. All keys: docs/settings.md, or `sitecrew schema settings`.
agency:
  name: Your web care
# mail:
#   host: smtp.example.com
#   port: 587
#   security: starttls
#   from: care@example.com
#   username: care
#   password: {env: SMTP_PASSWORD}
"""
