"""From a ledger to the JSON document."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runner.model import ChangeOutcome, ItemKind, Outcome, StepOutcome
from runner.record import Ledger, LookView
from runner.report import build_report
from runner.report.document import report_document
from tests.record.book import create
from tests.report import samples


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


def test_json_has_every_section_with_data():
    document = json.loads(json.dumps(report_document(samples.attention())))
    assert {"client", "period", "status", "cards", "done", "undone", "backups", "next", "evidence"} <= set(
        document
    )
    assert (document["client"], document["period"], document["status"]) == ("acme", "2026-11", "attention")
    assert document["cards"]["updates"] == {"value": 10, "of": 11}
    assert document["undone"][0] | {"at": [], "why": ""} == {
        "about": "item",
        "outcome": "undone",
        "site": "shop",
        "item": "slider-deluxe",
        "kind": "plugin",
        "title": "Slider Deluxe",
        "from": "4.1",
        "to": "4.2",
        "at": [],
        "why": "",
        "parts": [],
        "waiting": False,
        "uncertain": False,
        "by_itself": "",
        "slowdown": None,
        "open": True,
        "solved": None,
    }
    assert document["next"] == [
        {
            "window": "weekly",
            "starts": "2026-12-01T01:00:00Z",
            "closes": "2026-12-01T03:00:00Z",
            "sites": ["shop", "blog"],
        }
    ]
    assert document["evidence"]["report"] == "R-2026-11-acme"
    assert document["evidence"]["days"] == {"with_data": 4, "of": 30}


def test_json_omits_sections_without_data():
    document = report_document(replace(samples.empty(), next=()))
    assert not {"cards", "done", "undone", "backups", "next", "availability", "risks"} & set(document)


def test_slower_page_is_issue_until_undone():
    why = "slower than before: / takes 2.1 s; it took 0.04 s"
    slow = samples.change("Slider", "4.1", "4.2", why=f"{why} (with one of 2 updates made together)")
    work = samples.work("shop", 10, slow)
    (point,) = report_document(samples.report(work))["undone"]
    assert (point["about"], point["slowdown"]) == ("slower", {"page": "/", "before": 0.04, "after": 2.1})
    assert (point["open"], samples.report(work).status) == (True, "attention")
    back = samples.change("Slider", "4.2", "4.1", Outcome.UNDONE)
    found = samples.report(work, samples.work("shop", 11, back, outcome=Outcome.UNDONE)).undone
    assert [one.open for one in found if one.about == "slower"] == [False]


def test_unknown_number_of_backups_is_not_guessed():
    (shop, _) = report_document(samples.report(*samples.CALM))["backups"]
    assert (shop["taken"], shop["expected"]) == (4, None)
    (shop, _) = report_document(samples.good())["backups"]
    assert (shop["taken"], shop["expected"]) == (4, 4)


def test_second_attempt_is_counted():
    found = samples.attention()
    assert [d.attempts for d in found.done if d.title == "Yoast SEO" and d.site == "blog"] == [2]


def test_report_is_built_from_ledger(ledger):
    began = samples.at(3)
    plugins = "wordpress.plugins"
    create(
        ledger,
        "{}",
        run="r1",
        playbook="weekly",
        title="Weekly",
        sites=[("shop", "acme", "web1", 0, 0), ("blog", "acme", "web1", 0, 1)],
        steps=[(plugins, plugins, "Update plugins")],
        started=began,
        trigger="manual",
    )
    for site, outcome in (("shop", Outcome.CHANGED), ("blog", Outcome.FAILED)):
        ledger.sites.started("r1", site, began)
        change = ChangeOutcome(
            item="woocommerce",
            kind=ItemKind.PLUGIN,
            from_version="9.8.1",
            to_version="9.8.3",
            outcome=outcome,
            why="" if outcome is Outcome.CHANGED else "the version on disk is 9.8.1",
            title="WooCommerce",
        )
        done = StepOutcome(step=plugins, outcome=outcome, seconds=3.0, changes=(change,))
        ledger.steps.finished("r1", site, done, began)
        ledger.sites.finished("r1", site, outcome, "", began)
    ledger.looks.record(
        LookView(
            site="shop", at=samples.at(3, 1, 9), phase="after", signal="page", healthy=True, run="r1", url="/"
        )
    )
    found = build_report(
        ledger,
        samples.client(),
        [samples.SHOP, samples.BLOG],
        samples.NOVEMBER,
        samples.SETTINGS,
        now=datetime(2026, 12, 1, tzinfo=UTC),
    )
    assert found.status == "action"
    assert [(line.name, line.state.value) for line in found.sites] == [
        ("shop", "healthy"),
        ("blog", "failed"),
    ]
    assert [(d.site, d.title, d.to_version) for d in found.done] == [("shop", "WooCommerce", "9.8.3")]
    assert [(p.site, p.outcome.value, p.why) for p in found.open] == [
        ("blog", "failed", "the version on disk is 9.8.1")
    ]
    assert found.evidence.runs == ("r1",)
