"""A site's address, path and database must match."""

from __future__ import annotations

import pytest

from runner.model import Site, SiteFacts, SubSite
from runner.plan import address_mismatch, shared_tables


def site(url="https://shop.example", name="shop", host="web1", **more):
    return Site(name=name, client="c", host=host, url=url, path="/srv/shop", **more)


def facts(home="https://shop.example", siteurl=None, **more):
    return SiteFacts(wordpress="6", php="8", home=home, siteurl=home if siteurl is None else siteurl, **more)


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://shop.example", "https://shop.example/"),
        ("https://shop.example", "http://www.shop.example"),
        ("https://www.shop.example/", "https://SHOP.example."),
        ("http://shop.example:80", "https://shop.example:443"),
        ("https://shop.example/blog/", "https://shop.example/blog"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_equivalent_addresses_match(url, home):
    assert address_mismatch(facts(home), site(url)) == ""


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://shop.example", "https://blog.example"),
        ("https://shop.example", "https://shop.example/blog"),
        ("https://shop.example/shop", "https://shop.example/shopper"),
        ("https://shop.example:8443", "https://shop.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081"),
        ("https://strasse.example", "https://xn--strae-oqa.example"),
        ("https://shop.example", "https://wwwshop.example"),
        ("https://shop.example", ""),
    ],
)
def test_different_address_is_refused(url, home):
    said = address_mismatch(facts(home), site(url))
    shown = f"has the address {home}" if home else "has no address"
    assert said == (f"WordPress at /srv/shop {shown}, in the inventory it is {url}: `path` or `url` is wrong")


def test_folder_and_network_sites_match():
    assert (
        address_mismatch(
            facts("https://x.example", "https://shop.example/wp"), site("https://shop.example/wp")
        )
        == ""
    )
    network = (
        SubSite(id=1, url="https://net.example"),
        SubSite(id=2, url="https://net.example/a/", home="https://mapped.example"),
    )
    found = facts("https://net.example", network=network)
    for url in ("https://net.example", "http://net.example/a", "https://www.mapped.example"):
        assert address_mismatch(found, site(url)) == ""
    assert "https://net.example/b" in address_mismatch(found, site("https://net.example/b"))


def test_address_takes_precedence_over_url():
    proxied = site(address="http://intern.example:8080")
    assert address_mismatch(facts("http://intern.example:8080"), proxied) == ""
    assert "in the inventory it is http://intern.example:8080" in address_mismatch(facts(), proxied)


def test_sites_sharing_tables_are_reported():
    def one(name, host="web1", server="localhost", database="db", prefix="wp_"):
        read = facts(database_host=server, database_name=database, database_prefix=prefix)
        return site(name=name, host=host), read

    assert shared_tables([one("a"), one("b", prefix="b_"), one("c"), one("d", host="web2")]) == (
        ("a", "c", "db"),
    )
    far = [one("a", server="db.example"), one("b", server="DB.example", host="web2")]
    assert shared_tables(far) == (("a", "b", "db"),)
    assert shared_tables([one("a", database=""), one("b", database="")]) == ()
