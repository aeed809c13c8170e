"""The command line. Commands are imported when they are called, so that `--help` answers at once."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from runner import __version__
from runner.cli.process import of_the_system, prepare
from runner.cli.screen import OutputClosedError, checked
from runner.errors import ExitCode, SitecrewError
from runner.modes import restrict

__all__ = ["COMMANDS", "main", "root", "run"]

COMMANDS = {
    "Begin": {
        "init": ("runner.cli.workspace:init", "Make a workspace: inventory, settings, a playbook."),
        "trust": ("runner.cli.trust:trust", "Show a host's key and record it once you have checked it."),
        "doctor": ("runner.cli.doctor:doctor", "Find what would go wrong tonight."),
        "validate": ("runner.cli.workspace:validate", "Check every file of the workspace."),
        "schema": ("runner.cli.workspace:schema", "Print the JSON Schema of a file, for editors."),
        "completion": ("runner.cli.workspace:completion", "Print shell completion."),
    },
    "Work": {
        "plan": ("runner.cli.plan:plan", "Say what a playbook would do, and change nothing."),
        "run": ("runner.cli.run:run", "Run a playbook."),
        "resume": ("runner.cli.run:resume", "Go on with a run that was interrupted."),
        "cancel": ("runner.cli.run:cancel", "Stop a run and confirm that its hosts have stopped."),
        "undo": ("runner.cli.undo:undo", "Put back what a run changed, also days later."),
        "unhold": ("runner.cli.unhold:unhold", "Let an item be updated again that broke its site."),
        "host": ("runner.cli.host:host", "Delete what is ours on a host."),
        "serve": ("runner.cli.serve:serve", "Keep the windows of the inventory."),
        "tick": ("runner.cli.serve:tick", "Look once for windows that are due, run them, and end."),
        "schedule": ("runner.cli.serve:schedule", "Show when the windows come."),
    },
    "Look": {
        "list": ("runner.cli.show:list_", "List sites, playbooks, steps or runs."),
        "show": ("runner.cli.show:show", "Show how a run ended, site by site."),
        "logs": ("runner.cli.show:logs", "Print what a host said during a run."),
        "report": ("runner.cli.report:report", "Make a client's report, and send it."),
        "ledger": ("runner.cli.ledger:ledger", "Check, export and erase what is recorded."),
        "backup": ("runner.cli.show:backup", "List the snapshots of a site."),
    },
}


class _Lazy(click.Group):
    """A group that knows its commands by name, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        for section in COMMANDS.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name][0].partition(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            import difflib

            near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
            ctx.fail(f"There is no command {name!r}.{f' Did you mean {near[0]!r}?' if near else ''}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in section.items()], col_max=14)


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 well, 2 usage, 3 failed, 4 unreachable, 5 undone, 6 lost, 7 missed, 11 locked.",
)
@click.option(
    "-w", "--workspace", metavar="DIR", help="Folder with inventory.yaml. Default: this one or above."
)
@click.version_option(__version__, prog_name="sitecrew")
@click.pass_context
def root(ctx: click.Context, workspace: str | None) -> None:
    """Look after WordPress and static websites."""
    ctx.ensure_object(dict)["workspace"] = workspace


def main(args: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    sys.exit(run(args))


def run(args: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    from runner.cli.crash import report_traces, watch_threads

    prepare()
    restrict()
    watch_threads()
    code = _run(args)
    report_traces()
    return code


def _run(args: list[str] | None) -> int:
    colour: dict[str, Any] = {"color": False} if os.environ.get("NO_COLOR") else {}
    shared: dict[str, Any] = {}
    with click.Context(root, obj=shared, **colour):  # for what is said outside of a command
        try:
            return _call(args, colour | {"obj": shared})
        except OutputClosedError as error:
            return error.exit_code
        except Exception as error:  # noqa: BLE001  # a traceback may hold text that a terminal would obey
            from runner.cli.crash import report_crash

            report_crash(error)
            return ExitCode.UNEXPECTED


def _call(args: list[str] | None, colour: dict[str, Any]) -> int:
    try:
        result: Any = root.main(args=args, prog_name="sitecrew", standalone_mode=False, **colour)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        with checked():
            error.show()
        return ExitCode.USAGE
    except SystemExit:  # click's own end where nobody reads the help that it prints
        return ExitCode.INTERRUPTED
    except OutputClosedError:
        raise
    except (SitecrewError, OSError) as error:
        from runner.cli.output import complain

        known = error if isinstance(error, SitecrewError) else of_the_system(error)
        if known is None:
            raise
        complain(known)
        return known.exit_code
    return result if isinstance(result, int) else ExitCode.OK
