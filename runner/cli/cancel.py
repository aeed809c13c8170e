"""`cancel`: stop a run, in this process or in the one that is working on it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from runner.cli.choice import run_to_cancel
from runner.cli.follow import cancel_code, follow_run, open_session
from runner.cli.options import as_json, operated, verbosity, with_workspace
from runner.cli.output import outcome_text, say
from runner.errors import ExitCode, UsageError
from runner.model import RunEvent, State
from runner.shell import command
from runner.units import duration

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.load import Workspace

__all__ = ["cancel"]

_RECORDING_TIME = 15.0
"""Seconds allowed for another process to record the end of its run."""


@click.command()
@with_workspace
@operated
@click.argument("run", required=False)
@verbosity
@as_json
def cancel(workspace: Workspace, run: str | None, **options: Any) -> int:
    """Stop RUN and wait until its hosts have confirmed that they stopped.

    Without RUN, cancels the run in progress. If there are several, they are listed.

    If a host does not confirm within `limits.step` plus three times `limits.driver_silence`, the exit code is
    6 and the run stays `cancelling`. `serve` asks the host again each minute, and so does the next `cancel`;
    a day after the job started, the site is recorded as lost.
    """
    from runner.errors import LockedError
    from runner.workflows.run import reopen

    with open_session(workspace) as session:
        found = run_to_cancel(session.ledger) if run is None else session.ledger.runs.find(run)
        if session.ledger.runs.state(found) is State.ENDED:
            raise UsageError(
                f"{found} has ended; there is nothing to cancel", hint=f"see: {command('show', found)}"
            )
        try:
            reopen(session, found, act="cancel")
        except LockedError:
            session.ledger.acts.record("cancel", found, run=found)
            session.ledger.runs.set_state(found, State.CANCELLING)
            report = say if not options["quiet"] else _ignore
            report(f"{found}: cancel requested from the process that runs it; waiting for its hosts")
            if _wait_for_other_process(session, found):
                return _print_end(session, found, options)
            report(f"{found}: that process has died; stopping its hosts from here")
        session.cancel(found)
        return follow_run(session, found, options, cancelled=True)


def _ignore(text: str) -> None:
    """Print nothing."""


def _print_end(session: Session, run: str, options: dict[str, Any]) -> ExitCode:
    """Print the end of a run that another process carried out."""
    code, end = cancel_code(session, run), session.ledger.runs.summary(run)
    sites = {row.site: row.outcome for row in session.ledger.sites.list(run)}
    if options["json_"]:
        from runner.cli.progress.json_lines import JsonLines

        JsonLines()(
            RunEvent(
                event="run.finished",
                at=end.finished or session.now(),
                run=run,
                data={"outcome": end.outcome, "sites": sites},
            )
        )
    elif not (options["quiet"] and code is ExitCode.OK):
        say(f"{run}: {outcome_text(end.outcome)}")
        say(f"  for details: {command('show', run)}")
    return code


def _wait_for_other_process(session: Session, run: str) -> bool:
    """Wait until another process has ended the run; return False if it died and the run is ours now.

    Raises:
        LostError: the run does not end in time.
    """
    from runner.errors import LockedError, LostError
    from runner.workflows.run import reopen, stopping_limit

    limit = stopping_limit(session.workspace.settings.limits) + _RECORDING_TIME
    end = time.monotonic() + limit
    while session.ledger.runs.state(run) is not State.ENDED:
        if time.monotonic() > end:
            raise LostError(
                f"run {run} did not stop within {duration(limit)}",
                hint=f"see which hosts did not confirm: {command('show', run)}",
            )
        time.sleep(0.5)
        if session.ledger.runs.state(run) is State.ENDED:
            break
        with suppress(LockedError):
            reopen(session, run, act="cancel")
            return False
    return True
