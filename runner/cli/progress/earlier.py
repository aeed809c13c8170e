"""How long an earlier run of the playbook took, for the estimate of the time that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.model import Outcome, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.record import Ledger

__all__ = ["earlier_durations"]

_USUAL = frozenset({Outcome.OK, Outcome.CHANGED})


def earlier_durations(ledger: Ledger, run: str) -> Mapping[str, float]:
    """Return the seconds that sites took in the last ended run of the run's playbook; empty without one."""
    latest = ledger.runs.list(1, playbook=ledger.runs.summary(run).playbook, state=State.ENDED)
    return {
        row.site: (row.finished - row.started).total_seconds()
        for earlier in latest
        for row in ledger.sites.list(earlier.run)
        if row.started and row.finished and row.outcome in _USUAL
    }
