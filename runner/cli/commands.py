"""The table of commands. Each is imported when it is called, which keeps `--help` fast."""

from __future__ import annotations

import importlib

import click

from runner.cli.examples import with_examples
from runner.errors import UnknownNameError

__all__ = ["COMMANDS", "LazyGroup"]

COMMANDS = {
    "Set up": {
        "init": ("runner.cli.init:init", "Create a workspace: inventory, settings, one playbook."),
        "discover": ("runner.cli.discover:discover", "Find the websites on a host, and add them."),
        "import": (
            "runner.cli.import_:import_",
            "Add the sites of a CSV file or an export to the inventory.",
        ),
        "trust": ("runner.cli.trust:trust", "Show a host's key and record it after you have compared it."),
        "doctor": ("runner.cli.doctor:doctor", "Check for problems that would make a run fail."),
        "validate": ("runner.cli.workspace:validate", "Check all files of the workspace for mistakes."),
        "schema": ("runner.cli.workspace:schema", "Print the JSON Schema of a file, for editors."),
        "completion": ("runner.cli.workspace:completion", "Print the shell completion script."),
        "docs": ("runner.cli.docs:docs", "Show the documentation."),
    },
    "Maintain": {
        "plan": ("runner.cli.plan:plan", "Show planned changes without applying them."),
        "run": ("runner.cli.run:run", "Run a playbook."),
        "exec": ("runner.cli.exec:exec_", "Run a command on the hosts of sites."),
        "resume": ("runner.cli.resume:resume", "Resume an interrupted run."),
        "cancel": ("runner.cli.cancel:cancel", "Stop a run and wait until its hosts have stopped."),
        "undo": ("runner.cli.undo:undo", "Undo the changes of an earlier run."),
        "hold": ("runner.cli.hold:hold", "Hold an item: do not update it."),
        "unhold": ("runner.cli.hold:unhold", "Remove the hold on an item."),
        "host": ("runner.cli.host:host", "Delete Sitecrew's files from a host."),
        "serve": (
            "runner.cli.serve:serve",
            "Run the scheduler: start maintenance windows when they are due.",
        ),
        "tick": ("runner.cli.serve:tick", "Run due maintenance windows once and exit."),
        "approve": ("runner.cli.approve:approve", "Approve the plan of a window."),
        "decline": ("runner.cli.approve:decline", "Decline the plan of a window."),
        "notify": ("runner.cli.notify:notify", "Send notices to the crew, and test the channels."),
        "announce": ("runner.cli.announce:announce", "Announce a maintenance window to a client."),
        "service": ("runner.cli.service.command:service", "Run the scheduler as a systemd service."),
        "schedule": (
            "runner.cli.schedule:schedule",
            "List maintenance windows, and pause a client.",
        ),
    },
    "Inspect": {
        "list": ("runner.cli.show:list_", "List sites, clients, hosts, windows, holds, runs and more."),
        "show": ("runner.cli.show:show", "Show the result of a run, site by site."),
        "logs": ("runner.cli.logs:logs", "Print the output of hosts during a run."),
        "open": ("runner.cli.open:open_", "Open a site, a report or the result of a run."),
        "facts": ("runner.cli.facts:facts", "Show what is installed on a site and its host."),
        "report": ("runner.cli.report:report", "Create reports for clients and send them."),
        "ledger": ("runner.cli.ledger:ledger", "Verify, prune, back up, export and erase recorded data."),
        "backup": ("runner.cli.show:backup", "List the snapshots of a site."),
    },
}
"""Commands by section of the help: where each is defined, and its summary."""


class LazyGroup(click.Group):
    """A group that lists its commands from the table and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; None if there is none of this name."""
        for section in COMMANDS.values():
            if cmd_name in section:
                module, _, attribute = section[cmd_name][0].partition(":")
                command: click.Command = getattr(importlib.import_module(module), attribute)
                return with_examples(command, cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the closest name."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(ctx):
            raise UnknownNameError(f"there is no command {name!r}", hint=_hint(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by section, without importing them."""
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in section.items()], col_max=14)


def _hint(name: str, known: list[str]) -> str:
    """Return what to type instead of a command that does not exist."""
    import difflib

    from runner.cli.habits import INSTEAD_OF_COMMANDS

    near = difflib.get_close_matches(name, [*known, *INSTEAD_OF_COMMANDS], 1)
    if not near:
        return "see: sitecrew -h"
    return f"use {instead}" if (instead := INSTEAD_OF_COMMANDS.get(near[0])) else f"did you mean {near[0]}?"
