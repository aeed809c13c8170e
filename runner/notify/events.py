"""Notices that are not about one opening of a window: the scheduler, the files, reports. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runner.notify.notice import Item, Notice, topic, when
from runner.record import Missed
from runner.shell import command
from runner.units import count
from runner.untrusted import few

__all__ = [
    "announcement_notice",
    "announcements_notice",
    "files_notice",
    "missed_notice",
    "reports_notice",
    "scheduler_notice",
    "test_notice",
]

_NAMED = 10


def missed_notice(missed: Missed) -> Notice:
    """Return the notice that openings were missed because no scheduler was running."""
    span = when(missed.first)
    if missed.last != missed.first:
        span = f"from {span} to {when(missed.last)}"
    item = Item.of(few(missed.windows, _NAMED), "missed", command("schedule", "list"))
    number = count(missed.openings, "opening")
    subject = f"no scheduler was running: {number} of windows missed, {span}"
    return Notice.of(topic("missed", "", missed.recorded), subject, (item,))


def files_notice(problem: str, since: datetime) -> Notice:
    """Return the notice that the workspace's files have mistakes; with an empty `problem`, no longer."""
    if not problem:
        subject = "the workspace files are correct again and in force"
        return Notice.of(topic("files-corrected", "", since), subject, good=True)
    item = Item.of("workspace files", problem, command("validate"))
    return Notice.of(
        topic("files", "", since), f"the workspace files have mistakes since {when(since)}", (item,)
    )


def scheduler_notice(problem: str, since: datetime) -> Notice:
    """Return the notice that the scheduler has a problem; with an empty `problem`, no longer."""
    if not problem:
        subject = "the scheduler is working again"
        return Notice.of(topic("scheduler-works", "", since), subject, good=True)
    item = Item.of("scheduler", problem, command("doctor"))
    return Notice.of(
        topic("scheduler", "", since), f"the scheduler has a problem since {when(since)}", (item,)
    )


def reports_notice(reports: Sequence[tuple[str, str]], now: datetime) -> Notice:
    """Return the notice that reports, given by client and period, did not reach every recipient."""
    items = tuple(
        Item.of(
            f"report of {client} for {period}",
            "not delivered",
            command("list", "reports", "--period", period),
        )
        for client, period in reports
    )
    subject = f"{count(len(items), 'report')} did not reach every recipient"
    return Notice.of(topic("reports", "", now), subject, items)


def announcement_notice(window: str, client: str, starts: datetime, why: str) -> Notice:
    """Return the notice that an opening cannot be announced to a client."""
    item = Item.of(f"{window} for {client}", why, command("announce", client, "--window", window))
    subject = f"{window} on {when(starts)} could not be announced to {client}"
    return Notice.of(topic("announcement", f"{window} {client}", starts), subject, (item,))


def announcements_notice(found: Sequence[tuple[str, str, str]], now: datetime) -> Notice:
    """Return the notice of announcements that were not delivered: client, window with start, and reply."""
    items = tuple(
        Item.of(
            f"{about} for {client}",
            f"not delivered: {reply}",
            command("list", "announcements"),
        )
        for client, about, reply in found
    )
    subject = f"{count(len(items), 'announcement')} did not reach every recipient"
    return Notice.of(topic("announcements", "", now), subject, items)


def test_notice(now: datetime) -> Notice:
    """Return a notice that says that it is a test."""
    item = Item.of("example-shop (example)", "this is how a site is shown", command("show"))
    return Notice.of(topic("test", "", now), f"test of Sitecrew, {when(now)}: the crew is notified", (item,))


test_notice.__test__ = False  # type: ignore[attr-defined]  # pytest collects names like this one
