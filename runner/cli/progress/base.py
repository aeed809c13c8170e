"""What every listener of events has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runner.model import RunEvent

__all__ = ["Listener", "Quiet"]


class Listener(Protocol):
    """Prints events; called for each one in order, from one thread."""

    def __call__(self, event: RunEvent) -> None:
        """Print the event."""

    def tick(self) -> None:
        """Called when no event waits to be printed, and then about once a second until there is one."""

    def close(self) -> None:
        """Release the terminal."""


class Quiet:
    """Prints nothing; base of listeners that print some events only."""

    def __call__(self, event: RunEvent) -> None:
        """Ignore the event."""

    def tick(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
