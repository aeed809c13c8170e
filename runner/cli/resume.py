"""`resume`: continue an interrupted run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.choice import run_to_resume
from runner.cli.follow import follow_run, open_session
from runner.cli.options import as_json, operated, verbosity, with_variables, with_workspace
from runner.cli.output import say

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["resume"]


@click.command()
@with_workspace
@operated
@with_variables
@click.argument("run", required=False)
@verbosity
@as_json
def resume(workspace: Workspace, run: str | None, **options: Any) -> int:
    """Resume RUN on its sites that are lost, unreachable, cancelled, missed or unfinished.

    Without RUN, resumes the interrupted run, else the one with sites left to do. If there are several, they
    are listed.

    Also works after the maintenance window has closed. Values given to the run with -e are not stored: pass
    them again.
    """
    from runner.workflows.run import reopen

    with open_session(workspace) as session:
        found = run_to_resume(session.ledger) if run is None else session.ledger.runs.find(run)
        if not reopen(session, found):
            if not options["quiet"]:
                say(f"{found}: nothing to resume")
            options = {**options, "quiet": True}
        return follow_run(session, found, options, late=True)
