"""Rendered reports: complete, small, safe, in the client's language and time zone."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from runner.errors import UsageError
from runner.model import Agency
from runner.report import read_logo, render_html, render_text, write
from runner.report.colors import contrast, legible
from runner.report.labels import labels
from runner.untrusted import sentence
from tests.report import samples
from tests.report.samples import change, report, work

MONTHS = ("good", "attention", "action", "empty", "many", "hostile")

GOOD = """\
Northwind Web Care
Report for Acme Bakery, November 2026

Your two websites are healthy.

We installed nine updates on four days and took all eight planned
backups. You do not need to do anything.

  updates installed: 9 of 9
  backups taken: 8 of 8
  websites healthy: 2 of 2

What we did
-----------

acme.example
  Tue 3 Nov, 02:07  WordPress: 7.0.1 → 7.0.2
  Tue 3 Nov, 02:07  WooCommerce: 9.8.1 → 9.8.3
  Tue 10 Nov, 02:07  Contact Form 7: 6.1.2 → 6.1.3
  Tue 10 Nov, 02:07  Yoast SEO: 26.2 → 26.3
  Tue 17 Nov, 02:07  WooCommerce Payments: 9.4.0 → 9.5.0
  Tue 24 Nov, 02:07  WooCommerce: 9.8.3 → 9.9.0

blog.acme.example
  Tue 3 Nov, 02:07  WordPress: 7.0.1 → 7.0.2
  Tue 17 Nov, 02:07  Twenty Twenty-Five: 1.3 → 1.4
  Tue 24 Nov, 02:07  Antispam Bee: 2.11.8 → 2.11.9

Backups
-------
- acme.example: 4 of 4 taken, newest: Tue 24 Nov, 02:01, 412\N{NO-BREAK SPACE}MB, read
  back and verified
- blog.acme.example: 4 of 4 taken, newest: Tue 24 Nov, 02:01, 88\N{NO-BREAK SPACE}MB,
  read back and verified

Next maintenance
----------------
- Tuesday 1 December, 02:00 to 04:00 (Berlin)
  acme.example and blog.acme.example
If this time does not suit you, please reply to this email.

--
Report R-2026-11-acme, created on 1 December 2026 at 08:00, covering
1\N{THIN SPACE}\N{EN DASH}\N{THIN SPACE}30 Nov 2026. We have data for 4 of 30 days; anything that was not
measured is not shown. All times are local time in Berlin.
Runs: 2026-11-03-weekly-017f, 2026-11-10-weekly-017f,
2026-11-17-weekly-017f and 2026-11-24-weekly-017f.
Questions? Just reply to this email or write to care@northwind.example.
"""


class Page(HTMLParser):
    """The tags and the visible text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data


def test_plain_text_of_good_month():
    assert render_text(samples.good()) == GOOD


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("month", MONTHS)
def test_plain_text_lines_have_at_most_72_columns(month, language):
    text = render_text(getattr(samples, month)(language=language))
    assert max(map(len, text.splitlines())) <= 72


@pytest.mark.parametrize("month", MONTHS)
def test_html_and_text_have_same_content(month):
    found = getattr(samples, month)()
    html = " ".join(Page(render_html(found)).text.split())
    text = " ".join(render_text(found).split())
    for words in ("Report for", "Open issues" if found.open else "", found.evidence.report):
        assert words in html
        assert words in text
    assert html.count("Reason:") == text.count("Reason:")


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("count", [12, 200, 2000])
def test_html_of_many_updates_is_not_clipped(count, language):
    found = samples.many(count, language=language)
    html, text = render_html(found), render_text(found)
    assert len(html.encode()) < 102_000
    assert sum(f"Plugin number {n}:" in text for n in range(count)) == count
    assert f"{found.cards['updates'].value}" == str(count)


def test_small_updates_share_a_row():
    text = Page(render_html(samples.many(60))).text
    assert text.count("and 22 more updates") == 2
    assert "Plugin number 59 3.3.5" in text


def test_html_of_many_sites_is_not_clipped():
    sites = tuple(samples.site(f"site-{n}-with-a-rather-long-name") for n in range(120))
    works = [
        work(s.name, 3, *(change(f"{n} {'ü' * 100}", "1.0." + "1" * 30, "1.1." + "2" * 30) for n in range(9)))
        for s in sites
    ]
    assert len(render_html(report(*works, sites=sites, looks=(), backups=())).encode()) < 102_000


def test_untrusted_text_is_escaped():
    html = render_html(samples.hostile())
    page = Page(html)
    assert not page.tags & {"script", "img", "i"}
    assert "script alert('x') script & b Söhne" in page.text
    assert "Müller & Söhne <Bäckerei> 🥐" in page.text
    for document in (html, render_text(samples.hostile())):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", document)


@pytest.mark.parametrize(
    ("said", "cleaned"),
    [
        ("\x1b[31mRed\x1b[0m \x1b]0;title\x07name", "Red name"),
        ("two\r\nlines\tand\x00 more", "two lines and more"),
        ("\u202eevil\u2066", "evil"),
        ("a\ud800b", "ab"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_control_characters_and_long_texts_are_removed(said, cleaned):
    assert sentence(said) == cleaned


def test_sites_are_labelled_by_address():
    assert labels({"a": "https://www.acme.example/", "b": "https://xn--bckerei-5wa.example/shop/"}) == {
        "a": "acme.example",
        "b": "bäckerei.example/shop",
    }
    assert labels({"a": "http://127.0.0.11:8080", "b": "http://localhost:1/x"}) == {"a": "a", "b": "b"}
    assert labels({"a": "http://x.example:1", "b": "http://x.example:2"}) == {"a": "a", "b": "b"}


def test_css_is_inlined_except_media_rules():
    html = render_html(samples.good())
    (style,) = re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL)
    assert "prefers-color-scheme: dark" in style
    assert "max-width: 520px" in style
    assert not re.search(r"^[^@\s][^{]*\{", style.split("@media")[0], re.MULTILINE)
    assert "http" not in html.replace("http-equiv", "")


@pytest.mark.parametrize("accent", ["#0b6b57", "#ffff00", "#000000", "#ffffff", "#808080", "red;} x{", ""])
@pytest.mark.parametrize("paper", ["#ffffff", "#181d21"])
def test_accent_is_readable_on_any_background(accent, paper):
    assert contrast(legible(accent, paper), paper) >= 4.5


def test_report_is_in_clients_language():
    text = render_text(samples.attention(language="de"))
    assert "Ihre zwei Websites sind in Ordnung. Es gibt drei offene Punkte." in text
    assert "Dienstag, 1. Dezember, 02:00 bis 04:00 Uhr (Berlin)" in text
    assert 'lang="de"' in render_html(samples.attention(language="de"))
    american = render_text(samples.good(language="en-US", timezone="America/New_York"))
    assert "Mon, Nov 2, 8:07\N{NARROW NO-BREAK SPACE}PM" in american
    assert "local time in New York" in american


def test_unknown_language_falls_back_to_english():
    assert render_text(samples.good(language="tlh")) == render_text(samples.good())
    assert render_text(samples.good(language="fr")) == render_text(samples.good())
    assert 'lang="en"' in render_html(samples.good(language="fr"))


def test_workspace_template_overrides_shipped_one(tmp_path):
    (tmp_path / "mail.txt.j2").write_text("Ours: {{ headline }}\n")
    assert render_text(samples.good(), templates=tmp_path) == "Ours: Your two websites are healthy.\n"
    assert "What we did" in render_html(samples.good(), templates=tmp_path)


def picture() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0\0\0\0"))
        + chunk(b"IEND", b"")
    )


def test_logo_is_embedded_with_alt_text(tmp_path):
    file = tmp_path / "logo.png"
    file.write_bytes(picture())
    agency = replace(samples.SETTINGS.agency, logo=str(file))
    found = samples.good()
    (tag,) = re.findall(r"<img[^>]*>", render_html(found, logo="cid:logo"))
    assert 'src="cid:logo"' in tag
    assert 'alt="Northwind Web Care"' in tag
    logo = read_logo(agency)
    assert logo is not None
    assert logo.subtype == "png"
    html, _ = write(replace(found, agency=agency), tmp_path / "out")
    assert logo.data_uri in html.read_text()


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "cannot read the logo"), (b"<svg/>", "is not a PNG"), (b"x" * 200_000, "limit")],
)
def test_unusable_logo_is_refused(tmp_path, content, why):
    file = tmp_path / "logo.svg"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_logo(Agency(logo=str(file)))


def test_files_are_named_by_client_and_period(tmp_path):
    html, text = write(samples.good(), tmp_path / "reports" / "out")
    assert (html.name, text.name) == ("acme-2026-11.html", "acme-2026-11.txt")
    assert text.read_text() == GOOD
    outside = write(replace(samples.good(), client="../../etc/x"), tmp_path / "out")
    assert all(path.parent == tmp_path / "out" for path in outside)
    assert sorted(path.name for path in (tmp_path / "reports" / "out").iterdir()) == [html.name, text.name]
