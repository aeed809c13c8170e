"""The report for the client: untrusted text is reduced to plain names, and only our own reasons are shown.

Documents are rendered from nothing else, so no template, not even one in the workspace, can show text from a
site, a plugin or a server. The crew can read the original text with `report --json` and `show`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from runner.model import Outcome
from runner.report.data import About, CompletedUpdate, Issue, PackagePart, ReportData
from runner.report.reasons import reason
from runner.report.words import Words
from runner.untrusted import plain_name

__all__ = ["for_client", "plain_version"]

T = TypeVar("T", CompletedUpdate, Issue)
_NOT_IN_A_VERSION = re.compile(r"[^0-9A-Za-z.+~:-]")
_DOMAIN = re.compile(r"\.(?=[A-Za-z])")
_VERSION = 30
_UNDONE = (About.UNDO, Outcome.UNDONE)


def for_client(report: ReportData, words: Words) -> ReportData:
    """Return the report in words that are fit for the client."""
    return replace(
        report,
        done=tuple(replace(_plain(found, words), why="") for found in report.done),
        undone=tuple(replace(_plain(found, words), why=_why(found, words)) for found in report.undone),
        auto_updates=(),
    )


def _why(found: Issue, words: Words) -> str:
    """Return the reason, and what WordPress's own updates do with a held item."""
    if found.about in {About.UNSEEN, About.SLOWER} or (found.about, found.outcome) == _UNDONE:
        return ""  # part of the issue's text
    automatic = {
        "off": words.say("WordPress will not install it automatically in the meantime."),
        "forced": words.say(
            "WordPress is configured to install it automatically, which may happen at any time."
        ),
    }.get(found.by_itself, "")
    why = reason(found.why, words, found.outcome)
    return f"{why} {automatic}".strip() if why or found.by_itself == "forced" else ""


def plain_version(text: str) -> str:
    """Return a version without characters that could form a link or a phone number."""
    return _DOMAIN.sub("-", _NOT_IN_A_VERSION.sub("", text[: 4 * _VERSION]))[:_VERSION]


def _plain(found: T, words: Words) -> T:
    item = plain_name(found.item)
    has_name = found.item or found.title
    return replace(
        found,
        item=item,
        title=plain_name(found.title) or item or (words.say("(unnamed)") if has_name else ""),
        from_version=plain_version(found.from_version),
        to_version=plain_version(found.to_version),
        parts=tuple(
            PackagePart(
                plain_name(part.item), plain_version(part.from_version), plain_version(part.to_version)
            )
            for part in found.parts
        ),
    )
