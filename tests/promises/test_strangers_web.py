"""A hostile website harms nobody: it neither stops the controller, nor fills it, nor sends it elsewhere."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import replace

import pytest

from runner.model import Site
from runner.verify import Answer, Expectation, compare, judge, look, observe
from runner.verify.http import PageChecker, PageRequest, _page_check
from runner.verify.requests import _ajax, _missing_page, _rest, own_stylesheets
from runner.verify.traits import traits
from runner.web import Rules, fetch
from tests.fuzz import endure, hostile
from tests.verify.shop import FAST
from tests.web.hostile import Hostile, page


@pytest.fixture
def server():
    made = Hostile()
    yield made
    made.close()


@pytest.fixture
def neighbour():
    """A service of the controller's network that is nobody's website."""
    made = Hostile()
    yield made
    made.close()


def site(server: Hostile, **changes) -> Site:
    return Site(name="shop", client="acme", host="web1", url=server.url, path="/srv", **changes)


def seen(server: Hostile, limit: float = 5.0):
    return observe(site(server), timing=replace(FAST, limit=limit, maintenance_wait=0.0))


def link(href: str) -> bytes:
    return page(f'<html><link rel="stylesheet" href="{href}"><body>{"text " * 200}</body></html>'.encode())


NASTY = {
    "links": b"<link ",
    "links with rel": b"<link rel=",
    "open links": b"<link rel=stylesheet href=a",
    "closed links": b"<link rel=stylesheet href=a>",
    "distinct links": b"",
    "bodies": b"<body id=",
    "tags": b"<",
    "tag ends": b"<>",
    "comments": b"<!--",
    "scripts": b"<script></script>",
    "warnings": b"Warning: x in /",
    "warnings, blank": b"Warning: " + b" " * 90,
    "fatal": b"Fatal error: x in ",
    "fatal, long": b"Fatal error: " + b" " * 500,
    "doctypes": b"<!",
    "media": b"<img",
    "letters": b"a ",
    "blanks": b" ",
    "prologue": b"<?xml",
}
NASTY_PAGES = {name: (piece or b"x") * ((8 << 20) // max(len(piece), 1)) for name, piece in NASTY.items()}
NASTY_PAGES["distinct links"] = b"".join(b"<link rel=stylesheet href=/%d>" % n for n in range(200_000))
NASTY_PAGES["one link"] = b"<link rel=" + b" " * (8 << 20)
NASTY_PAGES["one stylesheet"] = b"<link rel=stylesheet href='" + b"/../" * (2 << 20) + b"'>"


@pytest.mark.parametrize("name", NASTY_PAGES)
def test_a_page_made_to_be_slow_costs_little(server, name):
    server.plays["/"] = page(NASTY_PAGES[name])
    began, longest = (
        time.process_time(),
        held(lambda: look(site(server), Expectation(text="x"), timing=FAST)),
    )
    assert time.process_time() - began < 1.5
    assert longest < 0.5


def held(work) -> float:
    """The longest time for which another thread could not run, in seconds of the processor."""
    done = threading.Event()
    gaps = []

    def watch() -> None:
        last = time.process_time()
        while not done.is_set():
            time.sleep(0.005)
            gaps.append((now := time.process_time()) - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return max(gaps, default=0.0)


@pytest.mark.parametrize(
    "leads",
    [
        "http://127.0.0.1:{port}/now",
        "//127.0.0.1:{port}/now",
        "http://localhost:{port}/now",
        "http://127.1:{port}/now",
        "http://2130706433:{port}/now",
        "http://[::ffff:127.0.0.1]:{port}/now",
        "http://u:p@127.0.0.1:{port}/now",
    ],
)
def test_no_redirect_and_no_stylesheet_makes_us_ask_the_network(server, neighbour, leads):
    target = leads.format(port=neighbour.port)
    server.plays["/"] = link(target)
    seen(server)
    server.plays["/"] = page(b"", b"Location: " + target.encode(), status=b"302 Found")
    found = look(site(server), Expectation(), timing=FAST)
    assert found.findings[0].startswith("/: redirects to another ")
    assert neighbour.asked == []


@pytest.mark.parametrize(
    "href",
    ["/wp-content/../../now", "/wp-content/%2e%2e/%2e%2e/now", "/blog/..%2fnow", "/blog/../now", "/now"],
)
def test_no_stylesheet_makes_us_ask_for_what_is_not_below_the_site(server, href):
    server.plays["/blog/"] = link(href)
    below = Site(name="shop", client="acme", host="web1", url=f"{server.url}/blog", path="/srv")
    observe(below, timing=replace(FAST, maintenance_wait=0.0))
    assert "/blog/" in server.asked
    assert not [path for path in server.asked if "now" in path]


@pytest.mark.parametrize(
    "href", ["http://[x", "//[x", "http://" + "a" * 64 + ".example/a.css", "http://a:99999/", "\0"]
)
def test_a_stylesheet_with_an_impossible_address_troubles_no_look(server, href):
    server.plays["/"] = link(href)
    found = seen(server)
    assert found.visitors[0].page.status == 200
    assert compare(found, seen(server)) == ()


def test_what_cannot_be_judged_is_a_finding_of_that_page(server, monkeypatch):
    def broken(answer: Answer):
        raise RuntimeError("a defect")

    monkeypatch.setattr("runner.verify.http.traits", broken)
    assert look(site(server), Expectation(), timing=FAST).findings == ("/: cannot be checked (RuntimeError)",)


BOMB = gzip.compress(bytes(128 << 20))


def test_a_bomb_in_every_page_of_a_site_costs_little(server):
    bomb = page(BOMB, b"Content-Encoding: gzip")
    server.plays["/"] = server.plays["/a"] = server.plays["/b"] = bomb
    began = time.process_time()
    look(site(server, pages=("/", "/a", "/b")), Expectation(), timing=FAST)
    assert time.process_time() - began < 2


PAGE = (
    b"<!DOCTYPE html><html><head><link rel='stylesheet' href='/wp-content/a.css?ver=1&amp;x'></head>"
    b'<body id="error-page"><p>Warning: Undefined in <b>/srv/a.php</b> on line 3</p></body></html>'
)
GOOD = (
    PAGE,
    b"PHP Fatal error:  Uncaught Error: no in /srv/a.php on line 3",
    b'{"name": "Acme", "namespaces": ["wp/v2"]}',
    b"",
)
HEADS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\nAge: HIT\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\nAge: 7\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
)


def test_ten_thousand_hostile_pages_are_judged(server):
    shop = site(server)

    def parse(body: bytes) -> None:
        text = body[:300].decode("latin-1")
        headers = (("location", text), ("content-type", text), ("x-cache", text), ("age", text))
        for status in (200, 503):
            answer = Answer(asked=shop.url, url=text, status=status, body=body, headers=headers)
            ask = PageRequest("/", shop.url, lambda a: judge(a, Expectation(text="x")))
            result = _page_check(ask, answer, 0.1, with_credentials=status == 200)
            assert "checked" not in "".join(result.page.findings)
            list(own_stylesheets(shop, [result]))
            traits(answer)
            for check in (_rest, _ajax, _missing_page):
                check(answer)

    endure(parse, hostile(GOOD, 10_000), refusals=())


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.long)])
def test_hostile_answers_over_a_real_connection_are_answers_or_failures(server, count):
    rules = Rules.of(server.url, size=1 << 20)

    def parse(data: bytes) -> None:
        server.plays["/"] = data
        found = fetch(server.url, rules, 2)
        assert found.failure or found.status is not None
        assert "within" not in found.failure

    endure(parse, hostile(HEADS, count), refusals=())


def test_a_looker_asks_nobody_but_the_site(server, neighbour):
    with PageChecker(site(server)) as checker:
        statuses = checker.statuses([f"{neighbour.url}/a.css", f"{server.url}/a.css", "http://[x", ""])
    assert statuses == {
        f"{neighbour.url}/a.css": None,
        f"{server.url}/a.css": 200,
        "http://[x": None,
        "": None,
    }
    assert neighbour.asked == []
