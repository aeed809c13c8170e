"""`exec`: run a command on the hosts of sites, in each site's folder."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from runner.cli.choice import warn_of_interrupted
from runner.cli.confirm import confirm_or_stop
from runner.cli.follow import follow_run, open_session
from runner.cli.options import (
    as_json,
    forks,
    operated,
    selecting,
    verbosity,
    with_variables,
    with_workspace,
)
from runner.cli.questions import can_ask, checked
from runner.cli.selection import select_sites
from runner.errors import ExitCode, UsageError
from runner.model import Playbook, Site, Step, Trigger
from runner.shell import words
from runner.units import count
from runner.untrusted import few, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.load import Workspace

__all__ = ["NAME", "exec_"]

NAME = "exec"
"""Name of the playbook of these runs."""
_TITLE = 120
"""Characters of the command that lists show."""


@click.command(name=NAME, context_settings={"allow_interspersed_args": False})
@with_workspace
@operated
@with_variables
@selecting
@click.option("--one-per-host", is_flag=True, help="Run it only once per host, on the first of its sites.")
@click.option("--become", is_flag=True, help="Run it as root; the host needs `become: sudo`.")
@click.option("--timeout", metavar="DURATION", help="Time limit, like 90s or 10m. Default: limits.step.")
@forks
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@verbosity
@as_json
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def exec_(workspace: Workspace, command: tuple[str, ...], **options: Any) -> int:
    """Run COMMAND on the hosts of the sites selected with --limit, in each site's folder.

    A single argument is shell text and may contain pipes and variables; several arguments are one command
    and are quoted. Options must precede COMMAND.

    Prints the output of each site when it has finished, with the exit status. It is a run: it locks the
    sites, is recorded with its output, and can be resumed. It is not part of reports.

    On a terminal, asks before it runs on several sites. Do not write secrets into COMMAND, because it is
    recorded; use -e.
    """
    book = _playbook(_text(command), _duration(options["timeout"]), become=options["become"])
    sites = _sites(workspace, command, options)
    if not (options["yes"] or _confirmed(sites)):
        return ExitCode.FAILED
    return _run(workspace, book, sites, options)


def _text(command: tuple[str, ...]) -> str:
    """Return the command as shell text."""
    text = command[0] if len(command) == 1 else words(*command)
    if not text.strip():
        raise UsageError("the command is empty", hint="for example: sitecrew exec -l all -- uptime")
    if any("\udc80" <= char <= "\udcff" for char in text):
        raise UsageError("the command is not valid UTF-8")
    return text


def _duration(text: str | None) -> timedelta | None:
    from runner.load.times import span

    return checked("--timeout", text, span) if text is not None else None


def _playbook(text: str, timeout: timedelta | None, *, become: bool) -> Playbook:
    """Return a playbook with the command as its only step."""
    from runner.steps.shell import ShellOptions

    title = sentence(text, _TITLE)
    step = Step(
        id="shell", kind="shell", options=ShellOptions(run=text), name=title, timeout=timeout, become=become
    )
    return Playbook(name=NAME, title=title, steps=(step,))


def _sites(workspace: Workspace, command: tuple[str, ...], options: dict[str, Any]) -> tuple[Site, ...]:
    """Return the selected sites; with --one-per-host, the first one of each host."""
    if not options["limit"]:
        late = any(word in {"-l", "--limit"} for word in command)
        hint = "write -l before the command" if late else "select sites with -l, or all of them: -l all"
        raise UsageError("no site is selected", hint=hint)
    sites = select_sites(workspace, options["limit"], options["exclude"])
    if not options["one_per_host"]:
        return sites
    return tuple({site.host: site for site in reversed(sites)}[host] for host in _hosts(sites))


def _hosts(sites: Sequence[Site]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(site.host for site in sites))


def _confirmed(sites: Sequence[Site]) -> bool:
    """Ask on a terminal if there are several sites."""
    if len(sites) == 1 or not can_ask():
        return True
    names = few([site.name for site in sites], 3)
    question = f"Run it on {count(len(sites), 'site')} on {count(len(_hosts(sites)), 'host')} ({names})?"
    return confirm_or_stop(question, NAME, otherwise="nothing was run")


def _run(workspace: Workspace, book: Playbook, sites: tuple[Site, ...], options: dict[str, Any]) -> ExitCode:
    """Record the run and follow it to its end."""
    from runner.workflows.orders import new_order
    from runner.workflows.run import begin

    # with its step, because the time limits of connections depend on the steps of the workspace
    workspace = replace(workspace, playbooks={**workspace.playbooks, NAME: book})
    with open_session(workspace, options["forks"]) as session:
        order = new_order(session.workspace, book, [sites], now=session.now())
        warn_of_interrupted(session.ledger, sites)
        begin(session, order, trigger=Trigger.EXEC)
        return follow_run(session, order.run, options)
