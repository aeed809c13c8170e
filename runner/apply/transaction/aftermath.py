"""Checks of a site after a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.apply.probe import compare_with_baseline
from runner.apply.transaction.caches import purge_now
from runner.steps.wordpress import facts_in
from runner.steps.wordpress.regressions import damage
from runner.verify import stale

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.apply.transaction.trial import SiteBaseline
    from runner.execute import JobRecord
    from runner.model import SiteFacts
    from runner.verify import Signals

__all__ = ["Aftermath"]


class Aftermath:
    """Checks of a site after each rollback; each rollback may restore more than the one before."""

    def __init__(self, ctx: SiteContext, before: SiteBaseline, nonce: str) -> None:
        self._ctx, self._before, self._nonce = ctx, before, nonce
        self.facts: SiteFacts | None = None
        """The facts that were read last."""
        self.seen: Signals | None = None
        """Results of the last health check."""
        self.looks = 0

    def check(self, record: JobRecord) -> str:
        """Return what is wrong after the rollback of a job; empty if nothing is."""
        reading = record.commands.get("reread")
        self.facts, problem = facts_in(reading.text if reading else "", self._nonce)
        broken = damage(self._before.facts, self.facts, problem) or self._look()
        if broken and self._is_stale():
            purge_now(self._ctx, self._before.facts)
            broken = self._look()
            if broken and self._is_stale():
                broken = f"a cache still serves the bad page: {broken}"
        return broken

    def _look(self) -> str:
        self.seen, broken = compare_with_baseline(self._ctx, self._before.seen, "undo")
        self.looks += 1
        return broken

    def _is_stale(self) -> bool:
        return self.seen is not None and stale(self._before.seen, self.seen)
