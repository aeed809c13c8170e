from __future__ import annotations

from runner.model import Site
from runner.steps.wordpress.address import server_of, start_address


def site(url, **more):
    return Site(name="s", client="c", host="h", url=url, path="/srv/s", **more)


def test_wordpress_starts_with_its_visitors_address():
    assert start_address(site("https://Shop.example/blog/")) == "https://shop.example/blog/"
    assert start_address(site("http://127.0.0.1:8080")) == "http://127.0.0.1:8080"
    assert start_address(site("http://[::1]:81")) == "http://[::1]:81"
    assert start_address(site("https://straße.example")) == "https://xn--strae-oqa.example"
    assert start_address(site("https://x.example", address="http://intern:8080")) == "http://intern:8080"


def test_plain_programs_get_the_same_server_variables():
    found = server_of(site("https://shop.example:8443/blog"))
    assert {
        key: found[key] for key in ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "REQUEST_URI", "HTTPS")
    } == {
        "HTTP_HOST": "shop.example:8443",
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "8443",
        "REQUEST_URI": "/blog",
        "HTTPS": "on",
    }
    plain = server_of(site("http://shop.example"))
    assert (plain["HTTP_HOST"], plain["SERVER_PORT"], "HTTPS" in plain) == ("shop.example", "80", False)
