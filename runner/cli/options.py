"""Options that several commands share, and opening the workspace."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli.errors import warn
from runner.cli.hints import HIDDEN, set_workspace
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = [
    "MORE",
    "as_json",
    "choosing_steps",
    "forks",
    "operated",
    "selecting",
    "verbosity",
    "with_variables",
    "with_workspace",
]

MORE = "Increase verbosity (repeatable)."
F = TypeVar("F", bound=Callable[..., Any])


def as_json(command: F) -> F:
    """`--json`."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON on stdout.")(command)


def verbosity(command: F) -> F:
    """`-v` and `-q`."""
    command = click.option("-v", "--verbose", count=True, help=MORE)(command)
    return click.option("-q", "--quiet", is_flag=True, help="Print errors only.")(command)


def forks(command: F) -> F:
    """`-f`."""
    return click.option(
        "-f",
        "--forks",
        type=click.IntRange(1),
        metavar="N",
        help="Number of sites to run at once. Default: parallel.sites.",
    )(command)


def selecting(command: F) -> F:
    """`-l` and `--exclude`."""
    command = click.option(
        "--exclude", multiple=True, metavar="SELECTOR", help="Exclude these sites (as in --limit)."
    )(command)
    return click.option(
        "-l",
        "--limit",
        multiple=True,
        metavar="SELECTOR",
        help="Only these sites: a name, client:X, tag:X, host:X, group:X, kind:X, "
        "a pattern like acme-*, @failed.",
    )(command)


def choosing_steps(command: F) -> F:
    """`-t`, `--skip-tags`, `--start-at`, and `--list-sites` and `--list-steps`, which show the choice."""
    for option in (
        click.option("--list-steps", is_flag=True, help="Only list the steps that would run."),
        click.option("--list-sites", is_flag=True, help="Only list the selected sites, in their rings."),
        click.option("--start-at", metavar="STEP", help="Skip the steps before this one (id or name)."),
        click.option(
            "--skip-tags", multiple=True, metavar="TAG", help="Skip steps with this tag (repeatable)."
        ),
        click.option(
            "-t", "--tags", multiple=True, metavar="TAG", help="Only steps with this tag (repeatable)."
        ),
    ):
        command = option(command)
    return command


def with_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """`-w`; passes the loaded workspace as the first argument of the command."""

    @click.option("-w", "--workspace", "folder", metavar="DIR", help="Folder of the workspace.")
    @functools.wraps(command)
    def wrapped(folder: str | None, **rest: Any) -> Any:
        ctx = click.get_current_context()
        workspace = open_workspace(ctx, folder, rest.pop("extra", ()))
        operator = rest.pop("operator", None)
        return ctx.invoke(command, replace(workspace, operator=operator) if operator else workspace, **rest)

    return wrapped


def operated(command: F) -> F:
    """`--as`; apply below `with_workspace`, which sets the operator."""
    return click.option(
        "--as",
        "operator",
        metavar="NAME",
        help="Operator name to record. Default: SITECREW_OPERATOR, else the login.",
    )(command)


def with_variables(command: F) -> F:
    """`-e`; apply below `with_workspace`, which adds the variables to the workspace."""
    return click.option(
        "-e",
        "--extra",
        multiple=True,
        metavar="K=V",
        help="Set a variable for shell steps. Use K=@FILE or K='{env: NAME}' for secrets.",
    )(command)


def open_workspace(ctx: click.Context, folder: str | None, extra: tuple[str, ...] = ()) -> Workspace:
    """Load the workspace named by -w (after or before the command), else the nearest one."""
    from runner.load import find_workspace, load_workspace

    chosen = folder or (ctx.find_root().obj or {}).get("workspace")
    set_workspace(ctx, chosen)
    variables = {}
    for pair in extra:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"-e {name}: write NAME=VALUE")
        if value == HIDDEN:
            raise UsageError(f"-e {name}={HIDDEN}: replace the dots with the value")
        variables[name] = value
    workspace = load_workspace(find_workspace(Path(chosen) if chosen else None), extra=variables)
    for warning in workspace.warnings:
        warn(warning)
    return workspace
