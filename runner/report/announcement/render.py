"""Render an announcement as HTML for mail programs and as plain text, with the styles of the reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import css_inline
from jinja2 import TemplateError, TemplateSyntaxError

from runner.errors import UsageError
from runner.load.shipped import shipped
from runner.report.announcement import lines, sentences
from runner.report.announcement.content import Announcement, Message, PlannedSite, Work
from runner.report.colors import legible
from runner.report.render import HTML_LIMIT, environment, squeezed, underlined
from runner.report.words import Words

__all__ = ["announcement_html", "announcement_text", "subject_of", "words_for"]


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much the HTML shows: updates of each site, and items on hold."""

    rows: int
    held: int


@dataclass(frozen=True, slots=True)
class _Site:
    """A site as it is shown."""

    label: str
    rows: list[lines.Row]
    more: str
    """How many other updates there are; empty if none."""
    note: str


_LIMITS = (_Limits(30, 30), _Limits(8, 10), _Limits(0, 3))


def announcement_html(found: Announcement, *, logo: str | None = None, templates: Path | None = None) -> str:
    """Render the HTML with inlined CSS. Long lists are shortened until it has at most 100 kB.

    Args:
        found: The announcement.
        logo: URL of the agency's logo (`cid:` or `data:`), None to show only its name.
        templates: A folder with templates that override the shipped ones.

    Raises:
        UsageError: A template of the workspace has a mistake.
    """
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    html = ""
    for limits in _LIMITS:
        html = inliner.inline(_rendered("announcement.html.j2", templates, _context(found, limits), logo))
        if len(html.encode()) - len((logo or "").encode()) <= HTML_LIMIT:
            break
    return html


def announcement_text(found: Announcement, *, templates: Path | None = None) -> str:
    """Render the plain text with all updates, wrapped at 72 columns."""
    return squeezed(_rendered("announcement.txt.j2", templates, _context(found, None), None))


def _rendered(name: str, templates: Path | None, context: dict[str, object], logo: str | None) -> str:
    try:
        return environment(templates).get_template(name).render(**context, logo=logo)
    except TemplateError as error:
        line = f":{error.lineno}" if isinstance(error, TemplateSyntaxError) else ""
        raise UsageError(
            f"mistake in reports/{name}{line}: {error.message}",
            hint="correct the template; without it, the shipped one is used",
        ) from error


def subject_of(found: Announcement) -> str:
    """Return the subject of the mail."""
    return sentences.subject(found, words_for(found))


def words_for(found: Announcement) -> Words:
    """Return the client's language and time zone."""
    return Words(found.language, found.timezone, shipped("reports/locale"))


def _context(found: Announcement, limits: _Limits | None) -> dict[str, object]:
    words = words_for(found)
    takes_place = found.message is not Message.CANCELLED
    items = [lines.held(one, found, words) for one in found.held]
    shown = items[: limits.held] if limits else items
    sites = [_site(site, words, limits) for site in found.sites]
    return {
        "agency": found.agency,
        "words": words,
        "_": words.say,
        "tone": "good" if takes_place and not found.unlicensed and not found.before else "warn",
        "about": words.say("For {client}", client=found.client_name),
        "subject": sentences.subject(found, words),
        "status_word": sentences.status(found, words),
        "headline": sentences.headline(found, words),
        "lead": sentences.lead(found, words),
        "when": f"{words.from_to(found.starts, found.closes)} ({words.place})" if takes_place else "",
        "edits": _edits(found, words),
        "to_do": [lines.to_do(one, found, words) for one in found.unlicensed],
        "sites": [one for one in sites if one.rows or one.more or one.note] if takes_place else [],
        "several": len(found.sites) > 1,
        "held": shown,
        "held_more": len(items) - len(shown),
        "footer": lines.footer(found, words),
        "title": underlined,
        "accent_light": legible(found.agency.accent, "#ffffff"),
        "accent_dark": legible(found.agency.accent, "#181d21"),
    }


def _edits(found: Announcement, words: Words) -> str:
    """Ask the client not to edit the site; empty if nothing on it is replaced."""
    if not found.work & {Work.UPDATES, Work.RELEASE}:
        return ""
    return words.plural(
        "If possible, please do not edit your website during this time.",
        "If possible, please do not edit your websites during this time.",
        len(found.sites),
    )


def _site(site: PlannedSite, words: Words, limits: _Limits | None) -> _Site:
    rows = lines.rows(site, words)
    shown = rows[: limits.rows] if limits else rows
    return _Site(site.label, shown, _more(len(rows) - len(shown), shown, words), lines.note(site, words))


def _more(hidden: int, shown: list[lines.Row], words: Words) -> str:
    """Return how many updates are not shown; empty if none."""
    if not hidden:
        return ""
    if shown:
        return words.plural("and one more update", "and {count} more updates", hidden)
    return words.plural("one update", "{count} updates", hidden)
