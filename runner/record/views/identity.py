"""Websites and clients, as they are read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["ClientView", "WebsiteView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsiteView:
    """A website as it was last seen in the inventory. Unknown values are empty."""

    id: int
    """What its rows refer to, because names can change and be reused."""
    name: str
    client: str
    url: str = ""
    host: str = ""
    path: str = ""
    was: str = ""
    """The name before the last rename."""
    since: datetime
    moved: datetime | None = None
    """When it moved to its present client; None if it never had another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    """A client as it was last seen in the inventory."""

    client: str
    name: str
    language: str
    timezone: str
    was: str = ""
    """The id before the last rename."""
