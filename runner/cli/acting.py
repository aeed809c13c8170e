"""The ledger as the operator of a command writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.record import Ledger

__all__ = ["acting"]


def acting(workspace: Workspace) -> Ledger:
    """The ledger, open for writing; acts carry the name of `--as`, SITECREW_OPERATOR or the login."""
    from runner.record import Ledger
    from runner.record.operators import operator_here

    return Ledger.open(workspace.settings.ledger, operator=operator_here(workspace.operator))
