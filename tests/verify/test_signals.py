"""A site is compared with itself: what is worse is found, what varies by itself is not."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from runner.verify import compare, observe
from tests.verify.wordpress import ERROR, PAGE, TEXT, WordPress, leads, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verify.shop import Handler, Shop


@pytest.fixture
def wordpress(shop: Shop) -> WordPress:
    return WordPress(shop)


def test_a_healthy_site_is_healthy_and_not_worse_than_itself(wordpress: WordPress) -> None:
    before = wordpress.now()
    assert before.healthy
    assert [page.page for page in before.looks] == [
        "/",
        "/ (uncached)",
        "a page that is not there",
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


def test_wp_admin_is_asked_for_where_wordpress_has_a_folder_of_its_own(wordpress: WordPress) -> None:
    before = wordpress.now(folder="wp/")
    wordpress.ajax = lambda one: one.answer(500 if one.path.startswith("/wp/wp-admin/") else 404, b"")
    (found,) = wordpress.verdict(before)
    assert found.endswith(": answers 500: wp-admin does not work")


@pytest.mark.parametrize(
    ("part", "answer", "found"),
    [
        ("page", says(500, ERROR), "/: answers 500 where 200 is expected"),
        ("page", says(200, ERROR), "/: shows the page on which WordPress gives up"),
        ("page", says(200, b""), "/: is empty"),
        ("page", says(200, PAGE.replace(TEXT, b"<p>Coming soon</p>")), "/: has lost most of what it showed"),
        ("page", says(200, PAGE.replace(b"</html>", b"")), "/: no longer ends with </html>"),
        ("page", says(200, PAGE.replace(b"<link", b"<lnk")), "/: has lost its stylesheets"),
        ("page", says(200, b"DEBUG 1" + PAGE), "/: prints something before the start of the page"),
        (
            "page",
            says(200, PAGE + b"<b>Warning</b>:  Undefined variable in <b>/srv/a.php</b> on line <b>3</b>"),
            "/: prints warnings of PHP",
        ),
        ("page", leads("/wp-login.php"), "/: leads to the login page"),
        ("page", leads("/soon/"), "/: leads to /soon; it led to /"),
        ("page", says(403, b"no"), "/: answers 403 where 200 is expected"),
        ("missing", says(500, ERROR), "a page that is not there: answers 500 where 404 is expected"),
        (
            "rest",
            says(200, b"NOISE {}"),
            "/?rest_route=/: the REST API answers with something that is not JSON",
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
def test_what_is_worse_is_found(
    wordpress: WordPress, part: str, answer: Callable[[Handler], object], found: str
) -> None:
    before = wordpress.now()
    setattr(wordpress, part, answer)
    worse = wordpress.verdict(before)
    assert any(found in sentence for sentence in worse), worse


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
def test_what_is_only_different_is_not_worse(
    wordpress: WordPress, part: str, answer: Callable[[Handler], object]
) -> None:
    before = wordpress.now()
    setattr(wordpress, part, answer)
    assert wordpress.verdict(before) == ()


def test_a_page_that_sheds_styles_but_no_text_has_lost_nothing(wordpress: WordPress) -> None:
    wordpress.page = says(
        200, PAGE.replace(TEXT, b"<style>" + b"p { margin: 0 }" * 5000 + b"</style>" + TEXT)
    )
    before = wordpress.now()
    wordpress.page = says(200, PAGE)
    assert wordpress.verdict(before) == ()


@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.long)])
def test_many_looks_at_a_page_that_is_never_the_same_find_nothing(wordpress: WordPress, count: int) -> None:
    dice = random.Random(7)  # noqa: S311

    def restless(one: Handler) -> object:
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

    wordpress.page = restless
    wordpress.missing = lambda one: (one.answer(404, PAGE + b" " * dice.randint(1, 5000)), None)[1]
    assert [wordpress.verdict(wordpress.now()) for _ in range(count)] == [()] * count


def test_one_bad_look_between_good_ones_does_not_count(wordpress: WordPress) -> None:
    before = wordpress.now()
    asked = iter(range(1000))
    wordpress.page = lambda one: one.answer(*((502, b"") if next(asked) < 2 else (200, PAGE)))
    assert wordpress.verdict(before) == ()


def test_a_cache_that_knows_cookies_does_not_hide_a_dead_site(wordpress: WordPress) -> None:
    before = wordpress.now()
    wordpress.dead()
    dead = wordpress.page
    wordpress.page = lambda one: dead(one) if one.headers["Cookie"] else one.answer(200, PAGE)
    assert "/ (uncached): answers 500 where 200 is expected" in wordpress.verdict(before)


def test_a_cache_that_serves_everybody_everything_it_has_does_not_hide_a_dead_site(
    wordpress: WordPress,
) -> None:
    before = wordpress.now()
    wordpress.dead()
    wordpress.page, wordpress.rest = says(200, PAGE), says(200, b"{}")
    wordpress.ajax = says(400, b"0")
    assert "a page that is not there: answers 500 where 404 is expected" in wordpress.verdict(before)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"X-Cache": "HIT from edge"}, "x-cache: HIT from edge"),
        ({"CF-Cache-Status": "HIT"}, "cf-cache-status: HIT"),
        ({"X-LiteSpeed-Cache": "hit,private"}, "x-litespeed-cache: hit,private"),
        ({"Age": "17"}, "age: 17"),
        ({"Age": "0", "X-Cache": "MISS", "Cache-Control": "max-age=60"}, ""),
    ],
)
def test_an_answer_from_a_cache_is_told(wordpress: WordPress, headers: dict[str, str], told: str) -> None:
    wordpress.page = says(200, PAGE, **headers)
    found = wordpress.now().cached
    assert found == ((f"/: {told}", f"/ (uncached): {told}") if told else ())


def test_a_firewall_that_kept_us_out_before_alarms_nobody(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = says(403, b"<html>You have been blocked</html>")
    before = wordpress.now()
    assert before.healthy
    assert wordpress.verdict(before) == ()
    wordpress.rest = says(500, b"")
    assert wordpress.verdict(before) == ("/?rest_route=/: answers 500 where 200 is expected",)


def test_a_site_that_answers_200_for_what_is_not_there_is_not_worse_than_itself(wordpress: WordPress) -> None:
    wordpress.missing = says(200, PAGE)
    assert wordpress.verdict(wordpress.now()) == ()


def test_a_stylesheet_that_was_missing_before_is_nobodys_fault(wordpress: WordPress) -> None:
    wordpress.sheet = says(404, b"")
    assert wordpress.verdict(wordpress.now()) == ()


def test_files_behind_a_firewall_that_refuses_our_query_are_asked_for_as_a_visitor_asks(
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


def test_a_site_that_was_slow_before_has_more_time(wordpress: WordPress) -> None:
    def slow(seconds: float) -> Callable[[Handler], object]:
        return lambda one: (one.server.ending.wait(seconds), one.answer(200, PAGE))[1]

    wordpress.page = slow(0.5)
    before = wordpress.now()
    wordpress.page = slow(1.0)
    seen = observe(wordpress.site, before=before, limit=0.8, patience=0.0)
    assert compare(before, seen) == ()


def test_who_does_not_answer_is_not_asked_for_more(wordpress: WordPress) -> None:
    before = wordpress.now()
    wordpress.shop.asked.clear()
    wordpress.page = lambda one: one.server.ending.wait(20)
    assert wordpress.verdict(before) == ("/: does not answer within 2 s",)
    assert set(wordpress.shop.asked) == {"/"}


def test_a_closed_door_is_waited_for_and_another_503_is_not(wordpress: WordPress) -> None:
    before = wordpress.now()
    asked = iter(range(1000))
    door = {"Retry-After": "600"}
    wordpress.page = lambda one: one.answer(*((503, b"") if next(asked) < 3 else (200, PAGE)), **door)
    assert wordpress.verdict(before) == ()
    wordpress.page = says(503, b"overloaded")
    began = time.monotonic()
    assert "/: answers 503 where 200 is expected" in wordpress.verdict(before)
    assert time.monotonic() - began < 5


def test_nothing_that_a_page_sets_is_sent_with_the_next(wordpress: WordPress) -> None:
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
