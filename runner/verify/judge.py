"""What is wrong with a page. Pure: an answer and an expectation go in, findings come out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Answer", "Expectation", "count_stylesheets", "judge"]

_FATAL = (
    (re.compile(rb"There has been a critical error on this website"), "WordPress reports a critical error"),
    (
        re.compile(rb"(?:<b>)?(?:PHP )?(?:Fatal|Parse) error(?:</b>)?:\s+\S[^<\n]{0,200} in (?:<b>)?/"),
        "a PHP error is printed on the page",
    ),
    (
        re.compile(rb"Error establishing a database connection", re.IGNORECASE),
        "WordPress cannot reach its database",
    ),
    (
        re.compile(rb"<body[^>]{0,200}\bid=[\"']?error-page\b"),
        "shows the page on which WordPress gives up",
    ),
)
_STYLESHEET = re.compile(rb"<link\b[^>]*\brel=[\"']?stylesheet", re.IGNORECASE)
_UNAVAILABLE = 503
_LOGIN = re.compile(r"/wp-login\.php(?:$|\?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a page must be like."""

    status: int = 200
    text: str | None = None
    """A text that must stand in the page's source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. `failure` is why no answer came; then the rest is empty."""

    asked: str
    url: str = ""
    """Where redirects led to."""
    status: int | None = None
    body: bytes = b""
    failure: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Names in small letters."""
    cut: bool = False
    """The body was longer than is read."""

    @property
    def waits(self) -> bool:
        """The door is closed for a moment, as WordPress closes it for its updates."""
        if self.status != _UNAVAILABLE:
            return False
        return any(name == "retry-after" for name, _ in self.headers) or b"maintenance" in self.body.lower()


def count_stylesheets(body: bytes) -> int:
    """How many stylesheets the page links to."""
    return len(_STYLESHEET.findall(body))


def judge(answer: Answer, expected: Expectation) -> tuple[str, ...]:
    """Everything that is wrong with the answer, a sentence each."""
    if answer.failure:
        return (answer.failure,)
    found = []
    if answer.status != expected.status:
        found.append(f"answers {answer.status} where {expected.status} is expected")
    found += [sentence for pattern, sentence in _FATAL if pattern.search(answer.body)][:1]
    if answer.status == expected.status:
        found += _content(answer, expected)
    return tuple(found)


def _content(answer: Answer, expected: Expectation) -> list[str]:
    found = []
    asked, ended = urlsplit(answer.asked), urlsplit(answer.url)
    if _bare(asked.hostname) != _bare(ended.hostname):
        found.append(f"leads to another site, {ended.hostname}")
    elif _LOGIN.search(answer.url) and not _LOGIN.search(answer.asked):
        found.append("leads to the login page")
    if not answer.body.strip():
        found.append("is empty")
    elif expected.text is not None and expected.text.encode() not in answer.body:
        found.append(f"lacks the text {expected.text!r}")
    return found


def _bare(host: str | None) -> str:
    return (host or "").removeprefix("www.")
