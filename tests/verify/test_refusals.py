"""Refused, missing and usable answers."""

from __future__ import annotations

import pytest

from runner.model import Look, Seen, Site
from runner.verify import Answer, Expectation, look, observe
from runner.verify.seen import refusal_reason, seen_of
from tests.verify.shop import FAST, PAGE, Handler, Shop

CLOUDFLARE = (
    b"<title>Just a moment...</title><script src=/cdn-cgi/challenge-platform/h/b/orchestrate></script>"
)


@pytest.mark.parametrize(
    ("status", "body", "headers", "seen"),
    [
        (200, PAGE, (), Seen.SEEN),
        (500, b"", (), Seen.SEEN),
        (404, PAGE, (), Seen.SEEN),
        (401, b"", (), Seen.REFUSED),
        (403, b"", (), Seen.REFUSED),
        (407, b"", (), Seen.REFUSED),
        (429, b"", (), Seen.REFUSED),
        (503, CLOUDFLARE, (), Seen.REFUSED),
        (503, b"Briefly unavailable for scheduled maintenance.", (), Seen.SEEN),
        (200, b"<p>an article about /cdn-cgi/challenge-platform/</p>", (), Seen.SEEN),
        (200, b"wait", (("cf-mitigated", "challenge"),), Seen.REFUSED),
        (202, b"wait", (("sg-captcha", "challenge"),), Seen.REFUSED),
        (None, b"", (), Seen.ABSENT),
    ],
)
def test_visibility_of_an_answer(
    status: int | None, body: bytes, headers: tuple[tuple[str, str], ...], seen: Seen
) -> None:
    answer = Answer(asked="http://a.example/", status=status, body=body, headers=headers)
    assert seen_of(answer) is seen
    assert bool(refusal_reason(answer, with_credentials=False)) is (seen is Seen.REFUSED)


def site_of(shop: Shop, *pages: str) -> Site:
    return Site(name="shop", client="acme", host="web1", url=shop.url, path="/srv", pages=pages or ("/",))


def check(shop: Shop) -> Look:
    return look(site_of(shop), Expectation(), timing=FAST)


def plain_only(one: Handler, status: int = 200, **headers: str) -> None:
    """A firewall that refuses our query string."""
    if "sitecrew=" in one.path:
        one.answer(403, b"blocked")
    else:
        one.answer(status, PAGE, **headers)


def test_refused_query_is_retried_without_it(shop: Shop) -> None:
    shop.pages["/"] = plain_only
    (page,) = check(shop).pages
    assert (page.seen, page.status, page.findings) == (Seen.SEEN, 200, ())
    shop.pages["/"] = lambda one: plain_only(one, 500)
    (page,) = check(shop).pages
    assert (page.seen, page.status) == (Seen.SEEN, 500)
    assert page.findings


def test_cached_answer_does_not_replace_a_refusal(shop: Shop) -> None:
    shop.pages["/"] = lambda one: plain_only(one, **{"X-Cache": "HIT"})
    (page,) = check(shop).pages
    assert (page.seen, page.status) == (Seen.REFUSED, 403)


def test_site_is_verified_by_one_seen_page(shop: Shop) -> None:
    shop.pages["/members/"] = lambda one: one.answer(401, b"no")
    some = observe(site_of(shop, "/", "/members/"), timing=FAST)
    none = observe(site_of(shop, "/members/"), timing=FAST)
    assert (some.verified, none.verified) == (True, False)
