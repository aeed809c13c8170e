"""The result of a health check."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Look", "PageLook", "Seen"]


class Seen(StrEnum):
    """Whether a health check could see the page."""

    SEEN = "seen"
    REFUSED = "refused"
    """Blocked by a password, a firewall or a browser challenge."""
    ABSENT = "absent"
    """No response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLook:
    """The result for one page. `status` is None if there was no response."""

    page: str
    url: str
    status: int | None
    seconds: float
    size: int = 0
    """Size of the body in bytes."""
    stylesheets: int = 0
    findings: tuple[str, ...] = ()
    """Problems, a sentence each; empty if the page is healthy."""
    seen: Seen = Seen.SEEN
    refusal: str = ""
    """Why the request was refused and how to allow it; empty if it was not."""

    @property
    def healthy(self) -> bool:
        """Whether no problem was found."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The results for all pages of a site."""

    site: str
    at: datetime
    pages: tuple[PageLook, ...]

    @property
    def healthy(self) -> bool:
        """Whether every page is healthy."""
        return all(page.healthy for page in self.pages)

    @property
    def findings(self) -> tuple[str, ...]:
        """All problems, each with its page."""
        return tuple(f"{page.page}: {finding}" for page in self.pages for finding in page.findings)
