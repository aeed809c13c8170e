"""Documents that programs read: new problems are regressions."""

from __future__ import annotations

import pytest

from runner.verify import observe, settle
from tests.verify.shop import FAST, Shop
from tests.verify.wordpress import ERROR, FEED, SITEMAP, WordPress, says

BOM = b"\xef\xbb\xbf"
BROKEN = [
    ("feed", says(200, b"\n" + FEED)),
    ("feed", says(200, BOM + FEED)),
    ("feed", says(200, b"DEBUG" + FEED)),
    ("feed", says(200, FEED.replace(b"</rss>", b""))),
    ("feed", says(200, FEED.replace(b"Acme", b"A & B"))),
    ("feed", says(500, ERROR)),
    ("feed", says(404, b"")),
    ("sitemap", says(200, b" " + SITEMAP)),
    ("sitemap", says(200, b"<html>Not here</html><p>")),
    ("rest", says(200, BOM + b'{"name": "Acme"}')),
    ("rest", says(200, b'\n{"name": "Acme"}')),
    ("ajax", says(400, BOM + b"0")),
    ("ajax", says(400, b"\n0")),
    ("ajax", says(400, b"DEBUG0")),
    ("cron", says(200, BOM)),
    ("cron", says(200, b"<b>Warning</b>: it")),
]


@pytest.fixture
def wordpress(shop: Shop) -> WordPress:
    return WordPress(shop)


@pytest.mark.parametrize(("part", "answer"), BROKEN)
def test_new_problem_is_a_regression(wordpress: WordPress, part: str, answer: says) -> None:
    before = wordpress.now()
    assert before.healthy
    setattr(wordpress, part, answer)
    assert wordpress.verdict(before) != ()


@pytest.mark.parametrize(("part", "answer"), BROKEN)
def test_old_problem_is_no_regression(wordpress: WordPress, part: str, answer: says) -> None:
    setattr(wordpress, part, answer)
    before = settle(
        wordpress.site,
        observe(wordpress.site, timing=FAST),
        timing=FAST,
    )
    assert before.findings == ()
    assert wordpress.verdict(before) == ()


@pytest.mark.parametrize(("part", "answer"), BROKEN)
def test_repaired_document_is_no_regression(wordpress: WordPress, part: str, answer: says) -> None:
    right = getattr(wordpress, part)
    setattr(wordpress, part, answer)
    before = settle(
        wordpress.site,
        observe(wordpress.site, timing=FAST),
        timing=FAST,
    )
    setattr(wordpress, part, right)
    assert wordpress.verdict(before) == ()


def test_new_entries_of_feed_are_no_regression(wordpress: WordPress) -> None:
    before = wordpress.now()
    wordpress.feed = says(200, FEED.replace(b"<title>", b"<item>News</item>" * 50 + b"<title>"))
    assert wordpress.verdict(before) == ()


def test_linked_feeds_and_sitemaps_are_requested(wordpress: WordPress, shop: Shop) -> None:
    link = b'<link rel="alternate" type="application/rss+xml" href="/blog/feed/">'
    wordpress.page = lambda one: one.answer(200, b"<html>" + link + b"<body>Text</body></html>")
    wordpress.robots = says(200, f"Sitemap: {shop.url}/map.xml\nSitemap: https://other.example/x\n".encode())
    names = [page.page for page in wordpress.now().looks]
    assert "the feed /blog/feed/" in names
    assert "the sitemap /map.xml" in names
    assert not any("other" in name or name == "the feed /feed/" for name in names)


def test_second_feed_and_first_child_sitemap_are_requested(wordpress: WordPress, shop: Shop) -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="%s">'
    feeds = "".join(link % name for name in ("/feed/", "/comments/feed/", "/?podcast=1", "/another/feed/"))
    wordpress.page = says(200, f"<html>{feeds}<body>Text</body></html>".encode())
    loc = f"<sitemapindex><sitemap><loc>\n{shop.url}/child.xml?a=1&amp;b=2</loc></sitemap></sitemapindex>"
    wordpress.sitemap = says(200, b'<?xml version="1.0"?>' + loc.encode())
    found = [check.page for check in wordpress.now().machines]
    assert [page.page for page in found] == [
        "the feed /feed/",
        "the feed /",
        "the sitemap /wp-sitemap.xml",
        "the child sitemap /child.xml",
        "the cron /wp-cron.php",
    ]
    assert found[1].url.endswith("/?podcast=1")
    assert found[3].url.endswith("/child.xml?a=1&b=2")


def test_renamed_child_sitemap_is_no_regression(wordpress: WordPress) -> None:
    index = '<?xml version="1.0"?><sitemapindex><sitemap><loc>%s/%s</loc></sitemap></sitemapindex>'
    url = wordpress.site.url
    wordpress.sitemap = says(200, (index % (url, "one.xml")).encode())
    wordpress.child = says(200, FEED)
    before = wordpress.now()
    assert before.healthy
    wordpress.child = says(404)
    wordpress.sitemap = says(200, (index % (url, "two.xml")).encode())
    assert wordpress.verdict(before) == ()
    wordpress.child = says(200, BOM + FEED)
    assert "the child sitemap /one.xml: starts with a blank" in wordpress.verdict(before)[0]


def test_xml_page_of_inventory_is_checked_as_xml(wordpress: WordPress) -> None:
    kind = {"Content-Type": "application/rss+xml; charset=UTF-8"}
    wordpress.page = says(200, FEED, **kind)
    before = wordpress.now()
    assert before.healthy
    wordpress.page = says(200, BOM + FEED, **kind)
    assert "/: starts with a blank or a byte order mark" in wordpress.verdict(before)[0]


def test_entities_are_not_expanded(wordpress: WordPress) -> None:
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">]><x>' + b"&a;" * 1000 + b"</x>"
    )
    wordpress.feed = says(200, bomb)
    assert any("not valid XML" in sign for check in wordpress.now().machines for sign in check.traits.signs)
