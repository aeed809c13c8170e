"""Render a report as HTML for mail programs and as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import css_inline
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, FunctionLoader, StrictUndefined

from runner.load.shipped import shipped
from runner.model import ItemKind
from runner.report import lines, sentences
from runner.report.colors import legible
from runner.report.data import CompletedUpdate, ReportData
from runner.report.plain import for_client
from runner.report.words import Words

__all__ = [
    "HTML_LIMIT",
    "environment",
    "render_html",
    "render_text",
    "spoken",
    "squeezed",
    "subject",
    "underlined",
    "words_of",
]

HTML_LIMIT = 100_000
"""Bytes; Gmail clips mails larger than 102 kB."""
_COLUMNS = 72


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much the HTML shows: rows per site, names of the folded updates, and issues."""

    rows: int
    folded: int
    issues: int


_LIMITS = (_Limits(10, 300, 40), _Limits(6, 60, 20), _Limits(3, 12, 8), _Limits(0, 0, 4))


@dataclass(frozen=True, slots=True)
class _Updates:
    """The updates of one site as the HTML shows them."""

    label: str
    rows: Sequence[CompletedUpdate]
    folded: Sequence[CompletedUpdate]
    more: int
    """How many others are only counted."""


def render_html(report: ReportData, *, logo: str | None = None, templates: Path | None = None) -> str:
    """Render the HTML with inlined CSS. Long lists are shortened until it has at most 100 kB.

    Args:
        report: The report.
        logo: URL of the agency's logo (`cid:` or `data:`), None to show only its name.
        templates: A folder with templates that override the shipped ones.
    """
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    template = environment(templates).get_template("mail.html.j2")
    html = ""
    for limits in _LIMITS:
        html = inliner.inline(template.render(**_context(report, limits), logo=logo))
        if len(html.encode()) - len((logo or "").encode()) <= HTML_LIMIT:
            break
    return html


def render_text(report: ReportData, *, templates: Path | None = None) -> str:
    """Render the plain text with all updates, wrapped at 72 columns."""
    return squeezed(environment(templates).get_template("mail.txt.j2").render(**_context(report, None)))


def squeezed(text: str) -> str:
    """Return a text without empty lines in a row and spaces at the ends of lines."""
    stripped = [line.rstrip() for line in text.splitlines()]
    kept = [line for line, before in zip(stripped, ["", *stripped], strict=False) if line or before]
    return "\n".join(kept).strip() + "\n"


def subject(report: ReportData) -> str:
    """Return the subject of the mail."""
    return sentences.subject(report, words_of(report))


def spoken(report: ReportData) -> str:
    """Return the language tag of both documents; `en` if the client's language has no catalogue."""
    return words_of(report).tag


def words_of(report: ReportData) -> Words:
    """Return the client's language and time zone."""
    return Words(report.language, report.timezone, shipped("reports/locale"))


def _context(report: ReportData, limits: _Limits | None) -> dict[str, object]:
    words = words_of(report)
    report = for_client(report, words)
    open_points = report.open
    solved = [found for found in report.undone if not found.open]
    return {
        "report": report,
        "words": words,
        "_": words.say,
        "about": lines.about(report, words),
        "headline": sentences.headline(report, words),
        "lead": sentences.lead(report, words),
        "subject": sentences.subject(report, words),
        "points": open_points[: limits.issues] if limits else open_points,
        "points_more": max(len(open_points) - limits.issues, 0) if limits else 0,
        "solved": solved[: limits.issues] if limits else solved,
        "solved_more": max(len(solved) - limits.issues, 0) if limits else 0,
        "updates": _updates(report, limits),
        "point": lambda found: lines.point(found, report, words),
        "again": lambda found: lines.again(found, report, words),
        "reason": lambda found: found.why,
        "name": lambda found: lines.name(found, words),
        "kind": lambda item: lines.kind(item, words),
        "status_word": sentences.status(report, words),
        "card_words": lines.cards(words),
        "backup_count": lambda line: lines.backup_count(line, words),
        "backup_newest": lambda line: lines.backup_newest(line, words),
        "folded_words": lambda site: lines.folded(len(site.folded) + site.more, words),
        "window_sites": lambda window: words.list(map(report.label, window.sites)),
        "footer": lines.footer(report, words),
        "title": underlined,
        "accent_light": legible(report.agency.accent, "#ffffff"),
        "accent_dark": legible(report.agency.accent, "#181d21"),
    }


def underlined(text: str) -> str:
    """Return a heading of the plain text."""
    return f"{text}\n{'-' * len(text)}"


def _updates(report: ReportData, limits: _Limits | None) -> list[_Updates]:
    """Return the updates by site. In the HTML important ones have their own row, the rest share one."""
    order = {line.name: number for number, line in enumerate(report.sites)}
    by_site = sorted(report.done, key=lambda change: (order.get(change.site, len(order)), change.at))
    found = []
    for site, group in groupby(by_site, key=lambda change: change.site):
        changes = list(group)
        if limits is None or len(changes) <= limits.rows:
            found.append(_Updates(report.label(site), changes, (), 0))
            continue
        changes.sort(key=_weight)
        rows = max(limits.rows - 2, 0)
        folded = changes[rows : rows + limits.folded]
        shown = sorted(changes[:rows], key=lambda change: change.at)
        found.append(_Updates(report.label(site), shown, folded, len(changes) - rows - len(folded)))
    return found


def _weight(change: CompletedUpdate) -> tuple[bool, int, str]:
    """Sort key: WordPress first, then major before minor versions, then by name."""
    was, now = change.from_version.split("."), change.to_version.split(".")
    same = next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), 3)
    return change.kind is not ItemKind.CORE, min(same, 2), change.title.casefold()


@lru_cache(maxsize=4)
def environment(templates: Path | None) -> Environment:
    """Return the templates: those of the workspace, else those of the package."""
    own = [FileSystemLoader(templates)] if templates is not None else []
    environment = Environment(
        loader=ChoiceLoader([*own, FunctionLoader(_shipped_template)]),
        autoescape=lambda name: name is None or not name.endswith(".txt.j2"),  # noqa: S701  # plain text needs no escaping
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrap"] = _wrap
    return environment


def _shipped_template(name: str) -> str | None:
    found = shipped("reports") / name
    return found.read_text(encoding="utf-8") if found.is_file() else None


def _wrap(text: str, indent: str = "", hang: str | None = None) -> str:
    """Wrap text at 72 columns without breaking URLs."""
    return textwrap.fill(
        text,
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent if hang is None else hang,
        break_long_words="://" not in text,
        break_on_hyphens=False,
    )
