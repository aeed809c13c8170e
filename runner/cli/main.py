"""The entry point of the command line: run a command and turn its result or error into an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from runner import __version__
from runner.cli.commands import COMMANDS, LazyGroup
from runner.cli.errors import JSON, complain, from_click, wants_json
from runner.cli.process import error_from_system, prepare
from runner.cli.screen import OutputClosedError, checked
from runner.errors import ExitCode, SitecrewError
from runner.modes import restrict

__all__ = ["COMMANDS", "main", "root", "run"]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 2 usage, 3 failed, 4 unreachable, 5 undone, 6 lost, 7 missed, 11 locked.",
)
@click.option(
    "-w",
    "--workspace",
    metavar="DIR",
    help="Folder of the workspace. Default: the current folder or the nearest workspace above it.",
)
@click.version_option(__version__, prog_name="sitecrew")
@click.pass_context
def root(ctx: click.Context, workspace: str | None) -> None:
    """Maintain WordPress and static websites."""
    ctx.ensure_object(dict)["workspace"] = workspace


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from runner.cli.crash import report_traces, watch_threads

    prepare()
    restrict()
    watch_threads()
    code = _run(args)
    report_traces()
    return code


def _run(args: list[str] | None) -> int:
    color: dict[str, Any] = {"color": False} if os.environ.get("NO_COLOR") else {}
    shared: dict[str, Any] = {JSON: wants_json(sys.argv[1:] if args is None else args)}
    with click.Context(root, obj=shared, **color):  # for messages printed outside a command
        try:
            return _call(args, color | {"obj": shared})
        except OutputClosedError as error:
            return error.exit_code
        except Exception as error:  # noqa: BLE001  # a traceback may contain escape sequences
            from runner.cli.crash import report_crash

            report_crash(error)
            return ExitCode.UNEXPECTED


def _call(args: list[str] | None, color: dict[str, Any]) -> int:
    try:
        result: Any = root.main(args=args, prog_name="sitecrew", standalone_mode=False, **color)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        with checked(err=True):
            error.show()
        return ExitCode.USAGE
    except click.ClickException as error:
        complain(from_click(error, sys.argv[1:] if args is None else args))
        return ExitCode.USAGE
    except SystemExit:  # click exits itself when the reader of its help has closed the pipe
        return ExitCode.INTERRUPTED
    except OutputClosedError:
        raise
    except (SitecrewError, OSError) as error:
        known = error if isinstance(error, SitecrewError) else error_from_system(error)
        if known is None:
            raise
        complain(known)
        return known.exit_code
    return result if isinstance(result, int) else ExitCode.OK
