"""`ledger gap`: what an older ledger that was put back lacks, and whether to continue with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.open_ledger import open_for_reading, open_for_writing
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import emit_json, out_wrapped
from runner.cli.screen import out, say
from runner.errors import ExitCode, UsageError
from runner.shell import command
from runner.units import count, local

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record.mark import Gap

__all__ = ["gap"]


@click.command()
@with_workspace
@operated
@click.option("--accept", is_flag=True, help="Continue with this ledger.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@as_json
def gap(workspace: Workspace, accept: bool, yes: bool, json_: bool) -> int:
    """Show what the ledger lacks since an older copy of it was put back.

    Until the gap is accepted, no window of that time is started, no interrupted run is continued, and no
    report is mailed.

    With --accept, continues with the older ledger: windows of the gap are recorded as skipped, runs that the
    copy shows in progress end as lost, and reports are mailed again. Reports that were mailed in the gap are
    not known to the ledger: do not send them again.
    """
    if accept:
        return _accept(workspace, yes=yes)
    from runner.record.mark import LedgerMark

    with open_for_reading(workspace) as ledger:
        found = LedgerMark(workspace.folder, ledger).gap()
        runs = ledger.runs.list_open() if found else ()
    if json_:
        emit_json(_as_json(found, [one.run for one in runs]))
    elif found is None:
        out("the ledger has no gap")
    else:
        out_wrapped(_sentence(found))
        for one in runs:
            out_wrapped(f"  {one.run} was in progress when it was copied")
        say(f"to continue with it: {command('ledger', 'gap', '--accept')}")
    return ExitCode.FAILED if found else ExitCode.OK


def _accept(workspace: Workspace, *, yes: bool) -> int:
    from runner.record.mark import LedgerMark

    with open_for_writing(workspace) as ledger:
        mark = LedgerMark(workspace.folder, ledger)
        found = mark.gap()
        if found is None:
            raise UsageError("the ledger has no gap; there is nothing to accept")
        say(_sentence(found))
        question = "Continue with this ledger?"
        if not yes and not confirm_or_stop(question, "ledger gap", otherwise="nothing was changed"):
            return ExitCode.FAILED
        ended = mark.accept(found)
    out("the gap is accepted; windows are started and reports mailed again")
    if ended:
        say(f"{count(len(ended), 'run')} ended as lost, to find out what happened: {command('resume')} RUN")
        for run in ended:
            say(f"  {run}")
    return ExitCode.OK


def _sentence(found: Gap) -> str:
    since = local(found.since, zone=True) if found.since else "its start"
    until = local(found.until, zone=True)
    return f"an older ledger was put back: it lacks what happened from {since} to {until}"


def _as_json(found: Gap | None, runs: list[str]) -> dict[str, object]:
    from runner.record import rfc3339

    if found is None:
        return {"gap": None}
    return {"gap": {"since": rfc3339(found.since), "until": rfc3339(found.until), "runs": runs}}
