"""Notices to the crew: what they say, and the messages rendered from them.

What happened is decided in pure functions from rows of the ledger. Nothing here reads the ledger or sends.
"""

from __future__ import annotations

from runner.notify.approval import Planned, approval_notice
from runner.notify.events import (
    announcement_notice,
    announcements_notice,
    files_notice,
    missed_notice,
    reports_notice,
    scheduler_notice,
    test_notice,
)
from runner.notify.notice import Item, Notice, when
from runner.notify.window import Opening, SiteEnd, WindowEnd, urgent_notice, window_notice

__all__ = [
    "Item",
    "Notice",
    "Opening",
    "Planned",
    "SiteEnd",
    "WindowEnd",
    "announcement_notice",
    "announcements_notice",
    "approval_notice",
    "files_notice",
    "missed_notice",
    "reports_notice",
    "scheduler_notice",
    "test_notice",
    "urgent_notice",
    "when",
    "window_notice",
]
