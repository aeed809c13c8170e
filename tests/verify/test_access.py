"""What `access` says is shown to the site itself, and to nobody else."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from runner.errors import SecretError
from runner.model import Access, NamedSecret, SecretRef, SecretSource, Seen, Site
from runner.verify import Expectation, access_headers, look, observe
from runner.web import Browser, Rules, parse_url
from runner.web.url import same_site
from tests.verify.shop import FAST, PAGE, Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.model import PageLook
    from tests.verify.shop import Handler

REF = SecretRef(SecretSource.ENV, "SHOP")
BASIC = "Basic YWRhOmxlbW9uLXRyZWU="
"""`ada:lemon-tree`."""


@pytest.fixture
def other() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def site_of(shop: Shop, access: Access | None = None) -> Site:
    return Site(name="shop", client="acme", host="web1", url=shop.url, path="/srv", access=access)


def at(shop: Shop, access: Access | None, secret: str = "lemon-tree") -> PageLook:  # noqa: S107
    site = site_of(shop, access)
    shown = access_headers(site.access, lambda _: secret)
    (page,) = look(site, Expectation(), timing=FAST, credentials=shown).pages
    return page


def behind_a_password(one: Handler) -> None:
    if one.headers["Authorization"] == BASIC:
        one.answer(200, PAGE)
    else:
        one.answer(401, b"no", **{"WWW-Authenticate": "Basic"})


ADA = Access(user="ada", password=REF)


def test_a_password_lets_us_in_and_a_wrong_one_is_named(shop: Shop) -> None:
    shop.pages["/"] = behind_a_password
    assert (at(shop, ADA).seen, at(shop, ADA).healthy) == (Seen.SEEN, True)
    none, wrong = at(shop, None), at(shop, ADA, "orange")
    assert (none.seen, wrong.seen) == (Seen.REFUSED, Seen.REFUSED)
    assert "asks for a password" in none.refusal
    assert "set `access` for the site" in none.refusal
    assert wrong.refusal == "the site refuses the credentials of `access`"


def test_a_header_and_a_cookie_let_us_in(shop: Shop) -> None:
    def door(one: Handler) -> None:
        has = "pass=lemon-tree" in (one.headers["Cookie"] or "")
        one.answer(200 if has or one.headers["X-Token"] == "lemon-tree" else 403, PAGE)

    shop.pages["/"] = door
    assert at(shop, None).seen is Seen.REFUSED
    assert at(shop, Access(header=NamedSecret("X-Token", REF))).seen is Seen.SEEN
    assert at(shop, Access(cookie=NamedSecret("pass", REF))).seen is Seen.SEEN


def test_the_cookie_stands_beside_the_one_that_passes_caches(shop: Shop) -> None:
    said: set[str] = set()
    shop.pages["/"] = lambda one: (said.add(one.headers["Cookie"] or ""), one.answer(200, PAGE))[1]
    shown = access_headers(Access(cookie=NamedSecret("pass", REF)), lambda _: "lemon-tree")
    observe(site_of(shop), timing=FAST, credentials=shown)
    assert "pass=lemon-tree" in said
    assert any("pass=lemon-tree; wordpress_logged_in_sitecrew=1" in one for one in said)


def test_nobody_else_is_shown_it(shop: Shop, other: Shop) -> None:
    """Another port of the same machine is somebody else, and so is the same name without TLS."""
    heard: list[tuple[str, str | None]] = []

    def hears(one: Handler) -> None:
        heard.append((one.server.url, one.headers["Authorization"]))
        one.answer(200, PAGE)

    shop.pages["/"] = lambda one: one.answer(302, Location=f"{other.url}/there")
    shop.pages["/here"] = other.pages["/there"] = hears
    rules = Rules.of(shop.url, other.url)
    with Browser(rules, credentials=(shop.url, {"Authorization": BASIC})) as browser:
        assert browser.fetch(f"{shop.url}/", 5.0).status == 200
        assert browser.fetch(f"{shop.url}/here", 5.0).status == 200
    with Browser(
        rules, credentials=(shop.url.replace("http:", "https:"), {"Authorization": BASIC})
    ) as browser:
        assert browser.fetch(f"{shop.url}/here", 5.0).status == 200
    assert heard == [(other.url, None), (shop.url, BASIC), (shop.url, None)]


@pytest.mark.parametrize(
    ("home", "place", "is_shown"),
    [
        ("http://shop.example/", "http://www.shop.example/", True),
        ("http://www.shop.example/", "https://shop.example/de/", True),
        ("https://shop.example/", "https://www.shop.example/", True),
        ("https://shop.example/", "http://www.shop.example/", False),
        ("https://shop.example/", "http://shop.example:443/", False),
        ("https://shop.example/", "https://www.shop.example:8443/", False),
        ("https://shop.example:8443/", "https://www.shop.example:8443/", True),
        ("https://shop.example/", "https://shop.example.evil.example/", False),
        ("https://shop.example/", "https://www.evil.example/", False),
        ("https://shop.example/", "https://wwwshop.example/", False),
        ("https://shop.example/", "https://login.shop.example/", False),
    ],
)
def test_a_site_may_lead_to_its_own_www_and_to_https(home: str, place: str, *, is_shown: bool) -> None:
    ours, theirs = parse_url(home), parse_url(place)
    assert ours
    assert theirs
    assert same_site(theirs, ours) is is_shown


@pytest.mark.parametrize(
    ("access", "secret"),
    [
        (ADA, "two\nlines"),
        (Access(header=NamedSecret("X-Token", REF)), "a\r\nX-Evil: 1"),
        (Access(header=NamedSecret("X-Token", REF)), "é"),
        (Access(cookie=NamedSecret("pass", REF)), "a; b=c"),
    ],
)
def test_what_cannot_be_shown_is_an_error_without_the_value(access: Access, secret: str) -> None:
    with pytest.raises(SecretError) as raised:
        access_headers(access, lambda _: secret)
    assert secret not in raised.value.with_hint


def test_a_password_beyond_ascii_is_sent_as_utf_8() -> None:
    assert access_headers(ADA, lambda _: "zitröne") == {"Authorization": "Basic YWRhOnppdHLDtm5l"}
