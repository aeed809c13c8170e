"""The status of a report and the sentences at its top."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.errors import UsageError
from runner.model import ItemKind, Outcome, Period
from runner.record import WhyNot, WindowState
from runner.report.data import About
from runner.report.lines import point
from runner.report.reasons import reason as reason_of
from runner.report.render import words_of
from runner.report.sentences import headline, lead, subject
from tests.report import samples
from tests.report.samples import CALM, at, change, failure, report, window, work


def said(found):
    words = words_of(found)
    return found.status.value, headline(found, words), lead(found, words)


def failed_update(why="the package could not be unpacked"):
    return change("Slider", "4.1", "4.2", Outcome.FAILED, why)


def held():
    return change("WordPress", "7.0.2", "8.0", Outcome.HELD, "a major version", ItemKind.CORE)


FINE = "Your two websites are healthy."
DID = "We installed nine updates on four days and took eight backups."


@pytest.mark.parametrize(
    ("works", "more", "expected"),
    [
        pytest.param(CALM, {}, ("good", FINE, f"{DID} You do not need to do anything."), id="calm"),
        pytest.param(
            CALM,
            {"expected": {"shop": 4, "blog": 4}},
            (
                "good",
                FINE,
                (
                    "We installed nine updates on four days and took all eight planned backups. "
                    "You do not need to do anything."
                ),
            ),
            id="every planned backup",
        ),
        pytest.param(
            CALM,
            {"expected": {"shop": 4, "blog": 5}},
            ("attention", f"{FINE} Backups of one website are missing.", DID),
            id="a planned backup is missing",
        ),
        pytest.param(
            (work("shop", 3, change("A", "1", "2")), work("blog", 3, outcome=Outcome.OK)),
            {"backups": ()},
            ("good", FINE, "We installed one update on 3 November. You do not need to do anything."),
            id="one update",
        ),
        pytest.param(
            (work("shop", 3, outcome=Outcome.OK), work("blog", 3, outcome=Outcome.OK)),
            {"backups": samples.BACKUPS[:1]},
            (
                "good",
                FINE,
                "There was nothing to update. We took one backup. You do not need to do anything.",
            ),
            id="nothing to update",
        ),
        pytest.param(
            (work("shop", 3, change("A", "1", "2")), work("blog", 3, outcome=Outcome.OK)),
            {"backups": (), "looks": ()},
            (
                "attention",
                (
                    "We have not been able to check acme.example and blog.acme.example "
                    "since the last maintenance."
                ),
                "We installed one update on 3 November.",
            ),
            id="no look, so not called healthy",
        ),
        pytest.param(
            (work("shop", 3, change("A", "1", "2")),),
            {"backups": ()},
            (
                "good",
                "The maintenance of your websites went as planned.",
                (
                    "We installed one update on 3 November. No maintenance was done on blog.acme.example. "
                    "You do not need to do anything."
                ),
            ),
            id="one site untouched",
        ),
        pytest.param(
            (),
            {"backups": (), "looks": ()},
            (
                "attention",
                "No maintenance was done on your two websites in November 2026.",
                "We have no data for that time.",
            ),
            id="no maintenance",
        ),
        pytest.param(
            (),
            {"backups": (), "looks": (), "sites": (samples.SHOP,)},
            (
                "attention",
                "No maintenance was done on your website in November 2026.",
                "We have no data for that time.",
            ),
            id="no maintenance on the only site",
        ),
        pytest.param(
            (*CALM, work("shop", 24, held(), outcome=Outcome.HELD, hour=2)),
            {},
            ("attention", f"{FINE} One update is on hold.", DID),
            id="held",
        ),
        pytest.param(
            (
                *CALM,
                work("shop", 24, change("S", "1", "2", Outcome.UNDONE), outcome=Outcome.UNDONE, hour=2),
            ),
            {},
            ("attention", f"{FINE} One update was rolled back.", DID),
            id="undone",
        ),
        pytest.param(
            (*CALM, work("shop", 24, failed_update(), outcome=Outcome.FAILED, hour=2)),
            {},
            (
                "action",
                "There is a problem with acme.example.",
                (
                    "The last maintenance there was not successful. Details are below. "
                    f"{DID} If you notice anything unusual, please reply to this email."
                ),
            ),
            id="failed now",
        ),
        pytest.param(
            (
                *CALM,
                work("shop", 24, outcome=Outcome.LOST, hour=2),
                work("blog", 24, outcome=Outcome.LOST, hour=2),
            ),
            {"backups": ()},
            (
                "action",
                "There is a problem with acme.example and blog.acme.example.",
                (
                    "The last maintenance there was not successful. Details are below. "
                    "We installed nine updates on four days. "
                    "If you notice anything unusual, please reply to this email."
                ),
            ),
            id="lost now",
        ),
        pytest.param(
            (work("shop", 3, failed_update(), outcome=Outcome.FAILED), *CALM),
            {},
            ("attention", f"{FINE} One update could not be installed.", DID),
            id="failed first, healthy since, never installed",
        ),
        pytest.param(
            (
                work("shop", 2, failed_update(), outcome=Outcome.FAILED),
                work("shop", 3, change("Slider", "4.1", "4.2"), hour=4),
                *CALM,
            ),
            {},
            (
                "good",
                FINE,
                (
                    "We installed ten updates on four days and took eight backups. "
                    "You do not need to do anything."
                ),
            ),
            id="failed first, installed later",
        ),
        pytest.param(
            (*CALM, work("blog", 25, outcome=Outcome.UNREACHABLE)),
            {},
            ("attention", "We could not reach blog.acme.example.", DID),
            id="unreachable now",
        ),
        pytest.param(
            (work("blog", 2, outcome=Outcome.UNREACHABLE), *CALM),
            {},
            ("good", FINE, f"{DID} You do not need to do anything."),
            id="unreachable once, healthy since",
        ),
        pytest.param(
            CALM,
            {"windows": (window(18, WindowState.MISSED, "nobody was there to start it"),)},
            ("attention", f"{FINE} One planned maintenance window did not run.", DID),
            id="missed window",
        ),
        pytest.param(
            CALM,
            {"windows": (window(27, WindowState.SKIPPED, "blackout"),)},
            ("good", FINE, f"{DID} You do not need to do anything."),
            id="a blackout was agreed",
        ),
        pytest.param(
            (
                *CALM,
                work("shop", 24, held(), outcome=Outcome.HELD, hour=2),
                work("blog", 24, change("S", "1", "2", Outcome.UNDONE), outcome=Outcome.UNDONE, hour=2),
            ),
            {},
            (
                "attention",
                f"{FINE} There are two open issues.",
                f"{DID} One update was rolled back. One update is on hold.",
            ),
            id="two kinds of issues",
        ),
    ],
)
def test_status_and_sentences_of_a_month(works, more, expected):
    assert said(report(*works, **more)) == expected


def test_cancelled_or_skipped_run_does_not_hide_failure():
    broken = work("shop", 24, failed_update(), outcome=Outcome.FAILED, hour=2)
    for outcome in (Outcome.CANCELLED, Outcome.SKIPPED, Outcome.UNREACHABLE, None):
        assert report(*CALM, broken, work("shop", 25, outcome=outcome)).status == "action"


def test_update_held_for_weeks_is_one_issue():
    weeks = [work("shop", day, held(), outcome=Outcome.HELD) for day in samples.WEEKS]
    (found,) = report(*weeks, work("blog", 3, outcome=Outcome.OK)).open
    assert (found.outcome, len(found.at), found.title, found.to_version) == (
        Outcome.HELD,
        4,
        "WordPress",
        "8.0",
    )


def test_rolled_back_and_held_update_is_one_issue():
    undone = work("shop", 10, change("S", "1", "2", Outcome.UNDONE, "broke"), outcome=Outcome.UNDONE)
    since = work("shop", 17, change("S", "1", "2", Outcome.HELD, "held"), outcome=Outcome.HELD)
    found = report(undone, since, work("blog", 3, outcome=Outcome.OK))
    (one,) = found.open
    assert (one.outcome, one.waiting, one.why) == (Outcome.UNDONE, True, "broke")
    assert (
        point(one, found, words_of(found))
        == "Rolled back on 10 November. acme.example stays on 1. The update is on hold."
    )


def test_failed_step_is_not_repeated_for_site():
    broken = work("shop", 24, outcome=Outcome.FAILED, failures=(failure("backup", "no space"),), hour=2)
    found = report(*CALM, broken, backups=())
    assert [(p.about.value, p.why) for p in found.open] == [("backup", "no space")]
    assert point(found.open[0], found, words_of(found)) == (
        "The backup of acme.example failed on 24 November."
    )


def test_later_backup_resolves_failed_one():
    broken = work("shop", 3, outcome=Outcome.FAILED, failures=(failure("backup", "no space"),))
    (found,) = report(*CALM, broken).undone
    assert not found.open


def test_failed_update_check_is_not_failed_update():
    asked = change("plugins", "", "", Outcome.FAILED, "wordpress.org could not be reached")
    found = report(*CALM, work("shop", 24, asked, outcome=Outcome.FAILED, hour=2))
    (one,) = found.open
    assert point(one, found, words_of(found)) == (
        "We could not check acme.example for updates on 24 November."
    )
    assert found.cards["updates"].of == 9


def test_intentional_skip_is_no_issue():
    left = change("WooCommerce", "9.8", "9.9", Outcome.SKIPPED, "left out by `except`")
    assert report(*CALM, work("shop", 24, left, hour=2)).undone == ()


def test_days_are_in_clients_time_zone():
    late = work("shop", 3, change("A", "1", "2"), hour=23)  # 23:07 UTC
    for timezone, day in (("Europe/Berlin", "4 November"), ("America/New_York", "3 November")):
        found = report(late, backups=(), timezone=timezone, sites=(samples.SHOP,))
        assert f"on {day}." in lead(found, words_of(found))


def test_future_period_is_refused():
    with pytest.raises(UsageError, match="has not started"):
        report(now=datetime(2026, 10, 31, 22, 0, tzinfo=UTC))


def test_unfinished_period_gives_interim_report():
    running, over = report(*CALM, now=at(23)), report(*CALM)
    assert (running.complete, running.kind, running.evidence.days) == (False, "interim-2026-11-23", 23)
    assert (over.complete, over.kind, over.evidence.days) == (True, "final", 30)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("2026-11", "Your websites, November 2026: all good"),
        ("2026-W48", "Your websites, week 48 of 2026: all good"),
        ("2026-Q4", "Your websites, 4th quarter 2026: all good"),
    ],
)
def test_subject_names_period(key, text):
    works = (work("shop", 24), work("blog", 24))
    found = report(*works, period=Period.parse(key), now=datetime(2027, 1, 2, tzinfo=UTC))
    assert subject(found, words_of(found)) == text


@pytest.mark.parametrize(
    "why", [WhyNot.BUSY, "the run before was still working"], ids=["now", "earlier version"]
)
def test_window_skipped_for_previous_run_counts_as_missed(why):
    found = report(*CALM, windows=(window(10, WindowState.SKIPPED, why),))
    assert [(point.about, point.outcome) for point in found.open] == [(About.WINDOW, Outcome.MISSED)]


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("not approved", "It was not approved in time."),
        ("declined by ann on 2026-11-09: After the sale", "After the sale"),
        ("could not be planned: web1: no connection", "It could not be prepared."),
        ("the approved plan no longer applies: woo: 2.0 is offered now", "The website had changed"),
    ],
)
def test_site_without_approved_plan_is_listed_with_its_reason(why: str, reason: str):
    found = report(*CALM, work("shop", 28, outcome=Outcome.SKIPPED, why=why))
    [issue] = [one for one in found.open if one.about is About.APPROVAL]
    words = words_of(found)
    said = point(issue, found, words)
    assert said == "The planned maintenance of acme.example on 28 November was postponed."
    assert reason_of(issue.why, words, issue.outcome).startswith(reason)
    assert found.status == "good"


def test_postponed_maintenance_is_resolved_by_a_later_run():
    skipped = work("shop", 10, outcome=Outcome.SKIPPED, why="not approved")
    found = report(*CALM, skipped, work("shop", 12, outcome=Outcome.OK))
    [issue] = [one for one in found.undone if one.about is About.APPROVAL]
    assert not issue.open
