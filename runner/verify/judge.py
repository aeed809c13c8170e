"""Judge the answer of a page by what is expected of it. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from runner.untrusted import sentence
from runner.verify.causes import LOGIN, landing
from runner.verify.page import (
    has_critical_error,
    has_database_error,
    has_fatal_error,
    is_wp_die,
    stylesheets,
)
from runner.verify.traits import content_size
from runner.verify.visible import reads
from runner.web import Answer, parse_url

__all__ = [
    "EMPTY",
    "LACKS",
    "Answer",
    "Expectation",
    "count_stylesheets",
    "is_temporarily_unavailable",
    "judge",
]

EMPTY = "is empty"
LACKS = "lacks the text"
"""Prefixes of findings."""

_ERRORS = (
    (has_critical_error, "WordPress reports a critical error"),
    (has_fatal_error, "a PHP error is printed on the page"),
    (has_database_error, "WordPress cannot reach its database"),
    (is_wp_die, "shows the error page of WordPress"),
)
_UNAVAILABLE = 503
_ARTICLE = 500
"""Characters: more than an error page has. A longer page quotes the error."""
_PATH = 120
"""Longest part of a path shown in a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """The expected properties of a page."""

    status: int = 200
    text: str | None = None
    """Text that must be visible on the page."""
    leads_to: str = ""
    """Expected target of a redirect: a URL or a path of the site; empty if no redirect is expected."""
    stated: bool = False
    """The inventory states this. Error messages are then intended, except those of PHP."""


def is_temporarily_unavailable(answer: Answer) -> bool:
    """Whether the site is in maintenance mode, as WordPress is during updates."""
    if answer.status != _UNAVAILABLE:
        return False
    return bool(answer.header("retry-after")) or b"maintenance" in answer.body.lower()


def count_stylesheets(body: bytes) -> int:
    """Count the stylesheets that a page links to."""
    return sum(1 for _ in stylesheets(body))


def judge(answer: Answer, expected: Expectation) -> tuple[str, ...]:
    """Return everything that is wrong with an answer, a sentence each."""
    if expected.leads_to and answer.status is not None:
        return _redirect(answer, expected)
    if answer.failure:
        return (answer.failure,)
    findings = []
    if answer.status != expected.status:
        findings.append(f"answers {answer.status} where {expected.status} is expected")
    findings += _errors(answer, stated=expected.stated and answer.status == expected.status)
    if answer.status == expected.status:
        findings += _content(answer, expected)
    return tuple(findings)


def _redirect(answer: Answer, expected: Expectation) -> tuple[str, ...]:
    """Judge a page that must redirect. The target page is judged only if it was requested."""
    final, wanted = parse_url(answer.url), parse_url(expected.leads_to)
    target = f"{final.host}{final.path}".rstrip("/") if final and wanted else landing(answer)
    expected_target = (
        f"{wanted.host}{wanted.path}".rstrip("/")
        if wanted
        else expected.leads_to.partition("?")[0].rstrip("/")
    )
    if target != expected_target:
        shown = sentence(target or "/", _PATH)
        return (f"redirects to {shown} where {expected.leads_to} is expected",)
    if answer.failure:
        return ()
    findings = _errors(answer, stated=expected.stated)
    if answer.status is not None and answer.status >= 400:  # noqa: PLR2004
        findings.append(f"redirects to a page that answers {answer.status}")
    elif not answer.body.strip():
        findings.append(EMPTY)
    return tuple(findings)


def _errors(answer: Answer, *, stated: bool) -> list[str]:
    if stated or _is_article(answer):
        return [finding for shows, finding in _ERRORS if shows is has_fatal_error and shows(answer.body)]
    return [finding for shows, finding in _ERRORS if shows(answer.body)][:1]


def _is_article(answer: Answer) -> bool:
    """Whether it is a normal page, which may quote error messages."""
    if answer.status != 200 or answer.cut or b"</html" not in answer.body.lower():  # noqa: PLR2004
        return False
    return not is_wp_die(answer.body) and content_size(answer.body) >= _ARTICLE


def _content(answer: Answer, expected: Expectation) -> list[str]:
    findings = []
    asked, final = parse_url(answer.asked), parse_url(answer.url)
    if asked and final and _bare(asked.host) != _bare(final.host):
        findings.append(f"redirects to another site, {final.host}")
    elif LOGIN.search(answer.url) and not LOGIN.search(answer.asked):
        findings.append("redirects to the login page")
    if not answer.body.strip() and not (expected.stated and expected.status != 200):  # noqa: PLR2004
        findings.append(EMPTY)
    elif expected.text is not None and not reads(answer, expected.text):
        in_source = expected.text.encode() in answer.body
        where = " (in its source, not shown)" if in_source else ""
        findings.append(f"lacks the text {expected.text!r}{where}")
    return findings


def _bare(host: str) -> str:
    return host.removeprefix("www.")
