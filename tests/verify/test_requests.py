"""Requests of a health check: limits, retries and redirects."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.model import Look, Site
from runner.verify import Expectation, look
from tests.verify.shop import FAST, PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verify.shop import Handler, Shop


def check(
    shop: Shop, *pages: str, text: str | None = None, limit: float = 5.0, patience: float = 0.0
) -> Look:
    site = Site(name="shop", client="acme", host="web1", url=shop.url, path="/srv", pages=pages or ("/",))
    return look(site, Expectation(text=text), timing=replace(FAST, limit=limit, patience=patience))


def test_healthy_page_is_measured(shop: Shop) -> None:
    found = check(shop, "/", "/cart/", text="Add to cart")
    assert found.healthy
    assert [page.page for page in found.pages] == ["/", "/cart/"]
    for page in found.pages:
        assert (page.status, page.size, page.stylesheets, page.findings) == (200, len(PAGE), 1, ())
        assert page.seconds >= 0
        assert page.url == f"{shop.url}{page.page}"


def test_every_request_has_a_unique_query(shop: Shop) -> None:
    check(shop, "/", "/?page_id=2")
    check(shop, "/")
    assert len(set(shop.queries)) == 3
    assert any(query.startswith("page_id=2&sitecrew=") for query in shop.queries)


def test_missing_text_is_a_finding(shop: Shop) -> None:
    found = check(shop, text="Checkout")
    assert not found.healthy
    assert found.findings == ("/: lacks the text 'Checkout'",)


def test_empty_page_is_a_finding(shop: Shop) -> None:
    shop.pages["/"] = lambda one: one.answer(200)
    assert check(shop).findings == ("/: is empty",)


def test_temporary_503_is_retried(shop: Shop) -> None:
    shop.pages["/"] = lambda one: one.answer(*((503,) if shop.requests["/"] < 3 else (200, PAGE)))
    assert check(shop, patience=30.0).healthy
    assert shop.requests["/"] == 3


def test_lasting_503_is_a_finding_after_retries(shop: Shop) -> None:
    shop.pages["/"] = lambda one: one.answer(503, b"Briefly unavailable for scheduled maintenance.")
    found = check(shop, patience=1.0)
    assert found.findings == ("/: answers 503 where 200 is expected",)
    assert shop.requests["/"] > 1


def test_redirect_loop_is_a_finding(shop: Shop) -> None:
    shop.pages["/"] = lambda one: one.answer(302, Location="/again")
    shop.pages["/again"] = lambda one: one.answer(302, Location="/")
    assert check(shop).findings == ("/: redirects in a loop",)


def test_redirect_to_another_host_is_a_finding(shop: Shop) -> None:
    port = shop.server_address[1]
    shop.pages["/"] = lambda one: one.answer(301, Location=f"http://localhost:{port}/parked")
    assert check(shop).findings == ("/: redirects to another site, localhost",)


def test_redirect_on_same_site_is_followed(shop: Shop) -> None:
    shop.pages["/"] = lambda one: one.answer(301, Location="/de/")
    found = check(shop, text="Add to cart")
    assert found.healthy
    assert found.pages[0].url == f"{shop.url}/"


def test_silent_server_ends_in_time(shop: Shop) -> None:
    shop.pages["/"] = lambda one: void(one.server.ending.wait(20))
    assert timed(lambda: check(shop, limit=0.4)) == ("/: does not answer within 0.4 s",)


def test_slow_body_ends_in_time(shop: Shop) -> None:
    def trickle(one: Handler) -> None:
        one.send_response(200)
        one.end_headers()
        while not one.server.ending.wait(0.05):
            one.wfile.write(b"x")

    shop.pages["/"] = trickle
    assert timed(lambda: check(shop, limit=0.5)) == ("/: did not finish within 0.5 s",)


def test_slow_headers_end_in_time(shop: Shop) -> None:
    def trickle(one: Handler) -> None:
        while not one.server.ending.wait(0.05):
            one.wfile.write(b"X-A: b\r\n")

    shop.pages["/"] = lambda one: (one.wfile.write(b"HTTP/1.1 200 OK\r\n"), trickle(one))[1]
    assert timed(lambda: check(shop, limit=0.5)) != ()


def test_slow_redirects_share_one_limit(shop: Shop) -> None:
    def slow(one: Handler) -> None:
        one.server.ending.wait(0.3)
        one.answer(302, Location=f"/{shop.requests.total()}")

    for number in range(20):
        shop.pages[f"/{number or ''}"] = slow
    assert timed(lambda: check(shop, limit=0.5)) != ()


def test_endless_page_is_cut(shop: Shop) -> None:
    def flood(one: Handler) -> None:
        one.send_response(200)
        one.end_headers()
        while not one.server.ending.is_set():
            one.wfile.write(PAGE * 20_000)

    shop.pages["/"] = flood
    found = check(shop, limit=20.0)
    assert found.healthy
    assert found.pages[0].size == 4 << 20


def test_pages_are_requested_in_parallel(shop: Shop) -> None:
    together = threading.Barrier(3)
    for name in "abc":
        shop.pages[f"/{name}"] = lambda one: (together.wait(10), one.answer(200, PAGE))[1]
    assert check(shop, "/a", "/b", "/c").healthy


def test_unreachable_site_is_a_finding(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site = Site(name="shop", client="acme", host="web1", url=f"http://127.0.0.1:{port}", path="/srv")
    found = look(site, Expectation(), timing=FAST)
    [page] = found.pages
    assert page.status is None
    assert "cannot be reached" in page.findings[0]


def void(_: object) -> None:
    """Ignore a value."""


def timed(run: Callable[[], Look]) -> tuple[str, ...]:
    """Return the findings of a check that must not take long."""
    started = time.monotonic()
    found = run()
    assert time.monotonic() - started < 3
    return found.findings
