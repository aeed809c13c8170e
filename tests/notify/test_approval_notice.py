"""The notice of plans that wait for approval: what will be done, and what to type."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner.model import Action, Change, ItemKind, SitePlan
from runner.notify import Planned, approval_notice
from runner.record import ApprovalState
from tests.plan.test_approval import STARTS, approval


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def change(item: str, to: str, action: Action = Action.CHANGE) -> Change:
    return Change(
        step="plugins", item=item, kind=ItemKind.PLUGIN, from_version="1.0", to_version=to, action=action
    )


SHOP = SitePlan(
    site="shop",
    client="acme",
    changes=(change("woo", "2.0"), change("seo", "1.1"), change("big", "3.0", Action.HOLD)),
)
WAITING = Planned(view=approval(ApprovalState.WAITING, "shop"), playbook="weekly", sites={"shop": SHOP})


def test_notice_has_changes_and_commands():
    notice = approval_notice([WAITING])
    assert notice.subject == (
        "weekly, Tue 2027-01-05 02:00 UTC: 2 changes on 1 site to approve until Tue 2027-01-05 03:00 UTC"
    )
    client, site = notice.items
    assert client.command == "sitecrew approve weekly-20270105-0200-acme"
    assert "sitecrew decline weekly-20270105-0200-acme --why TEXT" in client.text
    assert (site.title, site.text) == ("shop (acme)", "woo 1.0 -> 2.0, seo 1.0 -> 1.1")
    assert not notice.good


def test_failed_plan_has_its_reason_and_how_to_repeat_it():
    failed = Planned(
        view=approval(ApprovalState.FAILED, why="web1: connection refused"), playbook="weekly", sites={}
    )
    [item] = approval_notice([failed]).items
    assert item.text == "could not be planned: web1: connection refused"
    assert item.command == "sitecrew plan weekly -l client:acme"
    both = approval_notice([WAITING, failed])
    assert both.subject.endswith("; 1 client could not be planned") or both.subject.endswith(
        ", 1 client could not be planned"
    )


def test_site_without_updates_is_described():
    empty = Planned(
        view=approval(ApprovalState.WAITING, "shop"),
        playbook="weekly",
        sites={"shop": SitePlan(site="shop", client="acme")},
    )
    _, site = approval_notice([empty]).items
    assert site.text == "no updates; the other steps of the playbook run"


def test_second_plan_of_an_opening_has_another_topic():
    from dataclasses import replace

    later = replace(WAITING, view=replace(WAITING.view, made=STARTS - timedelta(hours=1)))
    assert approval_notice([WAITING]).topic != approval_notice([later]).topic
