"""What is wrong with a page. Pure: an answer and an expectation go in, findings come out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.verify.page import dies, gives_up, stylesheets
from runner.web import Answer, split

__all__ = ["Answer", "Expectation", "count_stylesheets", "judge", "waits"]

_FATAL = (
    (
        lambda body: b"There has been a critical error on this website" in body,
        "WordPress reports a critical error",
    ),
    (dies, "a PHP error is printed on the page"),
    (
        lambda body: b"error establishing a database connection" in body.lower(),
        "WordPress cannot reach its database",
    ),
    (gives_up, "shows the page on which WordPress gives up"),
)
_UNAVAILABLE = 503
_LOGIN = re.compile(r"/wp-login\.php(?:$|\?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a page must be like."""

    status: int = 200
    text: str | None = None
    """A text that must stand in the page's source."""


def waits(answer: Answer) -> bool:
    """Whether the door is closed for a moment, as WordPress closes it for its updates."""
    if answer.status != _UNAVAILABLE:
        return False
    return bool(answer.header("retry-after")) or b"maintenance" in answer.body.lower()


def count_stylesheets(body: bytes) -> int:
    """How many stylesheets the page links to."""
    return sum(1 for _ in stylesheets(body))


def judge(answer: Answer, expected: Expectation) -> tuple[str, ...]:
    """Everything that is wrong with the answer, a sentence each."""
    if answer.failure:
        return (answer.failure,)
    found = []
    if answer.status != expected.status:
        found.append(f"answers {answer.status} where {expected.status} is expected")
    found += [sentence for shows, sentence in _FATAL if shows(answer.body)][:1]
    if answer.status == expected.status:
        found += _content(answer, expected)
    return tuple(found)


def _content(answer: Answer, expected: Expectation) -> list[str]:
    found = []
    asked, ended = split(answer.asked), split(answer.url)
    if asked and ended and _bare(asked.host) != _bare(ended.host):
        found.append(f"leads to another site, {ended.host}")
    elif _LOGIN.search(answer.url) and not _LOGIN.search(answer.asked):
        found.append("leads to the login page")
    if not answer.body.strip():
        found.append("is empty")
    elif expected.text is not None and expected.text.encode() not in answer.body:
        found.append(f"lacks the text {expected.text!r}")
    return found


def _bare(host: str) -> str:
    return host.removeprefix("www.")
