"""A window that closes at a moment that a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from runner.apply.cancellation import Cancellation, Closing
from tests.apply.conftest import QuickEvent
from tests.apply.fakesite import NOW

__all__ = ["CLOSES", "OPENS", "ROLLBACK", "WHY", "Watched", "closing"]

OPENS, CLOSES = NOW - timedelta(minutes=110), NOW + timedelta(minutes=10)
ROLLBACK = CLOSES - timedelta(minutes=2)
WHY = "the window closes at 2026-11-03 02:10 UTC"


class Watched(list[Any]):
    """The events of a host; something happens after one of them."""

    def __init__(self, at: int, then: Callable[[], object]) -> None:
        super().__init__()
        self._at, self._then = at, then

    def append(self, event: Any) -> None:
        super().append(event)
        if len(self) == self._at:
            self._then()


def closing() -> Cancellation:
    """What ends a site of a run whose window is open."""
    stop = Cancellation().of_site("shop", Closing(ROLLBACK, CLOSES))
    stop.asked = QuickEvent()
    return stop
