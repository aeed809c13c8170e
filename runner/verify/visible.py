"""Extract the visible text of a page, without tags and hidden elements.

Pages are untrusted, so the time is proportional to their length: no pattern backtracks, and reading ends at
a tag or comment without end, as in a browser.
"""

from __future__ import annotations

import codecs
import html
import re
import unicodedata
from collections.abc import Iterator

from runner.web import Answer

__all__ = ["decoded", "folded", "reads", "visible_text"]

_HEAD = 4096
"""Bytes at the start of a page that may declare its charset."""
_TAGS = 200_000
"""Most tags that are read; normal pages have some thousands."""
_ACCENTS = 30
"""Most combining marks on one letter: sorting them takes long."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LABEL = r"[\"']?([A-Za-z0-9_.:-]{1,40})"
_CHARSET = re.compile(rf"charset\s{{0,9}}=\s{{0,9}}{_LABEL}", re.IGNORECASE)
_META = re.compile(rf"<meta\b[^>]{{0,300}}?charset\s{{0,9}}=\s{{0,9}}{_LABEL}", re.IGNORECASE)
_PROLOG = re.compile(rf"\s{{0,99}}<\?xml\b[^>]{{0,200}}?encoding\s{{0,9}}=\s{{0,9}}{_LABEL}")
_WEB_CHARSETS = frozenset(
    {
        "utf-8", "big5", "euc_jp", "euc_kr", "gb18030", "gbk", "iso2022_jp", "koi8-r", "koi8-u", "shift_jis",
        "mac-roman", "mac-cyrillic", "cp866", "cp874", *(f"cp125{n}" for n in range(9)),
        *(f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)),
    }
)  # fmt: skip
_AS_BROWSERS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gbk",
}
"""Charsets that browsers replace by others."""
_MARKUP = re.compile(
    r"(?:text/html|application/xhtml\+xml|(?:text|application)/xml|.*\+xml)\b", re.IGNORECASE
)
_TAG = re.compile(
    r"<(?:(?P<comment>!--)|(?P<other>[!?]|/(?![A-Za-z]))|(?P<end>/?)(?P<name>[A-Za-z][^\s/>]{0,60}))"
)
_REST_OF_TAG = re.compile(r"(?P<attributes>(?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+)>")
_COMMENT_END = re.compile(r"--!?>")
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s=/>\"']++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'>]++)))?+"
)
_HIDING_STYLE = re.compile(r"display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden", re.IGNORECASE)
_NOT_TEXT = frozenset(
    {
        "script", "style", "noscript", "template", "iframe", "noframes", "noembed", "object",
        "datalist",
    }
)  # fmt: skip
"""Elements whose content is not visible text."""
_VOID = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
        "track", "wbr",
    }
)  # fmt: skip
_INLINE = frozenset(
    {
        "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
        "font", "i", "ins", "kbd", "label", "mark", "meter", "nobr", "output", "q", "ruby", "s",
        "samp", "slot", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",
        "wbr",
    }
)  # fmt: skip
"""Elements that do not separate words; all others do."""
_OPTIONAL_END = frozenset(
    {
        "p", "li", "dt", "dd", "tr", "td", "th", "option", "optgroup", "thead", "tbody", "tfoot",
        "rb", "rt", "rp",
    }
)  # fmt: skip
"""Elements whose end tag may be omitted."""
_LONG_NUMBER = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9A-Fa-f]{7,}+);?")
_FOLDED = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        "\u2026": "...",
    }
)
"""Typographic punctuation that WordPress substitutes for typed characters."""


def reads(answer: Answer, text: str) -> bool:
    """Whether a text is visible on the page. A text with a tag is searched in the source."""
    kind = answer.header("content-type")
    source = decoded(answer.body, kind)
    if _TAG.search(text):
        return text in source
    return folded(text) in folded(visible_text(source, kind))


def decoded(body: bytes, content_type: str = "") -> str:
    """Decode a page as browsers do: by byte order mark, header or declaration on the page."""
    for bom, name in _BOMS:
        if body.startswith(bom):
            return body[len(bom) :].decode(name, "replace")
    head = body[:_HEAD].decode("latin-1")
    named = _CHARSET.search(content_type[:500])
    found = _codec(named[1]) if named else ""
    if not found:
        declared = _META.search(head) or _PROLOG.match(head)
        found = _codec(declared[1]) if declared else ""
        found = (
            "utf-8" if found.startswith("utf-16") else found
        )  # the declaration itself could be read as ASCII
    if found:
        return body.decode(found, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data"
        return body.decode("utf-8" if is_cut else "cp1252", "replace")


def folded(text: str) -> str:
    """Normalise a text for comparison: composed characters, single spaces, no invisible characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", "".join(_visible_characters(text))).translate(_FOLDED)
    return " ".join(text.split())


def _visible_characters(text: str) -> Iterator[str]:
    """Yield the visible characters, with a limited number of accents on one letter."""
    accents = 0
    for c in text:
        accents = accents + 1 if unicodedata.combining(c) else 0
        if accents <= _ACCENTS and unicodedata.category(c) != "Cf":
            yield c


def visible_text(source: str, content_type: str = "") -> str:
    """Return the visible text of HTML. Other content types are returned unchanged."""
    if content_type.strip() and not _MARKUP.match(content_type.strip()[:100]):
        return source
    return "".join(_shown(source))


def _shown(source: str) -> Iterator[str]:
    at, hidden = 0, _Hidden()
    for _ in range(_TAGS):
        tag = _TAG.search(source, at)
        if not hidden:
            yield _unescaped(source[at : tag.start() if tag else len(source)])
        end = _end_of(source, tag) if tag else None
        if tag is None or end is None:
            return
        at, attributes = end
        name = (tag["name"] or "").lower()
        if name in _NOT_TEXT and not tag["end"]:
            close = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(source, at)
            if close is None:
                return
            at = close.start()
        hidden.pass_tag(name, attributes, ends=bool(tag["end"]))
        if name not in _INLINE and not hidden:
            yield "\n" if name else ""


def _end_of(source: str, tag: re.Match[str]) -> tuple[int, str] | None:
    """Return the end of a tag, comment or declaration, and its attributes; None if it has no end."""
    if tag["comment"]:
        if source.startswith((">", "->"), tag.end()):
            return source.index(">", tag.end()) + 1, ""
        end = _COMMENT_END.search(source, tag.end())
        return (end.end(), "") if end else None
    if not tag["name"]:
        close = source.find(">", tag.start())
        return (close + 1, "") if close >= 0 else None
    rest = _REST_OF_TAG.match(source, tag.end())
    return (rest.end(), rest["attributes"]) if rest else None


def _is_hidden(name: str, attributes: str) -> bool:
    lowered = attributes[:_HEAD].lower()
    if name != "dialog" and not any(word in lowered for word in ("hidden", "display")):
        return False
    found = {
        one["name"]: one["double"] or one["single"] or one["bare"] or ""
        for one in _ATTRIBUTE.finditer(lowered)
    }
    hidden = "hidden" in found and found["hidden"].strip() != "until-found"
    return (
        hidden
        or bool(_HIDING_STYLE.search(found.get("style", "")))
        or (name == "dialog" and "open" not in found)
    )


def _unescaped(text: str) -> str:
    """Resolve character references. Numbers that are too long become replacement characters."""
    return html.unescape(_LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text


def _codec(label: str) -> str:
    """Return Python's codec for the label of a charset, as browsers understand it; empty if unknown."""
    label = label.lower()
    if label in {"utf-16", "utf-16le", "utf-16be", "unicode"}:
        return "utf-16-be" if label == "utf-16be" else "utf-16-le"
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return ""
    name = _AS_BROWSERS.get(name, name)
    return name if name in _WEB_CHARSETS else ""


class _Hidden:
    """The current hidden element; false outside of one."""

    def __init__(self) -> None:
        self._name = ""
        self._depth = 0
        self._inside: dict[str, int] = {}

    def __bool__(self) -> bool:
        return self._depth > 0

    def pass_tag(self, name: str, attributes: str, *, ends: bool) -> None:
        """Process the next tag."""
        if not self:
            if not ends and name not in _VOID and _is_hidden(name, attributes):
                self._name, self._depth, self._inside = name, 1, {}
        elif self._name in _OPTIONAL_END:
            self._pass_in_optional_end(name, ends=ends)
        elif name == self._name:
            self._depth += -1 if ends else 1

    def _pass_in_optional_end(self, name: str, *, ends: bool) -> None:
        inside = self._inside.get(name, 0) + (-1 if ends else 1)
        if (name == self._name and not self._inside) or inside < 0 or self._closes_paragraph(name, ends=ends):
            self._depth = 0
        elif name not in _VOID | _OPTIONAL_END:
            self._inside[name] = inside
            if not inside:
                del self._inside[name]

    def _closes_paragraph(self, name: str, *, ends: bool) -> bool:
        """Whether a block element ends a hidden paragraph."""
        return self._name == "p" and not ends and not self._inside and name not in _INLINE | _VOID
