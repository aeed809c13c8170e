"""The phases of a trial, from the commands of its job as they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.execute import CommandOutput, CommandStarted, Event
from runner.model import Phase, Step
from runner.steps import registry

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["TrialPhases"]

_PHASES = {
    "log": Phase.SAVING,
    "save": Phase.SAVING,
    "save-database": Phase.SAVING,
    "read": Phase.VERIFYING,
    "undo": Phase.ROLLING_BACK,
}
"""By command; during the others the phase stays."""
_READY = (b'"fetched"', b'"refused"')
_STARTED = b'"begun"'
_TAIL = 8
"""Bytes of the output before a piece: less than a word of `_READY`, so that none is counted twice."""


class TrialPhases:
    """Emits the phase of a trial when it changes.

    Args:
        ctx: the site.
        step: whose changes are tried.
        items: number of the changes.
    """

    def __init__(self, ctx: SiteContext, step: Step, items: int) -> None:
        self._ctx, self._step = ctx, step
        self._phase: Phase | None = None
        self._left = items if registry()[step.kind].fetches and not ctx.order.undo else 0
        """Items whose package is not fetched yet."""
        self._tail = b""

    def receive(self, event: Event) -> None:
        """Emit the phase that starts with the event, if one does."""
        if isinstance(event, CommandStarted):
            self.start(self._change if event.command == "change" else _PHASES.get(event.command))
        elif self._phase is Phase.FETCHING and isinstance(event, CommandOutput) and not event.error:
            self._count_fetched(event.data)

    def start(self, phase: Phase | None) -> None:
        """Emit the phase, unless it is None or the current one."""
        if phase is not None and phase is not self._phase:
            self._phase = phase
            self._ctx.journal.progress(self._step.id, phase)

    @property
    def _change(self) -> Phase:
        if self._ctx.order.undo:
            return Phase.UNDOING
        return Phase.FETCHING if self._left else Phase.APPLYING

    def _count_fetched(self, data: bytes) -> None:
        text = self._tail + data
        self._tail = text[-_TAIL:]
        self._left -= sum(text.count(word) for word in _READY)
        if self._left <= 0 or _STARTED in text:
            self.start(Phase.APPLYING)
