"""`service`: run the scheduler as a systemd service."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.options import as_json, with_workspace
from runner.cli.output import emit_json, say
from runner.cli.screen import out
from runner.errors import ExitCode, UsageError
from runner.shell import words
from runner.units import count

if TYPE_CHECKING:
    from runner.cli.service.units import Unit
    from runner.load import Workspace

__all__ = ["service"]

_SYSTEM = Path("/etc/systemd/system")
_SQLITE = "sqlite:///"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MARGIN = 120
"""Seconds to stop after the longest time in which a site in progress finishes."""
F = TypeVar("F", bound=Callable[..., Any])


def _choosing_folder(command: F) -> F:
    """`--user`, `--name` and `--dir`."""
    for option in (
        click.option(
            "--dir", "directory", metavar="DIR", help="Folder of the unit files. Default: systemd's."
        ),
        click.option(
            "--name", default="sitecrew", show_default=True, metavar="NAME", help="Name of the units."
        ),
        click.option("--user", is_flag=True, help="Units of your systemd user instance, not of the system."),
    ):
        command = option(command)
    return command


def _choosing_units(command: F) -> F:
    """`--timer`, `--account` and those of `_choosing_folder`."""
    command = click.option(
        "--account", metavar="LOGIN", help="Account of the service. Default: the owner of the workspace."
    )(_choosing_folder(command))
    return click.option(
        "--timer", is_flag=True, help="A timer that runs `tick` every 5 minutes, instead of `serve`."
    )(command)


@click.group()
def service() -> None:
    """Run the scheduler as a systemd service."""


@service.command(name="print")
@with_workspace
@_choosing_units
@as_json
def print_(workspace: Workspace, *, json_: bool, **options: Any) -> None:
    """Print the unit files that `install` would write."""
    folder, found = _folder(options), _units(workspace, options)
    if json_:
        units = [{"path": str(folder / unit.name), "text": unit.text} for unit in found]
        emit_json({"units": units, "writable": [str(path) for path in _writable(workspace)]})
        return
    for number, unit in enumerate(found):
        if len(found) > 1:
            out(f"{chr(10) if number else ''}# {folder / unit.name}")
        out(unit.text.rstrip())


@service.command()
@click.option("-w", "--workspace", "folder", metavar="DIR", help="Folder of the workspace.")
@_choosing_units
@click.option("-y", "--yes", is_flag=True, help="Write without asking, also over files that were edited.")
@click.pass_context
def install(ctx: click.Context, /, folder: str | None, *, yes: bool, **options: Any) -> int:
    """Show the unit files, write them, and print the commands that start the service.

    The workspace, the program and the folders that the service may write to are those of this command. Run it
    again after moving one of them. Files that were edited are only replaced after a question of their own.
    """
    from runner.cli.service.files import create_folders, differing, write_units
    from runner.cli.service.owner import print_as_owner
    from runner.load import find_workspace

    named = folder or (ctx.find_root().obj or {}).get("workspace")
    workspace, into = find_workspace(Path(named) if named else None), _folder(options)
    printed = print_as_owner(workspace, _retyped(options))
    new, edited = differing(into, printed.units)
    for unit in new:
        say(f"{into / unit.name}:")
        say("".join(f"  {line}\n" for line in unit.text.splitlines()), wrapped=False)
    if not new:
        say("the unit files are up to date")
    questions = [f"{into / name} was edited, or is not from Sitecrew. Replace it?" for name in edited]
    questions += [f"Write {count(len(new), 'file')} to {into}?"] if new else []
    for question in () if yes else questions:
        if not confirm_or_stop(question, "service install", otherwise="nothing was written"):
            return ExitCode.FAILED
    create_folders(printed.writable, owner=workspace)
    write_units(into, new)
    _print_next(printed.units, options)
    return ExitCode.OK


@service.command()
@_choosing_folder
@click.option("-y", "--yes", is_flag=True, help="Delete without asking, also files that were edited.")
def uninstall(*, yes: bool, **options: Any) -> int:
    """Delete the unit files that `install` wrote. Other files are kept, and so is the workspace."""
    from runner.cli.service.files import delete_units, enabled, installed
    from runner.cli.service.units import unit_names

    folder, control = _folder(options), _systemctl(options)
    found, edited = installed(folder, unit_names(options["name"]))
    if not found:
        say(f"there are no unit files of Sitecrew in {folder}")
        return ExitCode.OK
    if active := enabled(folder, found):
        raise UsageError(
            f"{', '.join(active)} {'is' if len(active) == 1 else 'are'} enabled",
            hint=f"first stop it: {control} disable --now {words(*active)}",
        )
    for name in edited:
        say(f"{folder / name} was edited")
    question = f"Delete {', '.join(str(folder / name) for name in found)}?"
    if not yes and not confirm_or_stop(question, "service uninstall", otherwise="nothing was deleted"):
        return ExitCode.FAILED
    delete_units(folder, found)
    say(f"deleted {count(len(found), 'file')}; now type:")
    say(f"  {control} daemon-reload")
    return ExitCode.OK


def _units(workspace: Workspace, options: dict[str, Any]) -> tuple[Unit, ...]:
    from runner.cli.service.files import program
    from runner.cli.service.units import UnitOptions, units
    from runner.workflows.run import stopping_limit

    return units(
        UnitOptions(
            name=options["name"],
            program=program(),
            workspace=workspace.folder.absolute(),
            account=_account(workspace, options),
            timer=options["timer"],
            writable=_writable(workspace),
            stop_seconds=round(stopping_limit(workspace.settings.limits)) + _MARGIN,
        )
    )


def _retyped(options: dict[str, Any]) -> list[str]:
    """Return the options of `install` for `print`."""
    flags = [f"--{name}" for name in ("timer", "user") if options[name]]
    account = ["--account", options["account"]] if options["account"] else []
    return [*flags, *account, "--name", options["name"]]


def _account(workspace: Workspace, options: dict[str, Any]) -> str:
    """Return the login of the service; empty for units of a user."""
    login: str = options["account"] or ""
    if options["user"]:
        if login:
            raise UsageError("--account has no effect with --user", hint="leave out one of them")
        return ""
    try:
        found = pwd.getpwnam(login) if login else pwd.getpwuid(workspace.folder.stat().st_uid)
    except KeyError:
        who = f"account {login!r}" if login else f"account for the owner of {workspace.folder}"
        raise UsageError(f"there is no {who}", hint="name one of `getent passwd`: --account LOGIN") from None
    return found.pw_name


def _writable(workspace: Workspace) -> tuple[Path, ...]:
    """Return the folders that the service writes to, without those inside others.

    Builds write to folders of the workspace, so if a window runs one, all of it is writable.
    """
    from runner.steps.static import BuildOptions

    folder, settings = workspace.folder.absolute(), workspace.settings
    found = {folder / ".sitecrew", folder / "reports/out", Path(settings.backups.store)}
    if settings.ledger.url.startswith(_SQLITE):
        found.add(Path(settings.ledger.url.removeprefix(_SQLITE)).parent)
    books = (workspace.playbooks[window.playbook] for window in workspace.inventory.windows.values())
    if any(isinstance(step.options, BuildOptions) for book in books for step in book.steps):
        found.add(folder)
    real = {path.resolve() for path in found}
    return tuple(sorted(path for path in real if not real.intersection(path.parents)))


def _folder(options: dict[str, Any]) -> Path:
    """Return the folder of the unit files.

    Raises:
        UsageError: the name of the units is invalid.
    """
    name = options["name"]
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name {name}: use letters, digits, `-` and `_`, at most 64")
    if options["directory"]:
        return Path(options["directory"]).absolute()
    if not options["user"]:
        return _SYSTEM
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(config) if config.startswith("/") else Path.home() / ".config") / "systemd/user"


def _systemctl(options: dict[str, Any]) -> str:
    return "systemctl --user" if options["user"] else "sudo systemctl" if os.geteuid() else "systemctl"


def _print_next(found: tuple[Unit, ...], options: dict[str, Any]) -> None:
    """Print the commands that start the service."""
    control, unit = _systemctl(options), found[-1].name
    say("now type:")
    say(f"  {control} daemon-reload")
    say(f"  {control} enable --now {unit}")
    if options["user"]:
        say("  loginctl enable-linger    # or the service ends when you log out")
    say("to see its state and its log:")
    say(f"  {control} status {unit}")
    say(f"  journalctl {'--user ' if options['user'] else ''}-u {found[0].name} -f")
