"""A look at a site from outside, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Look", "PageLook", "Seen"]


class Seen(StrEnum):
    """Whether a look saw what it was to see."""

    SEEN = "seen"
    REFUSED = "refused"
    """Somebody keeps us out: a password, a firewall, a challenge for browsers."""
    ABSENT = "absent"
    """No answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLook:
    """One page as it was answered. `status` is None when no answer came."""

    page: str
    url: str
    status: int | None
    seconds: float
    size: int = 0
    """Bytes of the body."""
    stylesheets: int = 0
    findings: tuple[str, ...] = ()
    """What is wrong, a sentence each; empty when the page is well."""
    seen: Seen = Seen.SEEN
    refusal: str = ""
    """Why we were not let in, and what would let us in; empty where we were."""

    @property
    def healthy(self) -> bool:
        """Nothing was found."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """All pages of a site, looked at together."""

    site: str
    at: datetime
    pages: tuple[PageLook, ...]

    @property
    def healthy(self) -> bool:
        """Every page is well."""
        return all(page.healthy for page in self.pages)

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong, each with its page."""
        return tuple(f"{page.page}: {finding}" for page in self.pages for finding in page.findings)
