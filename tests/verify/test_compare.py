"""A site is compared with itself: regressions are found, normal variation is ignored."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from runner.verify import Timing, compare, observe
from tests.verify.wordpress import ERROR, PAGE, TEXT, WordPress, leads, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verify.shop import Handler, Shop


@pytest.fixture
def wordpress(shop: Shop) -> WordPress:
    return WordPress(shop)


def test_healthy_site_has_no_findings_or_regressions(wordpress: WordPress) -> None:
    before = wordpress.now()
    assert before.healthy
    assert [page.page for page in before.looks] == [
        "/",
        "/ (uncached)",
        "a missing page",
        "/?rest_route=/",
        "/?rest_route=/wp/v2/pages",
        "/?rest_route=/wp/v2/posts",
        "/wp-admin/admin-ajax.php?action=sitecrew_look",
        "the feed /feed/",
        "the sitemap /wp-sitemap.xml",
        "the cron /wp-cron.php",
    ]
    assert before.stylesheets == {"/a.css": 200}
    assert wordpress.verdict(before) == ()


def test_wp_admin_is_requested_in_folder_of_wordpress(wordpress: WordPress) -> None:
    before = wordpress.now(folder="wp/")
    wordpress.ajax = lambda one: one.answer(500 if one.path.startswith("/wp/wp-admin/") else 404, b"")
    (found,) = wordpress.verdict(before)
    assert found.endswith(": answers 500: wp-admin does not work")


@pytest.mark.parametrize(
    ("part", "answer", "found"),
    [
        ("page", says(500, ERROR), "/: answers 500 where 200 is expected"),
        ("page", says(200, ERROR), "/: shows the error page of WordPress"),
        ("page", says(200, b""), "/: is empty"),
        ("page", says(200, PAGE.replace(TEXT, b"<p>Coming soon</p>")), "/: has lost most of its content"),
        ("page", says(200, PAGE.replace(b"</html>", b"")), "/: no longer ends with </html>"),
        ("page", says(200, PAGE.replace(b"<link", b"<lnk")), "/: has lost its stylesheets"),
        ("page", says(200, b"DEBUG 1" + PAGE), "/: prints something before the start of the page"),
        (
            "page",
            says(200, PAGE + b"<b>Warning</b>:  Undefined variable in <b>/srv/a.php</b> on line <b>3</b>"),
            "/: prints PHP warnings",
        ),
        ("page", leads("/wp-login.php"), "/: redirects to the login page"),
        ("page", leads("/soon/"), "/: redirects to /soon instead of /"),
        ("page", says(403, b"no"), "/: answers 403 where 200 is expected"),
        ("missing", says(500, ERROR), "a missing page: answers 500 where 404 is expected"),
        (
            "rest",
            says(200, b"NOISE {}"),
            "/?rest_route=/: the REST API returns something other than JSON",
        ),
        ("page", says(403, b"Forbidden"), "answers 403"),
        ("rest", says(404, b"{}"), "/?rest_route=/: answers 404; it was 200"),
        (
            "ajax",
            says(500, ERROR),
            "admin-ajax.php?action=sitecrew_look: answers 500: wp-admin does not work",
        ),
        ("sheet", says(404, b""), "the stylesheet /a.css answers 404"),
        ("sheet", says(200, b"<p>404", **{"Content-Type": "text/html"}), "the stylesheet /a.css answers 404"),
    ],
)
def test_regression_is_found(
    wordpress: WordPress, part: str, answer: Callable[[Handler], object], found: str
) -> None:
    before = wordpress.now()
    setattr(wordpress, part, answer)
    regressions = wordpress.verdict(before)
    assert any(found in regression for regression in regressions), regressions


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        ("page", says(200, PAGE.replace(b"ver=1", b"ver=2"))),
        ("page", says(200, b"\xef\xbb\xbf<!-- cached -->\n" + PAGE)),
        ("page", says(429, b"slow down")),
        ("missing", says(302, Location="/", body=b"")),
        ("missing", says(404, PAGE + TEXT)),
        ("sheet", says(429, b"")),
    ],
)
def test_difference_is_no_regression(
    wordpress: WordPress, part: str, answer: Callable[[Handler], object]
) -> None:
    before = wordpress.now()
    setattr(wordpress, part, answer)
    assert wordpress.verdict(before) == ()


def test_removed_inline_styles_are_no_regression(wordpress: WordPress) -> None:
    wordpress.page = says(
        200, PAGE.replace(TEXT, b"<style>" + b"p { margin: 0 }" * 5000 + b"</style>" + TEXT)
    )
    before = wordpress.now()
    wordpress.page = says(200, PAGE)
    assert wordpress.verdict(before) == ()


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.long)])
def test_random_variation_is_no_regression(wordpress: WordPress, count: int) -> None:
    dice = random.Random(7)  # noqa: S311

    def random_page(one: Handler) -> object:
        slides = [f"<img src=/{dice.random()}>".encode() * dice.randint(1, 9) for _ in range(4)]
        quote = b"<q>" + b"A word. " * dice.randint(1, 60) + b"</q>"
        script = f"<script>var nonce = '{dice.random()}';</script>".encode() * dice.randint(1, 400)
        parts = [
            *slides,
            quote,
            script,
            TEXT,
            b"<aside>" + b"Advert " * dice.choice([0, 0, 40]) + b"</aside>",
        ]
        dice.shuffle(parts)
        head = PAGE.partition(TEXT)[0].replace(b"ver=1", f"ver={dice.random()}".encode())
        if dice.random() < 0.05:
            time.sleep(0.1)
        one.answer(
            200, head + b"".join(parts) + b"</body></html>", **{"Set-Cookie": f"visit={dice.random()}"}
        )
        return None

    wordpress.page = random_page
    wordpress.missing = lambda one: (one.answer(404, PAGE + b" " * dice.randint(1, 5000)), None)[1]
    assert [wordpress.verdict(wordpress.now()) for _ in range(count)] == [()] * count


def test_single_bad_check_is_ignored(wordpress: WordPress) -> None:
    before = wordpress.now()
    asked = iter(range(1000))
    wordpress.page = lambda one: one.answer(*((502, b"") if next(asked) < 2 else (200, PAGE)))
    assert wordpress.verdict(before) == ()


def test_page_cache_does_not_hide_broken_site(wordpress: WordPress) -> None:
    before = wordpress.now()
    wordpress.dead()
    dead = wordpress.page
    wordpress.page = lambda one: dead(one) if one.headers["Cookie"] else one.answer(200, PAGE)
    assert "/ (uncached): answers 500 where 200 is expected" in wordpress.verdict(before)


def test_full_page_cache_does_not_hide_broken_site(
    wordpress: WordPress,
) -> None:
    before = wordpress.now()
    wordpress.dead()
    wordpress.page, wordpress.rest = says(200, PAGE), says(200, b"{}")
    wordpress.ajax = says(400, b"0")
    assert "a missing page: answers 500 where 404 is expected" in wordpress.verdict(before)


@pytest.mark.parametrize(
    ("headers", "header"),
    [
        ({"X-Cache": "HIT from edge"}, "x-cache: HIT from edge"),
        ({"CF-Cache-Status": "HIT"}, "cf-cache-status: HIT"),
        ({"X-LiteSpeed-Cache": "hit,private"}, "x-litespeed-cache: hit,private"),
        ({"Age": "17"}, "age: 17"),
        ({"Age": "0", "X-Cache": "MISS", "Cache-Control": "max-age=60"}, ""),
    ],
)
def test_answer_from_cache_is_reported(wordpress: WordPress, headers: dict[str, str], header: str) -> None:
    wordpress.page = says(200, PAGE, **headers)
    found = wordpress.now().cached
    assert found == ((f"/: {header}", f"/ (uncached): {header}") if header else ())


def test_refusal_from_before_is_no_regression(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = says(403, b"<html>You have been blocked</html>")
    before = wordpress.now()
    assert before.healthy
    assert wordpress.verdict(before) == ()
    wordpress.rest = says(500, b"")
    assert wordpress.verdict(before) == ("/?rest_route=/: answers 500 where 200 is expected",)


def test_status_200_for_missing_pages_is_no_regression(wordpress: WordPress) -> None:
    wordpress.missing = says(200, PAGE)
    assert wordpress.verdict(wordpress.now()) == ()


def test_stylesheet_missing_before_is_no_regression(wordpress: WordPress) -> None:
    wordpress.sheet = says(404, b"")
    assert wordpress.verdict(wordpress.now()) == ()


def test_refused_stylesheet_is_requested_without_query(
    wordpress: WordPress,
) -> None:
    def plain(status: int) -> Callable[[Handler], object]:
        return lambda one: one.answer(403 if "sitecrew=" in one.path else status, b"a { color: red }")

    wordpress.sheet = plain(200)
    before = wordpress.now()
    assert before.stylesheets == {"/a.css": 200}
    assert wordpress.verdict(before) == ()
    wordpress.sheet = plain(404)
    assert wordpress.verdict(before) == ("the stylesheet /a.css answers 404",)


def test_slow_site_gets_more_time(wordpress: WordPress) -> None:
    def slow(seconds: float) -> Callable[[Handler], object]:
        return lambda one: (one.server.ending.wait(seconds), one.answer(200, PAGE))[1]

    wordpress.page = slow(0.5)
    before = wordpress.now()
    wordpress.page = slow(1.0)
    seen = observe(wordpress.site, before=before, timing=Timing(limit=0.8, patience=0.0))
    assert compare(before, seen) == ()


def test_silent_site_gets_no_more_requests(wordpress: WordPress) -> None:
    before = wordpress.now()
    wordpress.shop.requests.clear()
    wordpress.page = lambda one: one.server.ending.wait(20)
    assert wordpress.verdict(before) == ("/: does not answer within 2 s",)
    assert set(wordpress.shop.requests) == {"/"}


def test_only_maintenance_mode_is_waited_for(wordpress: WordPress) -> None:
    before = wordpress.now()
    asked = iter(range(1000))
    maintenance = {"Retry-After": "600"}
    wordpress.page = lambda one: one.answer(*((503, b"") if next(asked) < 3 else (200, PAGE)), **maintenance)
    assert wordpress.verdict(before) == ()
    wordpress.page = says(503, b"overloaded")
    started = time.monotonic()
    assert "/: answers 503 where 200 is expected" in wordpress.verdict(before)
    assert time.monotonic() - started < 5


def test_cookies_of_pages_are_not_sent_back(wordpress: WordPress) -> None:
    sent: list[str | None] = []
    wordpress.page = lambda one: (
        sent.append(one.headers["Cookie"]),
        one.answer(200, PAGE, **{"Set-Cookie": "a=1"}),
    )[1]
    wordpress.now()
    wordpress.now()
    assert (
        sorted(map(str, sent))
        == ["None"] * 4 + ["wordpress_logged_in_sitecrew=1; comment_author_sitecrew=1"] * 2
    )
