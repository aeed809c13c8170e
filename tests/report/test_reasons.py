"""Recorded reasons as clients read them."""

from __future__ import annotations

import pytest

from runner.model import Outcome
from runner.report.reasons import cause_of, reason
from runner.report.render import words_of
from tests.report import samples


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        (
            "announced without a package to download: the licence is missing or has run out",
            "Its licence is missing or has expired, so the vendor does not provide it.",
        ),
        ("needs PHP 8.3; the site has 8.1.2", "It requires PHP 8.3; the site runs on 8.1.2."),
        (
            "major updates of core are held by the policy",
            "We install major updates only after agreeing on them with you.",
        ),
        ("held until 2026-12-24: Christmas sales", "Christmas sales (until 24 December 2026)"),
        ("held: Christmas sales", "Christmas sales"),
        ("paused until 2026-12-24: Christmas sales", "Christmas sales (until 24 December 2026)"),
        ("paused until 2026-12-24", "The pause ends after 24 December 2026."),
        (
            "needs about 2 h 32 min, the window is open for 2 h",
            "The maintenance window was too short for it.",
        ),
        ("the window closes at 2026-11-28 06:00 UTC", "The maintenance window was too short for it."),
        (
            "held, for 4.2 broke this site: /cart/",
            "This version broke the site before; we are waiting for a newer one.",
        ),
        (
            "held, since 4.2 was undone by hand (Ann, undo-1) (to install it again: sitecrew unhold x y)",
            "We removed this version from the site; we are waiting for a newer one.",
        ),
        (
            "a minor update: waits until 2026-12-04 01:00 UTC, 7 days after it was first seen",
            "It is new; we will wait until 4 December 2026 before we install it.",
        ),
        ("the version on disk is still 9.8.1, not 9.8.3", "The update did not take effect."),
        ("/cart/ answers 500 where 200 is expected", "A page returned an error (500)."),
        ("lacks the text 'Add to cart'", "A required text was missing from a page."),
        ("an unknown reason {why}", ""),
    ],
)
def test_known_reasons_become_client_sentences(why, sentence):
    assert reason(why, words_of(samples.good())) == sentence


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        ("announced without a package to download", "offered without a package to download"),
        ("this login may not write to its folder", "this login cannot write to its folder"),
        ("wordpress.org could not be asked, so", "wordpress.org could not be reached: x"),
        ("wordpress.org could not be asked, so", "no answer from wordpress.org, so"),
        ("the site does not boot with it: x", "the site does not start with it: x"),
        ("the site does not boot any more: x", "the site no longer starts: x"),
    ],
)
def test_older_wordings_have_the_same_cause(earlier, now):
    assert cause_of(earlier) is cause_of(now) is not None


def test_reason_is_in_the_clients_language():
    german = words_of(samples.good(language="de"))
    assert reason("wordpress.org could not be asked, so", german) == "wordpress.org hat nicht geantwortet."


@pytest.mark.parametrize(
    "why",
    [
        "held: your account is locked, call +49 170 1234567",
        "lacks the text 'call +49 170 1234567'",
        "needs PHP 49.170.1234567; the site has 0.1",
        "needs WordPress 491701234567; the site has 1",
        "x answers 500 where 200 is expected. Call +49 170 1234567 or see https://evil.example",
    ],
)
def test_untrusted_text_in_a_reason_is_dropped(why):
    said = reason(why, words_of(samples.good()), Outcome.FAILED)
    assert "170" not in said
    assert "evil" not in said
