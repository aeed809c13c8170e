"""Undos in reports: a report agrees with what is installed, whenever the undo ran."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from runner.model import Client, ItemKind, Outcome, Period, Settings
from runner.record import Ledger
from runner.report import ReportData, build_report, render_html, render_text
from tests.record.book import at, back, change, create, inventory, site, work

NEW, OLD = "7.1.2", "7.1.1"
UPDATE = change("wordpress", OLD, NEW)
UNDO = back("wordpress", NEW, OLD)
LANGUAGES = ["en", *sorted(path.stem for path in (Path(__file__).parents[2] / "reports/locale").glob("*.po"))]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        opened.websites.sync(inventory(site("shop")), at=at(1))
        yield opened


def report(ledger: Ledger, month: str = "2026-11", language: str = "en") -> ReportData:
    return build_report(
        ledger,
        Client(id="acme", name="Acme", language=language),
        [site("shop")],
        Period.parse(month),
        Settings(),
        now=datetime(2027, 2, 1, tzinfo=UTC),
    )


def done(found: ReportData) -> list[tuple[str, str]]:
    return [(one.item, one.to_version) for one in found.done]


def points(found: ReportData) -> list[tuple[str, str, str, str, bool]]:
    return [(one.about, one.outcome, one.from_version, one.to_version, one.open) for one in found.undone]


def text_of(found: ReportData) -> str:
    return " ".join(render_text(found).split())


def test_undone_update_is_not_listed_as_done(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    found = report(ledger)
    assert done(found) == []
    assert points(found) == [("undo", "undone", NEW, OLD, True)]
    assert (
        "The update of Wordpress to 7.1.2 on shop.example was undone on 5 November."
        " shop.example has 7.1.1 again." in text_of(found)
    )
    assert "stays on" not in text_of(found)
    assert found.status == "attention"


@pytest.mark.parametrize("language", LANGUAGES)
def test_undo_is_the_same_in_text_and_html(ledger: Ledger, language: str):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    found = report(ledger, language=language)
    html = " ".join(unescape(render_html(found)).split())
    for text in (text_of(found), html):
        assert OLD in text
        assert NEW in text
    assert "stays on" not in html
    assert "bleibt bei" not in html


def test_partial_undo_leaves_other_updates_in_place(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE, change("forms", "1.0", "1.1"))
    work(
        ledger, "u1", at(5), UNDO, back("forms", "1.1", "1.0", Outcome.HELD, "is at 1.0 already"), undoes="r1"
    )
    found = report(ledger)
    assert done(found) == [("forms", "1.1")]
    assert points(found) == [("undo", "undone", NEW, OLD, True)]


def test_failed_undo_leaves_update_in_place(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), back("wordpress", NEW, OLD, Outcome.FAILED, "left as it was: x"), undoes="r1")
    found = report(ledger)
    assert done(found) == [("wordpress", NEW)]
    assert points(found) == [("undo", "failed", NEW, OLD, True)]
    assert "could not be undone on 5 November" in text_of(found)


def test_undo_that_succeeds_later_is_one_issue(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), back("wordpress", NEW, OLD, Outcome.FAILED), undoes="r1")
    work(ledger, "u2", at(6), UNDO, undoes="r1")
    found = report(ledger)
    assert (done(found), points(found)) == ([], [("undo", "undone", NEW, OLD, True)])


def test_undo_without_changes_has_no_effect(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    work(
        ledger, "u2", at(6), back("wordpress", OLD, OLD, Outcome.HELD, "is at 7.1.1 already"), undoes="r1",
        outcome=Outcome.HELD,
    )  # fmt: skip
    found = report(ledger)
    assert points(found) == [("undo", "undone", NEW, OLD, True)]
    assert found.undone[0].at == (at(5).replace(minute=2),)


def test_undo_of_undo_restores_update(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    work(ledger, "u2", at(6), back("wordpress", OLD, NEW), undoes="u1")
    found = report(ledger)
    assert done(found) == [("wordpress", NEW)]
    assert points(found) == [("undo", "undone", NEW, OLD, False)]
    assert "updated again on 6 November" in text_of(found)
    work(ledger, "u3", at(7), UNDO, undoes="u2")
    found = report(ledger)
    assert (done(found), points(found)) == ([], [("undo", "undone", NEW, OLD, True)])


def test_update_after_undo_is_in_place(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    work(ledger, "r2", at(10), change("wordpress", OLD, "7.1.3"))
    found = report(ledger)
    assert done(found) == [("wordpress", "7.1.3")]
    assert points(found) == [("undo", "undone", NEW, OLD, False)]
    assert [one.attempts for one in found.done] == [1]


def test_forced_undo_removes_later_update_too(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "r2", at(10), change("wordpress", NEW, "7.1.3"))
    work(ledger, "u1", at(11), back("wordpress", "7.1.3", OLD), undoes="r1")
    found = report(ledger)
    assert (done(found), points(found)) == ([], [("undo", "undone", "7.1.3", OLD, True)])
    work(ledger, "u2", at(12), back("wordpress", OLD, "7.1.3"), undoes="u1")
    assert done(report(ledger)) == [("wordpress", NEW), ("wordpress", "7.1.3")]


def test_undo_in_next_period_appears_in_both_reports(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5, month=12), UNDO, undoes="r1")
    november, december = report(ledger), report(ledger, "2026-12")
    assert (done(november), points(november)) == ([], [("undo", "undone", NEW, OLD, True)])
    assert "was undone on 5 December" in text_of(november)
    assert (done(december), points(december)) == ([], [("undo", "undone", NEW, OLD, True)])


def test_undo_of_undo_is_update_in_its_period(ledger: Ledger):
    work(ledger, "r1", at(3, month=10), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    work(ledger, "u2", at(5, month=12), back("wordpress", OLD, NEW), undoes="u1")
    assert points(report(ledger, "2026-10")) == [("undo", "undone", NEW, OLD, False)]
    assert done(report(ledger, "2026-10")) == [("wordpress", NEW)]
    assert points(report(ledger)) == [("undo", "undone", NEW, OLD, False)]
    assert done(report(ledger, "2026-12")) == [("wordpress", NEW)]


def test_undo_of_other_period_is_not_shown(ledger: Ledger):
    work(ledger, "r1", at(3, month=10), UPDATE)
    work(ledger, "r2", at(3), change("forms", "1.0", "1.1"))
    work(ledger, "u1", at(5, month=12), UNDO, undoes="r1")
    found = report(ledger)
    assert (done(found), points(found)) == ([("forms", "1.1")], [])


def test_undone_and_held_item_is_one_issue(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    work(ledger, "u1", at(5), UNDO, undoes="r1")
    held = change(
        "wordpress", OLD, NEW, Outcome.HELD, "held, for 7.1.2 broke this site: put back by hand: u1"
    )
    work(ledger, "r2", at(10), held)
    found = report(ledger)
    assert points(found) == [("undo", "undone", NEW, OLD, True)]
    assert "The update is on hold." in text_of(found)
    assert "broke" not in text_of(found)


def test_unhealthy_site_after_undo_needs_action(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    why = "the site is unhealthy after the undo: / answers 500 where 200 is expected"
    work(ledger, "u1", at(5), UNDO, undoes="r1", outcome=Outcome.FAILED, why=why, healthy=False)
    found = report(ledger)
    assert found.status == "action"
    assert done(found) == []
    assert ("undo", "undone", NEW, OLD, True) in points(found)


def test_restored_database_is_reported(ledger: Ledger):
    work(ledger, "r1", at(3), UPDATE)
    database = change("database", "now", "2026-11-03 01:00", Outcome.UNDONE, kind=ItemKind.DATABASE)
    work(ledger, "u1", at(5), UNDO, database, undoes="r1")
    found = report(ledger)
    assert {(one.kind, one.outcome) for one in found.undone} == {("core", "undone"), ("database", "undone")}
    assert "The database of shop.example was restored on 5 November to an earlier state." in text_of(found)


def test_rollback_within_run_is_no_undo(ledger: Ledger):
    work(ledger, "r1", at(3), change("wordpress", OLD, NEW, Outcome.UNDONE, "the site does not boot with it"))
    found = report(ledger)
    assert (done(found), points(found)) == ([], [("item", "undone", OLD, NEW, True)])
    assert "shop.example stays on 7.1.1" in text_of(found)


def test_unreachable_site_with_many_steps_is_one_issue(ledger: Ledger):
    why = "unknown host key SHA256:abc, type: sitecrew trust web1"
    steps = [(kind, kind, "") for kind in ("backup", "wordpress.plugins", "wordpress.themes", "shell")]
    create(ledger,
        "{}", run="r1", playbook="weekly", title="", sites=[("shop", "acme", "web1", 0, 0)], steps=steps,
        started=at(3), trigger="manual",
    )  # fmt: skip
    ledger.sites.finished("r1", "shop", Outcome.UNREACHABLE, why, at(3))
    found = report(ledger)
    assert [(one.about, one.outcome) for one in found.undone] == [("site", "unreachable")]
    for text in (render_text(found), render_html(found)):
        assert "SHA256" not in text
        assert "sitecrew" not in text


def test_update_replaced_by_undo_of_undo_is_not_in_place(ledger: Ledger):
    work(ledger, "r1", at(3), change("forms", "1.0", "1.1"))
    work(ledger, "u1", at(4), back("forms", "1.1", "1.0"), undoes="r1")
    work(ledger, "r2", at(5), change("forms", "1.0", "1.2"))
    work(ledger, "r3", at(6), change("forms", "1.2", "1.3"))
    work(ledger, "u2", at(7), back("forms", "1.3", "1.1"), undoes="u1")
    assert done(report(ledger)) == [("forms", "1.1")]
