"""`ledger backup` and `ledger restore`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runner.cli.confirm import confirm_or_stop
from runner.cli.open_ledger import open_for_reading, open_for_writing
from runner.cli.options import as_json, operated, with_workspace
from runner.cli.output import emit_json, say_commands
from runner.cli.screen import say
from runner.errors import ExitCode, LedgerError, LockedError, UnknownNameError
from runner.shell import command
from runner.units import count, size, utc

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["backup", "restore"]


@click.command()
@with_workspace
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@as_json
def backup(workspace: Workspace, file: Path, json_: bool) -> int:
    """Copy the ledger to a new FILE.

    `serve` and other commands continue meanwhile. A ledger in PostgreSQL is dumped with pg_dump.
    """
    from runner.record.copies import back_up

    open_for_reading(workspace).close()
    back_up(workspace.settings.ledger, file.absolute())
    written = file.stat().st_size
    if json_:
        emit_json({"file": str(file), "bytes": written})
    else:
        say(f"written to {file}, {size(written)}; it contains output of sites and mails: handle it with care")
    return ExitCode.OK


@click.command()
@with_workspace
@operated
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def restore(workspace: Workspace, file: Path, yes: bool) -> int:
    """Replace the ledger by FILE, a copy made by `ledger backup`.

    Refused while a process works with the ledger. The replaced ledger is kept next to the new one.
    """
    from runner.record.copies import check_copy, replace
    from runner.record.mark import LedgerMark

    address, now = workspace.settings.ledger, datetime.now(UTC)
    check_copy(address, file.absolute())
    _require_unused(workspace)
    if not yes and not confirm_or_stop(
        f"Replace the ledger by {file}? Everything recorded since that copy will be missing",
        "ledger restore",
        otherwise="nothing was restored",
    ):
        return ExitCode.FAILED
    _require_unused(workspace)
    kept = replace(address, file.absolute(), now, folder=workspace.folder / ".sitecrew")
    with open_for_writing(workspace) as found:
        last = found.acts.last_at()
        found.acts.record("restore", "the ledger", details={"last_act": last and last.isoformat()})
        runs = len(found.runs.list_open())
        found_gap = LedgerMark(workspace.folder, found).gap()
    say(f"restored; its last act was on {utc(last)}" if last else "restored; it has no acts")
    if kept:
        say(f"the replaced ledger is kept as {kept}; delete it when you no longer need it")
    if runs:
        say(f"{count(runs, 'run')} had not ended then, and may have ended since: see `sitecrew list runs`")
    if found_gap:
        say(f"{found_gap.text}; its windows are not started again")
        say("no report is mailed, and no run that had not ended is continued, until you accept that:")
        say_commands(
            {
                "to see the gap": command("ledger", "gap"),
                "to continue with this ledger": command("ledger", "gap", "--accept"),
            }
        )
    return ExitCode.OK


def _require_unused(workspace: Workspace) -> None:
    """Raise LockedError if a process works with the ledger. A ledger that cannot be read is not in use."""
    from runner.record.mark import LedgerMark
    from runner.record.processes import stopped_at

    now = datetime.now(UTC)
    try:
        with open_for_reading(workspace) as found:
            alive = [one for one in found.leases.list_unreleased() if stopped_at(one, now) is None]
            LedgerMark(workspace.folder, found).update()  # so that what the copy lacks is noticed
    except UnknownNameError:
        return
    except LedgerError as error:
        say(f"the present ledger cannot be read: {error}")
        return
    if alive:
        one = alive[0]
        raise LockedError(
            f"process {one.pid} on {one.host} works with the ledger",
            hint="stop it first: `systemctl stop sitecrew`, or Ctrl-C",
        )
