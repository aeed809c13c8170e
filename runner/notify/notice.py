"""A notice: what happened, and what to type. Its text is one line each, cleaned and of limited length."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from runner.units import iso
from runner.untrusted import sentence

__all__ = ["Item", "Notice", "topic", "when"]

_TITLE, _TEXT, _SUBJECT = 150, 300, 200
"""Maximum lengths in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that happened."""

    title: str
    """What it happened to, such as a site and its client."""
    text: str
    command: str
    """What to type; empty if there is nothing to do."""

    @classmethod
    def of(cls, title: str, text: str, command: str = "") -> Item:
        """Return an item with untrusted text cleaned and cut. `command` is quoted by the caller."""
        return cls(title=sentence(title, _TITLE), text=sentence(text, _TEXT), command=command)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message to the crew."""

    topic: str
    """What it is about. The same event always has the same topic, so that it is sent once."""
    subject: str
    """What happened, on one line."""
    items: tuple[Item, ...] = ()
    """The worst first."""
    good: bool = False
    """Whether there is nothing to do."""

    @classmethod
    def of(cls, about: str, subject: str, items: tuple[Item, ...] = (), *, good: bool = False) -> Notice:
        """Return a notice with its subject cleaned and cut."""
        return cls(topic=about, subject=sentence(subject, _SUBJECT), items=items, good=good)


def topic(kind: str, name: str, at: datetime) -> str:
    """Return the topic of an event: `window weekly 2026-12-01T01:00:00Z`."""
    return " ".join(filter(None, (kind, name, iso(at))))


def when(at: datetime) -> str:
    """Format an instant in the controller's time zone: `Tue 2026-12-01 02:00 CET`."""
    here = at.astimezone()
    return f"{here:%a %Y-%m-%d %H:%M} {here.tzname()}"
