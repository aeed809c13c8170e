"""The credentials of `access` are sent to the site and to no other server."""

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


def check(shop: Shop, access: Access | None, secret: str = "lemon-tree") -> PageLook:  # noqa: S107
    site = site_of(shop, access)
    headers = access_headers(site.access, lambda _: secret)
    (page,) = look(site, Expectation(), timing=FAST, credentials=headers).pages
    return page


def password_protected(one: Handler) -> None:
    if one.headers["Authorization"] == BASIC:
        one.answer(200, PAGE)
    else:
        one.answer(401, b"no", **{"WWW-Authenticate": "Basic"})


ADA = Access(user="ada", password=REF)


def test_password_gives_access_and_wrong_one_is_reported(shop: Shop) -> None:
    shop.pages["/"] = password_protected
    assert (check(shop, ADA).seen, check(shop, ADA).healthy) == (Seen.SEEN, True)
    none, wrong = check(shop, None), check(shop, ADA, "orange")
    assert (none.seen, wrong.seen) == (Seen.REFUSED, Seen.REFUSED)
    assert "asks for a password" in none.refusal
    assert "set `access` for the site" in none.refusal
    assert wrong.refusal == "the site refuses the credentials of `access`"


def test_header_and_cookie_give_access(shop: Shop) -> None:
    def protected(one: Handler) -> None:
        has_cookie = "pass=lemon-tree" in (one.headers["Cookie"] or "")
        one.answer(200 if has_cookie or one.headers["X-Token"] == "lemon-tree" else 403, PAGE)

    shop.pages["/"] = protected
    assert check(shop, None).seen is Seen.REFUSED
    assert check(shop, Access(header=NamedSecret("X-Token", REF))).seen is Seen.SEEN
    assert check(shop, Access(cookie=NamedSecret("pass", REF))).seen is Seen.SEEN


def test_cookie_is_sent_with_cache_bypass_cookies(shop: Shop) -> None:
    cookies: set[str] = set()
    shop.pages["/"] = lambda one: (cookies.add(one.headers["Cookie"] or ""), one.answer(200, PAGE))[1]
    headers = access_headers(Access(cookie=NamedSecret("pass", REF)), lambda _: "lemon-tree")
    observe(site_of(shop), timing=FAST, credentials=headers)
    assert "pass=lemon-tree" in cookies
    assert any("pass=lemon-tree; wordpress_logged_in_sitecrew=1" in one for one in cookies)


def test_credentials_are_not_sent_elsewhere(shop: Shop, other: Shop) -> None:
    """Not to another port of the same host, and not without TLS if the site has it."""
    received: list[tuple[str, str | None]] = []

    def record(one: Handler) -> None:
        received.append((one.server.url, one.headers["Authorization"]))
        one.answer(200, PAGE)

    shop.pages["/"] = lambda one: one.answer(302, Location=f"{other.url}/there")
    shop.pages["/here"] = other.pages["/there"] = record
    rules = Rules.of(shop.url, other.url)
    with Browser(rules, credentials=(shop.url, {"Authorization": BASIC})) as browser:
        assert browser.fetch(f"{shop.url}/", 5.0).status == 200
        assert browser.fetch(f"{shop.url}/here", 5.0).status == 200
    with Browser(
        rules, credentials=(shop.url.replace("http:", "https:"), {"Authorization": BASIC})
    ) as browser:
        assert browser.fetch(f"{shop.url}/here", 5.0).status == 200
    assert received == [(other.url, None), (shop.url, BASIC), (shop.url, None)]


@pytest.mark.parametrize(
    ("home", "target", "is_sent"),
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
def test_credentials_follow_www_and_https_of_site(home: str, target: str, *, is_sent: bool) -> None:
    ours, theirs = parse_url(home), parse_url(target)
    assert ours
    assert theirs
    assert same_site(theirs, ours) is is_sent


@pytest.mark.parametrize(
    ("access", "secret"),
    [
        (ADA, "two\nlines"),
        (Access(header=NamedSecret("X-Token", REF)), "a\r\nX-Evil: 1"),
        (Access(header=NamedSecret("X-Token", REF)), "é"),
        (Access(cookie=NamedSecret("pass", REF)), "a; b=c"),
    ],
)
def test_unsendable_secret_is_an_error_without_its_value(access: Access, secret: str) -> None:
    with pytest.raises(SecretError) as raised:
        access_headers(access, lambda _: secret)
    assert secret not in raised.value.with_hint


def test_password_is_sent_as_utf_8() -> None:
    assert access_headers(ADA, lambda _: "zitröne") == {"Authorization": "Basic YWRhOnppdHLDtm5l"}
