"""The ledger as the operator of a command writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["acting"]


def acting(workspace: Workspace) -> Ledger:
    """The ledger, open for writing and up to the inventory: says which sites and clients were renamed.

    Acts carry the name of `--as`, SITECREW_OPERATOR or the login.
    """
    from runner.cli.screen import say
    from runner.record import Ledger
    from runner.record.operators import operator_here

    ledger = Ledger.open(workspace.settings.ledger, operator=operator_here(workspace.operator))
    try:
        for text in ledger.recognise(workspace.inventory):
            say(text)
    except BaseException:
        ledger.close()
        raise
    return ledger
