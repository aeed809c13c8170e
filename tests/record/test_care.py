from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from runner.errors import UnknownNameError
from runner.record import LEASE, DeliveryState, Ledger, Recipient, WindowState

DAY = timedelta(days=1)


def test_due_window_is_claimed_once(url: str, start: datetime):
    ledgers = [Ledger.open(url) for _ in range(4)]

    def claim(ledger: Ledger) -> list[bool]:
        return [
            ledger.claim_window(
                "weekly",
                start + n * DAY,
                closes=start + (n + 1) * DAY,
                state=WindowState.RUN,
                client="acme",
                run=f"r{n}",
            )
            for n in range(25)
        ]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(claim, ledgers * 2))
    assert [sum(one) for one in zip(*won, strict=True)] == [1] * 25
    for ledger in ledgers:
        ledger.close()


def test_decided_window_does_not_change(ledger: Ledger, start: datetime):
    due = {"closes": start + DAY, "client": "acme"}
    assert ledger.claim_window("weekly", start, state=WindowState.SKIPPED, why="holidays", **due)
    assert not ledger.claim_window("weekly", start, state=WindowState.RUN, run="r1", **due)
    assert ledger.claim_window(
        "weekly", start, state=WindowState.RUN, run="r1", closes=start + DAY, client="bolt"
    )
    assert {(w.client, w.state, w.why, w.run) for w in ledger.list_windows("weekly", since=start)} == {
        ("acme", WindowState.SKIPPED, "holidays", None),
        ("bolt", WindowState.RUN, "", "r1"),
    }


def test_version_keeps_its_first_sighting(ledger: Ledger, url: str, start: datetime):
    old, new = ("plugin", "forms", "1.1"), ("plugin", "forms", "1.2")
    assert ledger.see("shop", [old], start) == {old: start}
    assert ledger.see("shop", [old, new], start + DAY) == {old: start, new: start + DAY}
    assert ledger.see("blog", [old], start + DAY) == {old: start + DAY}
    newer = ("plugin", "forms", "1.3")
    with Ledger.open(url, read_only=True) as reader:
        assert reader.see("shop", [old, newer], start + 2 * DAY) == {old: start, newer: start + 2 * DAY}


def test_version_is_held_until_lifted(ledger: Ledger, start: datetime):
    assert ledger.add_hold("shop", "slider", "4.2", why="white page", evidence={"look": 3}, since=start)
    assert not ledger.add_hold("shop", "slider", "4.2", why="again")
    (hold,) = ledger.list_holds("shop")
    assert (hold.version, hold.why, hold.evidence, hold.since) == ("4.2", "white page", {"look": 3}, start)
    assert ledger.lift_hold("shop", "slider", at=start + DAY) == 1
    assert ledger.lift_hold("shop", "slider") == 0
    assert ledger.list_holds() == ()
    assert [hold.lifted for hold in ledger.list_holds(lifted=True)] == [start + DAY]
    assert ledger.add_hold("shop", "slider", "4.2", why="and again")


def test_expired_lease_is_taken_over_once(ledger: Ledger, start: datetime):
    ledger.acquire_lease("dead", host="here", pid=1, process_start="0", at=start)
    ledger.acquire_lease("alive", host="here", pid=2, process_start="0", at=start)
    later = start + LEASE + timedelta(seconds=1)
    assert not ledger.take_over("dead", by="early", at=start + LEASE)
    assert ledger.renew_lease("alive", at=later)
    assert [lease.executor for lease in ledger.living(at=later)] == ["alive"]
    assert [lease.executor for lease in ledger.dead(at=later)] == ["dead"]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: ledger.take_over("dead", by=f"p{n}", at=later), range(8)))
    assert won.count(True) == 1
    assert not ledger.take_over("alive", by="p1", at=later)
    assert not ledger.renew_lease("dead", at=later)
    assert ledger.dead(at=later) == ()
    ledger.release_lease("alive", at=later)
    assert ledger.living(at=later) == ()


def test_message_is_claimed_by_one_sender(ledger: Ledger, start: datetime):
    office = Recipient(address="office@acme.example", name="Office")
    message = {
        "client": "acme",
        "period": "2026-11",
        "recipients": [office],
        "subject": "Hi",
    }
    assert ledger.queue_delivery("<m1>", **message, message=b"From: x\r\n\xff", at=start)
    assert not ledger.queue_delivery("<m1>", **message, message=b"other", at=start)

    def send(_: int) -> bool:
        sending = [replace(office, state=DeliveryState.SENDING, attempts=1)]
        return ledger.move_delivery("<m1>", before={DeliveryState.QUEUED}, recipients=sending, at=start)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(8))).count(True) == 1
    sent = [replace(office, state=DeliveryState.SENT, attempts=1, reply="250 ok")]
    ledger.move_delivery(
        "<m1>", before={DeliveryState.SENDING}, recipients=sent, reply="250 ok", at=start + DAY
    )
    (delivery,) = ledger.list_deliveries(states={DeliveryState.SENT}, client="acme", period="2026-11")
    assert delivery.as_json() == {
        "message_id": "<m1>",
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
        "created": "2026-11-24T01:00:00.000Z",
        "updated": "2026-11-25T01:00:00.000Z",
    }
    assert ledger.message("<m1>") == b"From: x\r\n\xff"
    assert ledger.list_deliveries(states={DeliveryState.QUEUED}) == ()
    with pytest.raises(UnknownNameError):
        ledger.message("<m2>")


def test_report_replaces_one_of_same_kind(ledger: Ledger, start: datetime):
    ledger.record_report("acme", "2026-11", "draft", status="good", data={"a": 1}, created=start)
    ledger.record_report(
        "acme", "2026-11", "final", status="good", data={"a": 2}, html_sha256="ab", created=start
    )
    ledger.record_report("acme", "2026-11", "draft", status="action", data={"a": 3}, created=start + DAY)
    draft = ledger.report("acme", "2026-11", "draft")
    assert draft is not None
    assert (draft.status, draft.data, draft.created, draft.html_sha256) == (
        "action",
        {"a": 3},
        start + DAY,
        None,
    )
    assert ledger.report("acme", "2026-10", "final") is None


def test_backups_are_listed_newest_first(ledger: Ledger, start: datetime):
    for day, size in ((0, 10), (1, 0)):
        assert ledger.record_backup(
            f"s{day}",
            site="shop",
            client="acme",
            taken=start + day * DAY,
            store="archive",
            uri=f"/b/s{day}",
            size=size,
            manifest_sha256="00",
        )
    assert not ledger.record_backup(
        "s1", site="shop", client="acme", taken=start, store="x", uri="", size=1, manifest_sha256=""
    )
    ledger.backup_verified("s0", start + DAY)
    assert [
        (b.as_json()["snapshot"], b.as_json()["bytes"], b.as_json()["verified"])
        for b in ledger.list_backups()
    ] == [
        ("s1", 0, None),
        ("s0", 10, "2026-11-25T01:00:00.000Z"),
    ]
    ledger.backup_removed("s1", start + DAY)
    last = ledger.last_backup("shop")
    assert last is not None
    assert last.snapshot == "s0"
    assert last.files is None
    assert [b.snapshot for b in ledger.list_backups("shop", removed=True)] == ["s1", "s0"]
    assert ledger.last_backup("blog") is None
