"""Pages that became clearly slower."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

__all__ = ["Slowdown"]

_WRITTEN = re.compile(
    r"slower than before: (?P<page>\S{1,2000}) takes (?P<after>\d{1,4}\.\d{1,2}) s;"
    r" it took (?P<before>\d{1,4}\.\d{1,2}) s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """A page that became clearly slower. `before` and `after` are medians in seconds."""

    page: str
    before: float
    after: float

    def __str__(self) -> str:
        after, before = _figure(self.after), _figure(self.before)
        return f"slower than before: {self.page} takes {after} s; it took {before} s"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parse the start of a text written by `str`; None if it does not match."""
        found = _WRITTEN.match(text)
        if found is None:
            return None
        return cls(page=found["page"], before=float(found["before"]), after=float(found["after"]))


def _figure(seconds: float) -> str:
    """Format seconds; never as zero."""
    return f"{seconds:.1f}" if seconds >= 0.1 else f"{max(seconds, 0.01):.2f}"  # noqa: PLR2004
