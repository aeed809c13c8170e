from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from runner.errors import UnknownNameError
from runner.record import (
    LEASE,
    BackupView,
    DeliveryState,
    Ledger,
    NewDelivery,
    Recipient,
    WindowState,
    WindowView,
)

DAY = timedelta(days=1)


def opening(starts: datetime, state: WindowState, **more: str) -> WindowView:
    return WindowView(
        window="weekly", starts=starts, closes=starts + DAY, state=state, recorded=starts, **more
    )


def test_due_window_is_claimed_once(url: str, start: datetime):
    ledgers = [Ledger.open(url) for _ in range(4)]

    def claim(ledger: Ledger) -> list[bool]:
        return [
            ledger.windows.claim(opening(start + n * DAY, WindowState.RUN, client="acme", run=f"r{n}"))
            for n in range(25)
        ]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim, ledgers * 2))
    assert [sum(one) for one in zip(*won, strict=True)] == [1] * 25
    for ledger in ledgers:
        ledger.close()


def test_decided_window_does_not_change(ledger: Ledger, start: datetime):
    skipped = opening(start, WindowState.SKIPPED, client="acme", why="holidays")
    assert ledger.windows.claim(skipped)
    assert not ledger.windows.claim(opening(start, WindowState.RUN, client="acme", run="r1"))
    assert ledger.windows.claim(opening(start, WindowState.RUN, client="bolt", run="r1"))
    assert {(w.client, w.state, w.why, w.run) for w in ledger.windows.list("weekly", since=start)} == {
        ("acme", WindowState.SKIPPED, "holidays", None),
        ("bolt", WindowState.RUN, "", "r1"),
    }


def test_version_keeps_its_first_sighting(ledger: Ledger, url: str, start: datetime):
    old, new = ("plugin", "forms", "1.1"), ("plugin", "forms", "1.2")
    assert ledger.sightings.first_seen("shop", [old], start) == {old: start}
    assert ledger.sightings.first_seen("shop", [old, new], start + DAY) == {old: start, new: start + DAY}
    assert ledger.sightings.first_seen("blog", [old], start + DAY) == {old: start + DAY}
    newer = ("plugin", "forms", "1.3")
    with Ledger.open(url, read_only=True) as reader:
        assert reader.sightings.first_seen("shop", [old, newer], start + 2 * DAY) == {
            old: start,
            newer: start + 2 * DAY,
        }


def test_version_is_held_until_lifted(ledger: Ledger, start: datetime):
    assert ledger.holds.add("shop", "slider", "4.2", why="white page", evidence={"look": 3}, since=start)
    assert not ledger.holds.add("shop", "slider", "4.2", why="again")
    (hold,) = ledger.holds.list("shop")
    assert (hold.version, hold.why, hold.evidence, hold.since) == ("4.2", "white page", {"look": 3}, start)
    assert ledger.holds.lift("shop", "slider", at=start + DAY) == 1
    assert ledger.holds.lift("shop", "slider") == 0
    assert ledger.holds.list() == ()
    assert [hold.lifted for hold in ledger.holds.list(lifted=True)] == [start + DAY]
    assert ledger.holds.add("shop", "slider", "4.2", why="and again")


def test_expired_lease_is_taken_over_once(ledger: Ledger, start: datetime):
    ledger.leases.acquire("dead", host="here", pid=1, process_start="0", at=start)
    ledger.leases.acquire("alive", host="here", pid=2, process_start="0", at=start)
    later = start + LEASE + timedelta(seconds=1)
    assert not ledger.leases.take_over("dead", by="early", at=start + LEASE)
    assert ledger.leases.renew("alive", at=later)
    assert [lease.executor for lease in ledger.leases.list_valid(at=later)] == ["alive"]
    assert [lease.executor for lease in ledger.leases.list_expired(at=later)] == ["dead"]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: ledger.leases.take_over("dead", by=f"p{n}", at=later), range(8)))
    assert won.count(True) == 1
    assert not ledger.leases.take_over("alive", by="p1", at=later)
    assert not ledger.leases.renew("dead", at=later)
    assert ledger.leases.list_expired(at=later) == ()
    ledger.leases.release("alive", at=later)
    assert ledger.leases.list_valid(at=later) == ()


def test_message_is_claimed_by_one_sender(ledger: Ledger, start: datetime):
    office = Recipient(address="office@acme.example", name="Office")
    new = NewDelivery(
        message_id="<m1>",
        client="acme",
        period="2026-11",
        recipients=(office,),
        subject="Hi",
        message=b"From: x\r\n\xff",
    )
    assert ledger.deliveries.queue(new, at=start)
    assert not ledger.deliveries.queue(replace(new, message=b"other"), at=start)

    def send(_: int) -> bool:
        sending = [replace(office, state=DeliveryState.SENDING, attempts=1)]
        return ledger.deliveries.update("<m1>", before={DeliveryState.QUEUED}, recipients=sending, at=start)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(8))).count(True) == 1
    sent = [replace(office, state=DeliveryState.SENT, attempts=1, reply="250 ok")]
    ledger.deliveries.update(
        "<m1>", before={DeliveryState.SENDING}, recipients=sent, reply="250 ok", at=start + DAY
    )
    (delivery,) = ledger.deliveries.list(states={DeliveryState.SENT}, client="acme", period="2026-11")
    assert delivery.as_json() == {
        "message_id": "<m1>",
        "kind": "report",
        "channel": "mail",
        "topic": "",
        "client": "acme",
        "period": "2026-11",
        "to": ["office@acme.example"],
        "recipients": [
            {
                "address": "office@acme.example",
                "name": "Office",
                "state": "sent",
                "attempts": 1,
                "reply": "250 ok",
            }
        ],
        "subject": "Hi",
        "state": "sent",
        "attempts": 1,
        "reply": "250 ok",
        "created": "2026-11-24T01:00:00Z",
        "updated": "2026-11-25T01:00:00Z",
    }
    assert ledger.deliveries.message("<m1>") == b"From: x\r\n\xff"
    assert ledger.deliveries.list(states={DeliveryState.QUEUED}) == ()
    with pytest.raises(UnknownNameError):
        ledger.deliveries.message("<m2>")


def test_report_replaces_one_of_same_kind(ledger: Ledger, start: datetime):
    ledger.reports.record("acme", "2026-11", "draft", status="good", data={"a": 1}, created=start)
    ledger.reports.record(
        "acme", "2026-11", "final", status="good", data={"a": 2}, html_sha256="ab", created=start
    )
    ledger.reports.record("acme", "2026-11", "draft", status="action", data={"a": 3}, created=start + DAY)
    draft = ledger.reports.get("acme", "2026-11", "draft")
    assert draft is not None
    assert (draft.status, draft.data, draft.created, draft.html_sha256) == (
        "action",
        {"a": 3},
        start + DAY,
        None,
    )
    assert ledger.reports.get("acme", "2026-10", "final") is None


def test_backups_are_listed_newest_first(ledger: Ledger, start: datetime):
    for day, size in ((0, 10), (1, 0)):
        assert ledger.backups.record(
            BackupView(
                snapshot=f"s{day}",
                site="shop",
                client="acme",
                taken=start + day * DAY,
                store="archive",
                uri=f"/b/s{day}",
                size=size,
                manifest_sha256="00",
            )
        )
    assert not ledger.backups.record(
        BackupView(
            snapshot="s1",
            site="shop",
            client="acme",
            taken=start,
            store="x",
            uri="",
            size=1,
            manifest_sha256="",
        )
    )
    ledger.backups.verified("s0", start + DAY)
    assert [
        (b.as_json()["snapshot"], b.as_json()["bytes"], b.as_json()["verified"])
        for b in ledger.backups.list()
    ] == [
        ("s1", 0, None),
        ("s0", 10, "2026-11-25T01:00:00Z"),
    ]
    ledger.backups.removed("s1", start + DAY)
    last = ledger.backups.newest("shop")
    assert last is not None
    assert last.snapshot == "s0"
    assert last.files is None
    assert [b.snapshot for b in ledger.backups.list("shop", removed=True)] == ["s1", "s0"]
    assert ledger.backups.newest("blog") is None
