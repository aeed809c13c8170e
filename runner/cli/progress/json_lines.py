"""Events as JSON lines: `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.cli.progress.base import Quiet
from runner.cli.screen import out_json_line
from runner.units import iso

if TYPE_CHECKING:
    from runner.model import RunEvent

__all__ = ["JsonLines"]


class JsonLines(Quiet):
    """Prints one JSON object per line on stdout."""

    def __call__(self, event: RunEvent) -> None:
        """Print the event and flush."""
        line: dict[str, Any] = {"event": event.event, "at": iso(event.at), "run": event.run}
        if event.site is not None:
            line["site"] = event.site
        if event.step is not None:
            line["step"] = event.step
        out_json_line({**line, **event.data})
