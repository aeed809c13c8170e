"""Announcements: what a client is mailed before a window opens, and the documents rendered from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.report.announcement.content import (
    Announcement,
    Message,
    PlannedItem,
    PlannedSite,
    Work,
    planned_site,
    work_of,
)
from runner.report.announcement.document import announcement_document

if TYPE_CHECKING:
    from runner.report.announcement.render import (
        announcement_html,
        announcement_text,
        subject_of,
        words_for,
    )

__all__ = [
    "Announcement",
    "Message",
    "PlannedItem",
    "PlannedSite",
    "Work",
    "announcement_document",
    "announcement_html",
    "announcement_text",
    "planned_site",
    "subject_of",
    "words_for",
    "work_of",
]


def __getattr__(name: str) -> Any:
    if name in {"announcement_html", "announcement_text", "subject_of", "words_for"}:
        from runner.report.announcement import render

        return getattr(render, name)
    raise AttributeError(name)
