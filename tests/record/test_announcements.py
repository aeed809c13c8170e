"""Announcements in the ledger: recorded with their message, once, by one of several processes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from runner.record import (
    AnnouncementState,
    DeliveryKind,
    DeliveryState,
    Ledger,
    NewAnnouncement,
    NewDelivery,
    Recipient,
)

DAY = timedelta(days=1)


def new(starts: datetime, *, edition: int = 1, window: str = "weekly") -> NewAnnouncement:
    return NewAnnouncement(
        window=window, client="acme", starts=starts, closes=starts + DAY / 12, edition=edition
    )


def message(name: str) -> NewDelivery:
    return NewDelivery(
        message_id=f"<{name}@northwind.example>",
        kind=DeliveryKind.ANNOUNCEMENT,
        client="acme",
        recipients=(Recipient(address="office@acme.example"),),
        subject="Maintenance",
        message=b"text",
    )


def sent(ledger: Ledger) -> list[str]:
    return sorted(one.message_id for one in ledger.deliveries.list(kind=DeliveryKind.ANNOUNCEMENT))


def test_opening_is_announced_by_one_process(url: str, start: datetime):
    ledgers = [Ledger.open(url) for _ in range(4)]

    def announce(number: int) -> list[bool]:
        found = []
        for day in range(10):
            text = message(f"{number}-{day}")
            found.append(ledgers[number].announcements.add(new(start + day * DAY), text, at=start))
        return found

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(announce, range(4)))
    assert [sum(column) for column in zip(*won, strict=True)] == [1] * 10
    assert len(sent(ledgers[0])) == 10, "the others queued nothing"
    for ledger in ledgers:
        ledger.close()


def test_announcement_is_replaced_or_cancelled_once(ledger: Ledger, start: datetime):
    announcements = ledger.announcements
    announcements.add(new(start), message("a"), at=start - DAY)
    [first] = announcements.upcoming(start - DAY)
    moved = new(start + DAY / 24)
    assert announcements.add(moved, message("b"), at=start - DAY, replaces=first.id)
    assert not announcements.add(new(start + DAY), message("c"), at=start - DAY, replaces=first.id)
    assert not announcements.cancel(first.id, message("d"), why="paused", at=start - DAY)
    second = next(one for one in announcements.list("acme") if one.applies)
    assert announcements.cancel(second.id, message("e"), why="paused", at=start - DAY)
    assert not announcements.cancel(second.id, message("f"), why="paused", at=start - DAY)
    assert [(one.state, one.why) for one in announcements.list()] == [
        (AnnouncementState.CANCELLED, "paused"),
        (AnnouncementState.MOVED, ""),
    ]
    assert sent(ledger) == ["<a@northwind.example>", "<b@northwind.example>", "<e@northwind.example>"]
    assert announcements.add(new(start, edition=2), message("g"), at=start - DAY), "it takes place after all"


def test_messages_are_late_once_the_window_opens(ledger: Ledger, start: datetime):
    announcements = ledger.announcements
    announcements.add(new(start), message("a"), at=start - DAY)
    announcements.add(new(start, window="other"), message("b"), at=start - DAY)
    other = next(one for one in announcements.upcoming(start - DAY) if one.window == "other")
    announcements.cancel(other.id, message("c"), why="", at=start - DAY)
    announcements.add(new(start + DAY), message("d"), at=start - DAY)
    arrived = Recipient(address="office@acme.example", state=DeliveryState.SENT)
    ledger.deliveries.update(
        message("b").message_id, before={DeliveryState.QUEUED}, recipients=[arrived], at=start - DAY
    )
    assert announcements.too_late(start - DAY / 24) == ()
    assert sorted(announcements.too_late(start)) == [message("a").message_id, message("c").message_id]
    assert [one.starts for one in announcements.upcoming(start)] == [start + DAY]


def test_renamed_window_keeps_its_announcement(ledger: Ledger, start: datetime):
    ledger.announcements.add(new(start), message("a"), at=start - DAY)
    [one] = ledger.announcements.list()
    ledger.announcements.rename(one.id, "updates", 1)
    [renamed] = ledger.announcements.list()
    assert (renamed.window, renamed.key) == ("updates", ("updates", "acme", start))


def test_announcements_are_exported_and_erased_with_the_client(ledger: Ledger, start: datetime):
    ledger.announcements.add(new(start), message("a"), at=start - DAY)
    assert [row["window"] for row in ledger.clients.export("acme")["announcements"]] == ["weekly"]
    erased = ledger.clients.erase("acme")
    assert (erased.rows["announcements"], erased.rows["deliveries"]) == (1, 1)
    assert ledger.announcements.list() == ()


def test_undelivered_announcements_are_noticed_once(ledger: Ledger, start: datetime):
    ledger.announcements.add(new(start), message("a"), at=start - DAY)
    refused = Recipient(address="office@acme.example", state=DeliveryState.REFUSED, reply="550 no")
    ledger.deliveries.update(
        message("a").message_id, before={DeliveryState.QUEUED}, recipients=[refused], reply="550 no", at=start
    )
    [(name, client, _, reply)] = ledger.notices.undelivered_announcements()
    assert (client, reply) == ("acme", "550 no")
    assert ledger.notices.undelivered_reports() == ()
    ledger.notices.of_undelivered([name], (), start)
    assert ledger.notices.undelivered_announcements() == ()
