"""What is wrong with a page. Pure: an answer and an expectation go in, findings come out."""

from __future__ import annotations

from dataclasses import dataclass

from runner.untrusted import sentence
from runner.verify.causes import LOGIN, landing
from runner.verify.page import (
    dies,
    gives_up,
    says_critical_error,
    says_no_database,
    stylesheets,
)
from runner.verify.traits import substance
from runner.verify.visible import reads
from runner.web import Answer, split

__all__ = ["EMPTY", "LACKS", "Answer", "Expectation", "count_stylesheets", "judge", "waits"]

EMPTY = "is empty"
LACKS = "lacks the text"
"""How these findings begin."""

_ERRORS = (
    (says_critical_error, "WordPress reports a critical error"),
    (dies, "a PHP error is printed on the page"),
    (says_no_database, "WordPress cannot reach its database"),
    (gives_up, "shows the page on which WordPress gives up"),
)
_UNAVAILABLE = 503
_ARTICLE = 500
"""Letters: more than a page for errors has. Who writes so many quotes the error."""
_PATH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a page must be like."""

    status: int = 200
    text: str | None = None
    """A text that visitors must read on the page."""
    leads_to: str = ""
    """Where the page must lead: an address, or a path of the site; empty where it may lead nowhere else."""
    stated: bool = False
    """The inventory says so of this page: an error message is meant, unless it is one of PHP."""


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
    if expected.leads_to and answer.status is not None:
        return _redirect(answer, expected)
    if answer.failure:
        return (answer.failure,)
    found = []
    if answer.status != expected.status:
        found.append(f"answers {answer.status} where {expected.status} is expected")
    found += _errors(answer, stated=expected.stated and answer.status == expected.status)
    if answer.status == expected.status:
        found += _content(answer, expected)
    return tuple(found)


def _redirect(answer: Answer, expected: Expectation) -> tuple[str, ...]:
    """A page that is to lead elsewhere: what is there is not ours, unless it is of the same site."""
    ended, away = split(answer.url), answer.failure
    wanted = split(expected.leads_to)
    there = f"{ended.host}{ended.path}".rstrip("/") if ended and wanted else landing(answer)
    meant = (
        f"{wanted.host}{wanted.path}".rstrip("/")
        if wanted
        else expected.leads_to.partition("?")[0].rstrip("/")
    )
    if there != meant:
        leads = sentence(there or "/", _PATH)
        return (f"leads to {leads} where {expected.leads_to} is expected",)
    if away:
        return ()
    found = _errors(answer, stated=expected.stated)
    if answer.status is not None and answer.status >= 400:  # noqa: PLR2004
        found.append(f"leads to a page that answers {answer.status}")
    elif not answer.body.strip():
        found.append(EMPTY)
    return tuple(found)


def _errors(answer: Answer, *, stated: bool) -> list[str]:
    if stated or _is_article(answer):
        return [sentence for shows, sentence in _ERRORS if shows is dies and dies(answer.body)]
    return [sentence for shows, sentence in _ERRORS if shows(answer.body)][:1]


def _is_article(answer: Answer) -> bool:
    """Whether it is a page like others, which may write about errors."""
    if answer.status != 200 or answer.cut or b"</html" not in answer.body.lower():  # noqa: PLR2004
        return False
    return not gives_up(answer.body) and substance(answer.body) >= _ARTICLE


def _content(answer: Answer, expected: Expectation) -> list[str]:
    found = []
    asked, ended = split(answer.asked), split(answer.url)
    if asked and ended and _bare(asked.host) != _bare(ended.host):
        found.append(f"leads to another site, {ended.host}")
    elif LOGIN.search(answer.url) and not LOGIN.search(answer.asked):
        found.append("leads to the login page")
    if not answer.body.strip() and not (expected.stated and expected.status != 200):  # noqa: PLR2004
        found.append("is empty")
    elif expected.text is not None and not reads(answer, expected.text):
        in_source = expected.text.encode() in answer.body
        where = " (in its source, not shown)" if in_source else ""
        found.append(f"lacks the text {expected.text!r}{where}")
    return found


def _bare(host: str) -> str:
    return host.removeprefix("www.")
