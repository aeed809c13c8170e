"""Open the ledger for a command: to write as the operator, or only to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.screen import say
from runner.errors import UnknownNameError

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["open_for_reading", "open_for_writing", "open_if_exists"]

_NO_RUN_YET = "there is no run yet"
_FIRST_RUN = "start one with: sitecrew run PLAYBOOK"


def open_for_writing(workspace: Workspace) -> Ledger:
    """Open the ledger, apply renames of the inventory to it, and print them.

    Acts are recorded under the name from `--as`, SITECREW_OPERATOR or the login.
    """
    from runner.record import Ledger
    from runner.record.operators import operator_here

    ledger = Ledger.open(workspace.settings.ledger, operator=operator_here(workspace.operator))
    try:
        for text in ledger.websites.sync(workspace.inventory):
            say(text)
    except BaseException:
        ledger.close()
        raise
    return ledger


def open_for_reading(workspace: Workspace) -> Ledger:
    """Open the ledger read-only.

    Raises:
        UnknownNameError: there is none yet.
    """
    ledger = _open_read_only(workspace)
    if ledger is None:
        raise UnknownNameError(_NO_RUN_YET, hint=_FIRST_RUN)
    return ledger


def open_if_exists(workspace: Workspace, *, quiet: bool = False) -> Ledger | None:
    """Open the ledger read-only; if there is none yet, print that (unless `quiet`) and return None."""
    ledger = _open_read_only(workspace)
    if ledger is None and not quiet:
        say(f"{_NO_RUN_YET}; {_FIRST_RUN}")
    return ledger


def _open_read_only(workspace: Workspace) -> Ledger | None:
    from runner.record import Ledger
    from runner.record.database import NoLedgerError

    try:
        return Ledger.open(workspace.settings.ledger, read_only=True)
    except NoLedgerError:
        return None
