"""Requests go only to the hosts and ports of the site, and to private addresses only if allowed."""

from __future__ import annotations

import socket

import pytest

from runner.web import Rules, below, fetch, join, parse_url
from runner.web.rules import is_public
from tests.web.hostile import Hostile, page

PRIVATE = (
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "100::1",
    "nonsense",
    "127.1",
    "",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_is_not_used_for_public_name(address):
    assert not is_public(address)
    assert not Rules.of("https://shop.example").admits("shop.example", address)


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "172.32.0.1", "2606:2800:21f::1", "64:ff9b::808:808"]
)
def test_public_address_is_used(address):
    assert Rules.of("https://shop.example").admits("shop.example", address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_local_url_is_not_requested_for_public_site(hostile, host, scheme):
    rules = Rules.of("http://shop.example")
    answer = fetch(f"{scheme}://{host}:{hostile.port}/", rules, 5)
    assert answer.failure
    assert hostile.asked == []


def test_name_with_private_address_is_not_requested(hostile, monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **also: real("127.0.0.1", *more, **also))
    url = f"http://shop.example:{hostile.port}/"
    assert fetch(url, Rules.of(url), 5).failure == (
        "cannot be reached: its name resolves to 127.0.0.1, a private address;"
        " to allow it, set `private: true`"
    )
    assert hostile.asked == []


def test_private_site_is_requested_at_private_address(hostile, monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *more, **also: real("127.0.0.1", *more, **also))
    url = f"http://shop.example:{hostile.port}/"
    assert fetch(url, Rules.of(url, private=True), 5).status is not None
    other = Rules.of(url, private=True).refusal(parse_url("http://printer.example/"))
    assert "another site" in other


def test_name_is_resolved_only_once(hostile, monkeypatch):
    asked = []

    def resolver(host, *_, **__):
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1" if len(asked) > 1 else "127.0.0.2", 0))
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr("runner.web.rules.is_public", lambda address: address == "127.0.0.2")
    url = f"http://shop.example:{hostile.port}/"
    assert "refused" in fetch(url, Rules.of(url), 5).failure  # nothing listens at 127.0.0.2
    assert hostile.asked == []


@pytest.fixture
def neighbour():
    server = Hostile()
    yield server
    server.close()


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}",
        "http://u:p@127.0.0.1:{port}/",
        "http://127.0.0.2:{port}/",
        "http://localhost:{port}/",
        "https://127.0.0.1:{port}/",
        "http://127.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http:\\\\127.0.0.1:{port}\\",
        "http://127.0.0.1.:{port}/",
    ],
)
def test_redirect_to_other_local_server_is_not_followed(hostile, neighbour, location):
    hostile.plays["/"] = page(
        b"", b"Location: " + location.format(port=neighbour.port).encode(), status=b"302 Found"
    )
    fetch(hostile.url, Rules.of(hostile.url), 5)
    assert hostile.asked[0] == "/"
    assert neighbour.asked == []


def test_user_in_url_is_dropped(hostile):
    hostile.plays["/"] = page(
        b"", f"Location: http://u:p@127.0.0.1:{hostile.port}/in".encode(), status=b"302 Found"
    )
    answer = fetch(hostile.url, Rules.of(hostile.url), 5)
    assert answer.url == f"{hostile.url}/in"
    assert b"Authorization" not in hostile.heads[1]


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://shop.example/", ""),
        ("http://shop.example/", ""),
        ("https://www.shop.example/x", ""),
        ("https://SHOP.example./x", ""),
        ("https://shop.example:444/", "redirects to another port, 444"),
        ("https://shop.example.evil.example/", "redirects to another site, shop.example.evil.example"),
        ("https://evil.example/", "redirects to another site, evil.example"),
        ("https://10.0.0.1/", "redirects to another site, 10.0.0.1"),
    ],
)
def test_only_hosts_and_ports_of_site_are_allowed(url, refusal):
    parsed = parse_url(url)
    assert parsed is not None
    assert Rules.of("https://shop.example").refusal(parsed) == refusal


def test_redirect_from_https_to_http_is_refused():
    secret, plain = parse_url("https://shop.example/"), parse_url("http://shop.example/")
    assert Rules.of("https://shop.example").refusal(plain, secret) == "redirects from https to http"
    assert Rules.of("https://shop.example").refusal(secret, plain) == ""


def test_private_address_is_allowed_at_its_port_only():
    rules = Rules.of("http://10.0.0.5:8080")
    assert rules.origins == {("10.0.0.5", 8080)}
    assert rules.admits("10.0.0.5", "10.0.0.5")
    assert not rules.admits("10.0.0.5", "10.0.0.6")


@pytest.mark.parametrize(
    ("reference", "inside"),
    [
        ("/blog/a.css", True),
        ("a.css?ver=1", True),
        ("http://shop.example/blog/wp-content/x..y/a.css", True),
        ("/a.css", False),
        ("/blog/../a.css", False),
        ("/blog/%2e%2e/a.css", False),
        ("/blog/.%2E/a.css", False),
        ("/blog/%252e%252e/a.css", False),
        ("/blog/..%2fa.css", False),
        ("/blog/..\\a.css", False),
        ("/blog/%2e%2e%5ca.css", False),
        ("/blog/..;x/a.css", False),
        ("/blogger/a.css", False),
        ("//evil.example/blog/a.css", False),
        ("http://shop.example:81/blog/a.css", False),
        ("https://www.shop.example/blog/a.css", True),
        ("http://evil@shop.example.evil/blog/a.css", False),
    ],
)
def test_below_sees_through_encoded_dots(reference, inside):
    base = parse_url("http://shop.example/blog")
    url = parse_url(join("http://shop.example/blog/", reference))
    assert base is not None
    assert url is not None
    assert below(url, base) is inside


def test_unicode_url_is_encoded():
    url = parse_url("https://straße.example/größe?q=ä b")
    assert str(url) == "https://xn--strae-oqa.example/gr%C3%B6%C3%9Fe?q=%C3%A4%20b"


def test_urls_named_by_site_need_public_addresses():
    rules = Rules.named_by_a_site("https://mapped.example", "http://127.0.0.1:6379", "http://10.0.0.5")
    assert rules.refusal(parse_url("https://www.mapped.example/a")) == ""
    assert rules.refusal(parse_url("http://127.0.0.1:6379/")) == "redirects to another site, 127.0.0.1"
    assert rules.refusal(parse_url("http://10.0.0.5/")) == "redirects to another site, 10.0.0.5"
    assert not rules.admits("mapped.example", "10.0.0.5")
