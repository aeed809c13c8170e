"""A report says that a site stays on a version only if that version was read after the failure."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from runner.model import Client, ItemKind, Outcome, Period, Settings
from runner.record import Ledger
from runner.record.database import FOR_WRITING
from runner.record.migrate import upgrade
from runner.record.sqlite import _engine
from runner.report import ReportData, build_report, render_html, render_text
from tests.record.book import at, change, inventory, site, work

LANGUAGES = ["en", *sorted(path.stem for path in (Path(__file__).parents[2] / "reports/locale").glob("*.po"))]
STAYS = {"en": ("stays on", "keeps its current versions"), "de": ("bleibt auf Version", "behält")}
NOT_CERTAIN = {"en": "not yet certain", "de": "steht noch nicht fest"}
WHY = "answers 500; and after it was taken back: answers 500"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        opened.websites.sync(inventory(site("shop")), at=at(1))
        yield opened


def report(ledger: Ledger, language: str = "en") -> ReportData:
    return build_report(
        ledger,
        Client(id="acme", name="Acme", language=language),
        [site("shop")],
        Period.parse("2026-11"),
        Settings(),
        now=datetime(2027, 2, 1, tzinfo=UTC),
    )


def documents(found: ReportData) -> list[str]:
    return [" ".join(unescape(one).split()) for one in (render_text(found), render_html(found))]


def failed(item: str = "forms", **more: object):
    return change(item, "1.0", "1.1", Outcome.FAILED, WHY, **more)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNDONE, Outcome.CANCELLED])
def test_unread_version_is_called_uncertain(ledger: Ledger, language: str, outcome: Outcome):
    work(ledger, "r1", at(3), change("forms", "1.0", "1.1", outcome, WHY, uncertain=True))
    for document in documents(report(ledger, language)):
        assert NOT_CERTAIN[language] in document
        assert not any(claim in document for claim in STAYS[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_version_read_after_failure_is_shown(ledger: Ledger, language: str):
    work(ledger, "r1", at(3), failed())
    for document in documents(report(ledger, language)):
        assert f"{STAYS[language][0]} 1.0" in document
        assert NOT_CERTAIN[language] not in document


@pytest.mark.parametrize("language", LANGUAGES)
def test_uncertain_packages_are_not_called_unchanged(ledger: Ledger, language: str):
    package = {"kind": ItemKind.PACKAGE, "uncertain": True}
    work(ledger, "r1", at(3), failed("nginx", **package), failed("openssl", **package))
    for document in documents(report(ledger, language)):
        assert NOT_CERTAIN[language] in document
        assert not any(claim in document for claim in STAYS[language])


def test_certain_and_uncertain_packages_are_two_issues(ledger: Ledger):
    package = {"kind": ItemKind.PACKAGE}
    work(ledger, "r1", at(3), failed("nginx", **package), failed("openssl", **package, uncertain=True))
    assert sorted(point.uncertain for point in report(ledger).undone) == [False, True]


def test_later_run_with_old_version_removes_uncertainty(ledger: Ledger):
    work(ledger, "r1", at(3), failed(uncertain=True))
    work(ledger, "r2", at(10), change("forms", "1.0", "1.1", Outcome.HELD, "held: Christmas sales"))
    (point,) = (one for one in report(ledger).undone if one.item == "forms")
    assert (point.outcome, point.uncertain) == (Outcome.FAILED, False)


def test_later_run_with_other_version_stays_uncertain(ledger: Ledger):
    work(ledger, "r1", at(3), failed(uncertain=True))
    work(ledger, "r2", at(10), change("forms", "1.1", "1.2", Outcome.HELD, "held: Christmas sales"))
    assert [point.uncertain for point in report(ledger).undone if point.item == "forms"] == [True]


def test_ledger_stores_uncertainty(ledger: Ledger):
    work(ledger, "r1", at(3), failed(uncertain=True), failed("slider"))
    (step,) = ledger.runs.show("r1").sites[0].steps
    assert [one.as_json()["uncertain"] for one in step.changes] == [True, False]


def test_upgrade_derives_uncertainty_from_reason(tmp_path: Path):
    file = tmp_path / "ledger.db"
    file.touch()
    engine = _engine(file, "mode=rw")
    with engine.connect().execution_options(**{FOR_WRITING: True}) as connection, connection.begin():
        upgrade(connection, "0009")
    engine.dispose()
    with closing(sqlite3.connect(file)) as plain, plain:  # keeps no foreign keys
        plain.executemany(
            "INSERT INTO changes (run, site, step, position, kind, item, title, from_version, to_version,"
            " outcome, why, finished)"
            " VALUES ('r', 's', 't', ?, 'plugin', 'x', '', '1', '2', 'failed', ?, '')",
            enumerate((WHY, "not done: cut off")),
        )
    Ledger.open(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as plain:
        rows = plain.execute("SELECT uncertain FROM changes ORDER BY position")
        assert [bool(one) for (one,) in rows] == [True, False]
