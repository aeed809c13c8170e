"""Events as JSON lines: `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.cli.progress.base import Quiet
from runner.cli.screen import json_text, out_lines
from runner.units import iso

if TYPE_CHECKING:
    from runner.model import RunEvent

__all__ = ["JsonLines"]


class JsonLines(Quiet):
    """Prints one JSON object per line on stdout.

    Args:
        together: print events that come together with one write: at the next `tick` or the end of a run.
    """

    def __init__(self, *, together: bool = False) -> None:
        self._together = together
        self._lines: list[str] = []

    def __call__(self, event: RunEvent) -> None:
        """Print the event."""
        line: dict[str, Any] = {"event": event.event, "at": iso(event.at), "run": event.run}
        if event.site is not None:
            line["site"] = event.site
        if event.step is not None:
            line["step"] = event.step
        self._lines.append(json_text({**line, **event.data}, default=str))
        if not self._together or event.event in {"run.finished", "run.unconfirmed"}:
            self.tick()

    def tick(self) -> None:
        """Print what has not been printed yet."""
        lines, self._lines = self._lines, []
        out_lines(lines)

    def close(self) -> None:
        """Print what has not been printed yet."""
        self.tick()
