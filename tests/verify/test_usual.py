"""Usual findings of sites that look unhealthy on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner.model import Rest, SiteKind, StatedPage
from runner.verify import examine, observe, settle
from tests.verify.designs import (
    ANYWHERE,
    DESIGNS,
    ELSEWHERE,
    FATAL,
    IN_PAGES,
    QUOTE,
    coming_soon,
    headless_404,
    headless_redirect,
    members,
    quotes_critical,
    quotes_database,
    rest_closed,
    rest_goes_home,
    rest_hangs_up,
    rest_silent,
    wp_die,
    wp_die_200,
)
from tests.verify.shop import FAST
from tests.verify.wordpress import ERROR, PAGE, WordPress, leads, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.verify import Signals
    from tests.verify.shop import Handler, Shop

    Change = Callable[[WordPress], None]

_WITH_PAGES = [coming_soon, wp_die, wp_die_200, members, quotes_database, quotes_critical]
_EVERY = [
    *((design, name, change) for design in DESIGNS for name, change in ANYWHERE.items()),
    *((design, name, change) for design in _WITH_PAGES for name, change in IN_PAGES.items()),
]
# one in six by default, so that each design and each change is among them
CHANGES = [
    pytest.param(*one, marks=[pytest.mark.long] if number % 6 else []) for number, one in enumerate(_EVERY)
]


@pytest.fixture
def wordpress(shop: Shop) -> WordPress:
    return WordPress(shop)


def settled(wordpress: WordPress, *, boots: bool = True) -> Signals:
    first = observe(wordpress.site, timing=replace(FAST, limit=2.0, maintenance_wait=0.0))
    return settle(wordpress.site, first, boots=boots, timing=replace(FAST, limit=2.0))


def verdict(wordpress: WordPress, before: Signals) -> tuple[str, ...]:
    return examine(wordpress.site, before, patience=0.0, timing=replace(FAST, limit=2.0))[1]


@pytest.mark.parametrize(("design", "cause"), DESIGNS.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_intended_design_is_usual_and_no_regression(wordpress: WordPress, design: Change, cause: str) -> None:
    design(wordpress)
    before = settled(wordpress)
    assert (before.findings, before.healthy) == ((), True)
    assert cause in str(before.baseline) if cause else not before.baseline.pages
    assert verdict(wordpress, before) == ()


@pytest.mark.parametrize(
    ("design", "name", "change"),
    CHANGES,
    ids=lambda one: getattr(one, "__name__", one if isinstance(one, str) else ""),
)
def test_change_of_design_is_a_regression(
    wordpress: WordPress, design: Change, name: str, change: Change
) -> None:
    if design is headless_redirect and name == "a broken login":
        pytest.skip("visitors never see the login")
    wordpress.design = design
    design(wordpress)
    before = settled(wordpress)
    change(wordpress)
    assert verdict(wordpress, before) != (), name


def test_database_error_page_differs_from_quoted_error(wordpress: WordPress) -> None:
    wordpress.page = says(200, QUOTE)
    before = settled(wordpress)
    wordpress.page = says(
        200, b'<html><body id="error-page"><h1>Error establishing a database connection</h1></body></html>'
    )
    assert verdict(wordpress, before) != ()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (says(500, ERROR), "/: answers 500 where 200 is expected"),
        (says(502, b"Bad Gateway"), "/: answers 502 where 200 is expected"),
        (says(200, b""), "/: is empty"),
        (says(503, b""), "/: answers 503 where 200 is expected"),
        (says(200, PAGE + FATAL), "/: a PHP error is printed on the page"),
        (
            says(200, PAGE.replace(b"</html>", b"") + ERROR + b"faq-troubleshooting"),
            "/: shows the error page of WordPress",
        ),
    ],
)
def test_error_is_never_usual(wordpress: WordPress, answer: Callable[[Handler], object], found: str) -> None:
    wordpress.page = answer
    assert found in settled(wordpress).findings


def test_nothing_is_usual_if_wordpress_does_not_work(
    wordpress: WordPress,
) -> None:
    coming_soon(wordpress)
    assert settled(wordpress, boots=False).findings
    wordpress.ajax = says(500, ERROR)
    assert settled(wordpress).findings


def test_varying_findings_are_not_usual(wordpress: WordPress) -> None:
    numbers = iter(range(1000))
    wordpress.page = lambda one: one.answer(403 + next(numbers) % 5, b"<html>Hm</html>")
    assert settled(wordpress).findings


@pytest.mark.parametrize(
    ("design", "stated"),
    [
        (coming_soon, StatedPage(503)),
        (wp_die, StatedPage(503)),
        (wp_die_200, StatedPage(200)),
        (members, StatedPage(None, "/wp-login.php")),
        (quotes_database, StatedPage(200)),
        (headless_404, StatedPage(404)),
        (headless_redirect, StatedPage(None, "https://app.example/start")),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_stated_page_is_healthy_only_as_stated(
    wordpress: WordPress, design: Change, stated: StatedPage
) -> None:
    wordpress.state(stated)
    design(wordpress)
    before = settled(wordpress)
    assert not [
        page for page in before.looks if page.page.startswith("/ ") or page.page == "/" if page.findings
    ]
    assert verdict(wordpress, before) == ()
    if stated.status != 200:
        wordpress.page = says(200, PAGE)
        assert any(found.startswith("/: ") for found in settled(wordpress).findings)
    wordpress.page = says(500, ERROR)
    assert verdict(wordpress, before) != ()


@pytest.mark.parametrize("design", [rest_closed, rest_goes_home, rest_silent, rest_hangs_up])
def test_closed_rest_is_healthy_only_if_closed(wordpress: WordPress, design: Change) -> None:
    open_rest = wordpress.rest
    wordpress.site = replace(wordpress.site, rest=Rest.CLOSED)
    assert any("REST is open" in finding for finding in wordpress.now().findings)
    design(wordpress)
    before = settled(wordpress)
    assert (before.healthy, before.baseline.pages) == (True, ())
    assert verdict(wordpress, before) == ()
    wordpress.rest = open_rest
    assert verdict(wordpress, before) != ()
    wordpress.rest = says(500, ERROR)
    assert verdict(wordpress, before) != ()


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_other_redirect_status_is_no_regression(wordpress: WordPress, status: int) -> None:
    wordpress.page = lambda one: one.answer(302, Location="https://app.example/start")
    before = settled(wordpress)
    wordpress.page = lambda one: one.answer(status, Location="https://app.example/start?utm=1")
    assert verdict(wordpress, before) == ()
    wordpress.page = lambda one: one.answer(status, Location="https://app.example/")
    assert verdict(wordpress, before) != ()


MISSING = says(404, b"<!DOCTYPE html><html><body>Our manuals are below /en/ and /fr/. Ask us.</body></html>")


@pytest.mark.parametrize(
    ("usual", "after", "found"),
    [
        (MISSING, says(404, b""), True),
        (MISSING, says(404, b"<!DOCTYPE html><html><body>404</body></html>"), True),
        (MISSING, says(500, ERROR), True),
        (MISSING, says(200, PAGE), False),
        (MISSING, MISSING, False),
        (leads(f"{ELSEWHERE}/docs"), leads(f"{ELSEWHERE}/docs"), False),
        (leads(f"{ELSEWHERE}/docs"), leads(f"{ELSEWHERE}/other"), True),
        (leads(f"{ELSEWHERE}/docs"), says(404, b"gone"), True),
        (leads(f"{ELSEWHERE}/docs"), says(200, PAGE), True),
    ],
)
def test_static_site_is_compared_with_its_baseline(
    wordpress: WordPress, usual: Change, after: Change, *, found: bool
) -> None:
    wordpress.site = replace(wordpress.site, kind=SiteKind.STATIC)
    wordpress.page = usual
    before = settled(wordpress)
    assert (before.findings, bool(before.baseline.pages)) == ((), True)
    wordpress.page = after
    assert bool(verdict(wordpress, before)) is found


def test_redirect_to_another_host_is_not_followed(wordpress: WordPress, shop: Shop) -> None:
    requests_before = shop.requests.total()
    wordpress.page = lambda one: one.answer(302, Location=f"{ELSEWHERE}/secret")
    before = settled(wordpress)
    assert before.findings == ()
    assert shop.requests.total() > requests_before
    wordpress.page = lambda one: one.answer(302, Location="https://other.example/secret")
    assert verdict(wordpress, before) != ()
