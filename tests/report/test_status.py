"""Is all well? The status and the sentences at the top, month by month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.errors import UsageError
from runner.model import ItemKind, Outcome, Period
from runner.record import WindowState
from runner.report.lines import point
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
DID = "We did nine updates on four days and took eight backups."


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
                    "We did nine updates on four days and took all eight planned backups. "
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
            ("good", FINE, "We did one update on 3 November. You do not need to do anything."),
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
                    "since the last work there."
                ),
                "We did one update on 3 November.",
            ),
            id="nobody looked, so nobody says healthy",
        ),
        pytest.param(
            (work("shop", 3, change("A", "1", "2")),),
            {"backups": ()},
            (
                "good",
                "The work on your websites went as planned.",
                (
                    "We did one update on 3 November. Nothing was done on blog.acme.example. "
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
                "Nothing was done on your two websites in November 2026.",
                "We have no measurements of that time.",
            ),
            id="nothing done",
        ),
        pytest.param(
            (),
            {"backups": (), "looks": (), "sites": (samples.SHOP,)},
            (
                "attention",
                "Nothing was done on your website in November 2026.",
                "We have no measurements of that time.",
            ),
            id="nothing done on the only site",
        ),
        pytest.param(
            (*CALM, work("shop", 24, held(), outcome=Outcome.HELD, hour=2)),
            {},
            ("attention", f"{FINE} One update is waiting.", DID),
            id="held",
        ),
        pytest.param(
            (
                *CALM,
                work("shop", 24, change("S", "1", "2", Outcome.UNDONE), outcome=Outcome.UNDONE, hour=2),
            ),
            {},
            ("attention", f"{FINE} One update was taken back.", DID),
            id="undone",
        ),
        pytest.param(
            (*CALM, work("shop", 24, failed_update(), outcome=Outcome.FAILED, hour=2)),
            {},
            (
                "action",
                "There is a problem with acme.example.",
                (
                    "The last work there did not end as it should. What we know about it is further down. "
                    f"{DID} If you notice anything unusual, please answer this mail."
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
                    "The last work there did not end as it should. What we know about it is further down. "
                    "We did nine updates on four days. "
                    "If you notice anything unusual, please answer this mail."
                ),
            ),
            id="lost now",
        ),
        pytest.param(
            (work("shop", 3, failed_update(), outcome=Outcome.FAILED), *CALM),
            {},
            ("attention", f"{FINE} One update could not be done.", DID),
            id="failed first, well since, but never done",
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
                "We did ten updates on four days and took eight backups. You do not need to do anything.",
            ),
            id="failed first, done later",
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
            id="unreachable once, well since",
        ),
        pytest.param(
            CALM,
            {"windows": (window(18, WindowState.MISSED, "nobody was there to start it"),)},
            ("attention", f"{FINE} One planned window did not take place.", DID),
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
                f"{FINE} Two points are open.",
                f"{DID} One update was taken back. One update is waiting.",
            ),
            id="two sorts of points",
        ),
    ],
)
def test_the_sentences_of_a_month(works, more, expected):
    assert said(report(*works, **more)) == expected


def test_a_failure_that_a_cancelled_or_skipped_run_came_after_is_still_one():
    broken = work("shop", 24, failed_update(), outcome=Outcome.FAILED, hour=2)
    for outcome in (Outcome.CANCELLED, Outcome.SKIPPED, Outcome.UNREACHABLE, None):
        assert report(*CALM, broken, work("shop", 25, outcome=outcome)).status == "action"


def test_a_held_update_that_is_seen_each_week_is_one_point():
    weeks = [work("shop", day, held(), outcome=Outcome.HELD) for day in samples.WEEKS]
    (found,) = report(*weeks, work("blog", 3, outcome=Outcome.OK)).open
    assert (found.outcome, len(found.at), found.title, found.to_version) == (
        Outcome.HELD,
        4,
        "WordPress",
        "8.0",
    )


def test_an_update_that_was_undone_and_held_since_is_one_point():
    undone = work("shop", 10, change("S", "1", "2", Outcome.UNDONE, "broke"), outcome=Outcome.UNDONE)
    since = work("shop", 17, change("S", "1", "2", Outcome.HELD, "held"), outcome=Outcome.HELD)
    found = report(undone, since, work("blog", 3, outcome=Outcome.OK))
    (one,) = found.open
    assert (one.outcome, one.waiting, one.why) == (Outcome.UNDONE, True, "broke")
    assert (
        point(one, found, words_of(found))
        == "Taken back on 10 November. acme.example stays on 1. The update is on hold."
    )


def test_a_failed_step_is_said_once_and_not_again_for_the_site():
    broken = work("shop", 24, outcome=Outcome.FAILED, failures=(failure("backup", "no space"),), hour=2)
    found = report(*CALM, broken, backups=())
    assert [(p.about.value, p.why) for p in found.open] == [("backup", "no space")]
    assert point(found.open[0], found, words_of(found)) == (
        "The backup of acme.example could not be taken on 24 November."
    )


def test_a_backup_that_failed_and_was_taken_later_is_solved():
    broken = work("shop", 3, outcome=Outcome.FAILED, failures=(failure("backup", "no space"),))
    (found,) = report(*CALM, broken).undone
    assert not found.open


def test_a_question_that_nobody_answered_is_not_an_update_that_failed():
    asked = change("plugins", "", "", Outcome.FAILED, "wordpress.org could not be asked")
    found = report(*CALM, work("shop", 24, asked, outcome=Outcome.FAILED, hour=2))
    (one,) = found.open
    assert point(one, found, words_of(found)) == (
        "Whether there are updates for acme.example could not be found out on 24 November."
    )
    assert found.cards["updates"].of == 9


def test_what_was_left_out_on_purpose_is_no_point():
    left = change("WooCommerce", "9.8", "9.9", Outcome.SKIPPED, "left out by `except`")
    assert report(*CALM, work("shop", 24, left, hour=2)).undone == ()


def test_days_are_those_of_the_client():
    late = work("shop", 3, change("A", "1", "2"), hour=23)  # 23:07 UTC
    for timezone, day in (("Europe/Berlin", "4 November"), ("America/New_York", "3 November")):
        found = report(late, backups=(), timezone=timezone, sites=(samples.SHOP,))
        assert f"on {day}." in lead(found, words_of(found))


def test_a_period_that_has_not_begun_has_no_report():
    with pytest.raises(UsageError, match="has not begun"):
        report(now=datetime(2026, 10, 31, 22, 0, tzinfo=UTC))


def test_a_period_that_is_not_over_is_an_interim_of_its_day():
    running, over = report(*CALM, now=at(23)), report(*CALM)
    assert (running.complete, running.kind, running.evidence.days) == (False, "interim-2026-11-23", 23)
    assert (over.complete, over.kind, over.evidence.days) == (True, "final", 30)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("2026-11", "Your websites, November 2026: all well"),
        ("2026-W48", "Your websites, week 48 of 2026: all well"),
        ("2026-Q4", "Your websites, 4th quarter 2026: all well"),
    ],
)
def test_the_subject_names_the_period(key, text):
    works = (work("shop", 24), work("blog", 24))
    found = report(*works, period=Period.parse(key), now=datetime(2027, 1, 2, tzinfo=UTC))
    assert subject(found, words_of(found)) == text
