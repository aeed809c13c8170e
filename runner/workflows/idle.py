"""Skip the ticks in which nothing can be due, since a full one reads every schedule."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.plan.schedules import Opening
    from runner.record import Ledger

__all__ = ["IdleTicks"]

_LONGEST = 30.0
"""Seconds without a full tick. Changes of the ledger that its revision does not show take effect then."""


@dataclass(frozen=True, slots=True)
class _Full:
    """The last full tick."""

    workspace: Workspace | None
    revision: object
    now: datetime
    elapsed: float
    """Monotonic seconds."""
    next_opening: Opening | None


class IdleTicks:
    """Decides whether a tick can be skipped: nothing is due or has changed since the last full one."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last: _Full | None = None
        self._revision: object = None

    def can_skip(self, workspace: Workspace | None, now: datetime) -> bool:
        """Whether a tick with this workspace can be skipped; otherwise the caller makes a full one.

        A clock that was set back makes it full, too: openings may have been decided ahead of time.
        """
        self._revision, last = self._ledger.windows.revision(), self._last
        return (
            last is not None
            and last.workspace is workspace
            and last.revision == self._revision
            and last.now <= now
            and (last.next_opening is None or now < last.next_opening.due)
            and time.monotonic() - last.elapsed < _LONGEST
        )

    def keep(self, workspace: Workspace | None, now: datetime, next_opening: Opening | None) -> None:
        """Store that a full tick has decided everything until `now`."""
        self._last = _Full(workspace, self._revision, now, time.monotonic(), next_opening)

    def forget(self) -> None:
        """Make the next tick a full one, since the last one left something to do."""
        self._last = None
