"""What only programs read: a byte before it counts where it is new."""

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
def test_what_keeps_programs_from_reading_is_worse_where_it_is_new(
    wordpress: WordPress, part: str, answer: says
) -> None:
    before = wordpress.now()
    assert before.healthy
    setattr(wordpress, part, answer)
    assert wordpress.verdict(before) != ()


@pytest.mark.parametrize(("part", "answer"), BROKEN)
def test_what_was_so_before_is_tolerated(wordpress: WordPress, part: str, answer: says) -> None:
    setattr(wordpress, part, answer)
    before = settle(
        wordpress.site,
        observe(wordpress.site, timing=FAST),
        timing=FAST,
    )
    assert before.findings == ()
    assert wordpress.verdict(before) == ()


@pytest.mark.parametrize(("part", "answer"), BROKEN)
def test_what_is_repaired_is_not_worse(wordpress: WordPress, part: str, answer: says) -> None:
    right = getattr(wordpress, part)
    setattr(wordpress, part, answer)
    before = settle(
        wordpress.site,
        observe(wordpress.site, timing=FAST),
        timing=FAST,
    )
    setattr(wordpress, part, right)
    assert wordpress.verdict(before) == ()


def test_a_feed_with_other_entries_is_not_worse(wordpress: WordPress) -> None:
    before = wordpress.now()
    wordpress.feed = says(200, FEED.replace(b"<title>", b"<item>News</item>" * 50 + b"<title>"))
    assert wordpress.verdict(before) == ()


def test_feeds_and_sitemaps_are_asked_for_where_they_are_named(wordpress: WordPress, shop: Shop) -> None:
    link = b'<link rel="alternate" type="application/rss+xml" href="/blog/feed/">'
    wordpress.page = lambda one: one.answer(200, b"<html>" + link + b"<body>Text</body></html>")
    wordpress.robots = says(200, f"Sitemap: {shop.url}/map.xml\nSitemap: https://other.example/x\n".encode())
    names = [page.page for page in wordpress.now().looks]
    assert "the feed /blog/feed/" in names
    assert "the sitemap /map.xml" in names
    assert not any("other" in name or name == "the feed /feed/" for name in names)


def test_the_feeds_and_the_first_child_that_are_named_are_asked_for(wordpress: WordPress, shop: Shop) -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="%s">'
    feeds = "".join(link % name for name in ("/feed/", "/comments/feed/", "/?podcast=1", "/another/feed/"))
    wordpress.page = says(200, f"<html>{feeds}<body>Text</body></html>".encode())
    loc = f"<sitemapindex><sitemap><loc>\n{shop.url}/child.xml?a=1&amp;b=2</loc></sitemap></sitemapindex>"
    wordpress.sitemap = says(200, b'<?xml version="1.0"?>' + loc.encode())
    found = [sight.page for sight in wordpress.now().machines]
    assert [page.page for page in found] == [
        "the feed /feed/",
        "the feed /",
        "the sitemap /wp-sitemap.xml",
        "the child sitemap /child.xml",
        "the cron /wp-cron.php",
    ]
    assert found[1].url.endswith("/?podcast=1")
    assert found[3].url.endswith("/child.xml?a=1&b=2")


def test_a_child_sitemap_of_another_name_is_no_loss_and_a_broken_one_is(wordpress: WordPress) -> None:
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


def test_a_page_of_the_inventory_that_is_xml_is_read_as_programs_read_it(wordpress: WordPress) -> None:
    kind = {"Content-Type": "application/rss+xml; charset=UTF-8"}
    wordpress.page = says(200, FEED, **kind)
    before = wordpress.now()
    assert before.healthy
    wordpress.page = says(200, BOM + FEED, **kind)
    assert "/: starts with a blank or a byte order mark" in wordpress.verdict(before)[0]


def test_a_document_with_entities_is_not_expanded(wordpress: WordPress) -> None:
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "' + b"a" * 1000 + b'">]><x>' + b"&a;" * 1000 + b"</x>"
    )
    wordpress.feed = says(200, bomb)
    assert any("not valid XML" in sign for sight in wordpress.now().machines for sign in sight.traits.signs)
