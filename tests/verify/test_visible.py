"""The text of `expect` must be visible on the page, in any notation."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.verify import Answer, Expectation, judge
from runner.verify.visible import decoded, folded, reads, visible_text

TEXT = "Müller & Söhne"
URL = "https://shop.example/"


def page(body: str | bytes, kind: str = "text/html; charset=utf-8") -> Answer:
    raw = body if isinstance(body, bytes) else body.encode()
    headers = (("content-type", kind),) if kind else ()
    return Answer(asked=URL, url=URL, status=200, body=raw, headers=headers)


@pytest.mark.parametrize(
    "body",
    [
        "<p>Müller & Söhne</p>",
        "<p>Müller &amp; Söhne</p>",
        "<p>M&uuml;ller &#38; S&#246;hne</p>",
        "<p>M&#xFC;ller &#x26; S&#XF6;hne</p>",
        "<p>Mu\u0308ller & So\u0308hne</p>",
        "<p>Mu&#776;ller & So&#x308;hne</p>",
        "<p>Müller\u00a0&amp;&nbsp;Söhne</p>",
        "<p>Müller\n\t  &amp;\r\n Söhne</p>",
        "<p>Mül&shy;ler & Söh\u00adne</p>",
        "<p>Mül<wbr>ler & Söh\u200bne</p>",
        "<p>\u202aMüller & Söhne\u202c</p>",
        "<p>M<b>ü</b>ller & <em class='a > b'>S</em>öhne</p>",
        "<h1>Müller<br/>&amp;<br>Söhne</h1>",
        "<td>Müller</td><td>&</td><td>Söhne</td>",
        "<p>Müller <!-- and sons -->& Söhne</p>",
        "<title>Müller &amp; Söhne</title>",
        "<p>1 < 2 Müller & Söhne",
        "<script>if (a<b) { c = '<div hidden>' }</script>Müller & Söhne",
        "<SCRIPT>x</Script >Müller & Söhne",
        "<style>a:before { content: '<!--' }</style>Müller & Söhne",
        "<!----><!-->Müller & Söhne",
        "<div hidden><div>a</div><span>x</div>Müller & Söhne",
        "<p hidden>x<p>Müller & Söhne",
        "<ul><li style='display: none'>x<li>Müller & Söhne</ul>",
        "<ul><li hidden><p>x</p></ul>Müller & Söhne",
        "<div data-hidden='hidden' class='hidden' aria-hidden=false>Müller & Söhne</div>",
        "<div title='style=display:none'>Müller & Söhne</div>",
        "<div hidden=until-found>Müller & Söhne</div>",
        '<div class="a"" id="b">Müller & Söhne "x"',
        "<dialog open>Müller & Söhne</dialog>",
        "<x-name>Müller</x-name> &amp <x-name>Söhne</x-name>",
        "</div></>Müller & Söhne",
    ],
)
def test_visible_text_is_found(body: str) -> None:
    assert judge(page(body), Expectation(text=TEXT)) == ()


@pytest.mark.parametrize(
    "body",
    [
        "<p>Müller und Söhne</p>",
        "<p>Mueller & Soehne</p>",
        "<p>MÜLLER & SÖHNE</p>",
        "<p>Müller &amp;amp; Söhne</p>",
        "<p>M ü ller & Söhne</p>",
        "<p>Mül</p><p>ler & Söhne</p>",
        "<script>'Müller & Söhne'</script>",
        '<script type=\'application/ld+json\'>{"name": "Müller & Söhne"}</script>',
        "<style>/* Müller & Söhne */</style>",
        "<!-- Müller & Söhne -->",
        "<!-- a > b Müller & Söhne -->",
        "<img alt='Müller & Söhne'>",
        "<meta name=description content='Müller & Söhne'>",
        "<input type=hidden value='Müller & Söhne'>",
        "<div hidden>Müller & Söhne</div>",
        "<div HIDDEN=''><div>a</div>Müller & Söhne</div>",
        '<div style="color:red; DISPLAY : none !important"><p>Müller & Söhne</p></div>',
        "<div style='visibility:hidden'>Müller & Söhne</div>",
        "<p hidden>a <b>b</b> Müller & Söhne</p>",
        "<template>Müller & Söhne</template>",
        "<noscript>Müller & Söhne</noscript>",
        "<dialog>Müller & Söhne</dialog>",
        "<p title='Müller & Söhne",
        "<script>Müller & Söhne",
    ],
)
def test_invisible_text_is_not_found(body: str) -> None:
    (finding,) = judge(page(body + "<p>Welcome</p>"), Expectation(text=TEXT))
    assert finding.startswith(f"lacks the text '{TEXT}'")


def test_text_in_source_only_is_reported() -> None:
    (finding,) = judge(page("<!-- Müller & Söhne -->x"), Expectation(text=TEXT))
    assert finding == f"lacks the text '{TEXT}' (in its source, not shown)"


@pytest.mark.parametrize(
    ("codec", "kind", "before"),
    [
        ("iso-8859-1", "text/html; charset=ISO-8859-1", ""),
        ("cp1252", 'text/html; Charset="Windows-1252"', ""),
        ("iso-8859-15", "text/html;charset=latin-9", ""),
        ("utf-8", "text/html", ""),
        ("cp1252", "text/html", ""),
        ("latin-1", "text/html", "<meta charset=iso-8859-1>"),
        ("latin-1", "", "<META HTTP-EQUIV='Content-Type' CONTENT='text/html; charset=iso-8859-1'>"),
        ("latin-1", "application/xhtml+xml", "<?xml version='1.0' encoding='ISO-8859-1'?>"),
        ("utf-8-sig", "text/html; charset=iso-8859-1", ""),
        ("utf-8", "text/html; charset=utf-8", "<meta charset=iso-8859-1>"),
        ("utf-16", "text/html", ""),
        ("utf-16-be", "text/html; charset=utf-16be", ""),
        ("utf-16-le", "text/html; charset=utf-16", ""),
        ("utf-8", "text/html; charset=x-unknown", "<meta charset=utf-8>"),
        ("utf-8", "text/html", "<meta charset=utf-16>"),
        ("cp1250", "text/html; charset=windows-1250", ""),
    ],
)
def test_page_is_decoded_as_in_a_browser(codec: str, kind: str, before: str) -> None:
    assert judge(page(f"{before}<p>{TEXT}</p>".encode(codec), kind), Expectation(text=TEXT)) == ()


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("shift_jis", "カートに入れる"),
        ("gb18030", "加入购物车"),
        ("big5", "加入購物車"),
        ("euc-kr", "장바구니"),
        ("koi8-r", "Корзина"),
        ("cp1251", "Корзина"),
        ("iso-8859-2", "Košík"),
        ("cp1255", "סל קניות"),
    ],
)
def test_non_latin_charsets_are_decoded(codec: str, text: str) -> None:
    assert (
        judge(page(f"<p>{text}</p>".encode(codec), f"text/html; charset={codec}"), Expectation(text=text))
        == ()
    )


@pytest.mark.parametrize(
    "label", ["utf-7", "hex", "zlib", "idna", "punycode", "unicode_escape", "x" * 500, "os", ""]
)
def test_other_codecs_are_ignored(label: str) -> None:
    assert decoded("Größe+ACI-".encode(), f"text/html; charset={label}") == "Größe+ACI-"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ('Tom\'s "best" - 10...', "Tom&#8217;s &#8220;best&#8221; &#8211; 10&#8230;"),
        ("50 €", "50&nbsp;&euro;"),
        ("Add to cart", "<button><span>Add</span> <span>to cart</span></button>"),
        ("  Add   to cart ", "Add to cart"),
        ("a < b", "a &lt; b"),
        ("é", "e&#769;"),
        ("שלום", "<bdo dir=rtl>ש&rlm;לום</bdo>"),
        ("👩\u200d🚀", "👩&zwj;🚀"),
    ],
)
def test_typed_text_matches_its_typography(typed: str, written: str) -> None:
    assert reads(page(written), typed)


def test_text_with_a_tag_is_searched_in_source() -> None:
    assert reads(page("<body><h1 class=a>Shop</h1></html>"), "</html>")
    assert reads(page("<!-- served by cache --><p>x"), "<!-- served by cache -->")
    assert not reads(page("<p>&lt;/html&gt;"), "</html>")


def test_other_content_types_are_searched_unchanged() -> None:
    assert reads(page('{"name": "<b>Müller & Söhne"}', "application/json"), TEXT)
    assert reads(page("<!-- Müller &\n Söhne", "text/plain; charset=utf-8"), TEXT)


@given(st.text(max_size=60))
def test_escaped_text_is_found_on_its_page(text: str) -> None:
    import html

    assert folded(visible_text(html.escape(text))) == folded(text)


MEGA = 1 << 20
HOSTILE = {
    "open brackets": "<" * 2 * MEGA,
    "tags": "<a>" * (MEGA // 2),
    "quotes": "<a b='" * MEGA,
    "equals": "<a =" * MEGA,
    "comments": "<!--" * MEGA,
    "ampersands": "&" * 2 * MEGA,
    "a long number": "&#" + "9" * 2 * MEGA,
    "long numbers": "&#x1234567;" * (MEGA // 8),
    "scripts": "<script>" * MEGA,
    "hidden in hidden": "<div hidden>" * (MEGA // 8),
    "hidden without end": "<li hidden>" + "".join(f"<x{n}>" for n in range(MEGA // 8)),
    "white space in a tag": "<a " + " " * 2 * MEGA,
    "attributes": "<a hidden " + "a= " * MEGA,
    "accents": "a" + "\u0308\u0323" * (MEGA // 2),
    "soft hyphens": "\u00ad" * MEGA,
    "metas": "<meta " * MEGA,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_page_is_read_in_time(name: str) -> None:
    answer = page(HOSTILE[name][: 4 * MEGA])
    started = time.process_time()
    assert not reads(answer, TEXT)
    assert time.process_time() - started < 6


def test_random_bytes_never_raise() -> None:
    chance = random.Random(7)  # noqa: S311 - for tests
    pieces = [
        "<",
        ">",
        "&#",
        "&amp;",
        "<!--",
        "-->",
        "<p hidden>",
        "</p>",
        "'",
        '"',
        "=",
        "<script>",
        "</script>",
        "ü",
    ]
    for _ in range(500):
        body = "".join(chance.choices(pieces, k=60)).encode() + chance.randbytes(20)
        reads(
            page(
                body, chance.choice(["", "text/html", "text/html; charset=utf-16", "text/html; charset=big5"])
            ),
            TEXT,
        )
