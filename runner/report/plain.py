"""A report as its client reads it: strangers' words are cut to plain names, reasons are ours or left out.

Documents are rendered from this and nothing else, so that no template, not even a workspace's own, can show
what a site, a plugin or a server wrote. The crew reads the raw text by `report --json` and `show`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from runner.model import Outcome
from runner.report.data import About, Done, Part, ReportData, Undone
from runner.report.reasons import reason
from runner.report.words import Words
from runner.untrusted import plain_name

__all__ = ["for_client", "plain_version"]

T = TypeVar("T", Done, Undone)
_NOT_IN_A_VERSION = re.compile(r"[^0-9A-Za-z.+~:-]")
_DOMAIN = re.compile(r"\.(?=[A-Za-z])")
_VERSION = 30
_UNDONE = (About.UNDO, Outcome.UNDONE)


def for_client(report: ReportData, words: Words) -> ReportData:
    """The same report in words that are fit for its client."""
    return replace(
        report,
        done=tuple(replace(_plain(found, words), why="") for found in report.done),
        undone=tuple(replace(_plain(found, words), why=_why(found, words)) for found in report.undone),
        auto_updates=(),
    )


def _why(found: Undone, words: Words) -> str:
    """The reason, and what WordPress does by itself with an item that we hold."""
    if found.about in {About.UNSEEN, About.SLOWER} or (found.about, found.outcome) == _UNDONE:
        return ""  # the point says it
    itself = {
        "off": words.say("WordPress does not install it by itself meanwhile."),
        "forced": words.say("WordPress is set up to install it by itself, which may happen at any time."),
    }.get(found.by_itself, "")
    said = reason(found.why, words, found.outcome)
    return f"{said} {itself}".strip() if said or found.by_itself == "forced" else ""


def plain_version(text: str) -> str:
    """A version without what a reader could follow or call."""
    return _DOMAIN.sub("-", _NOT_IN_A_VERSION.sub("", text[: 4 * _VERSION]))[:_VERSION]


def _plain(found: T, words: Words) -> T:
    item = plain_name(found.item)
    nameless = found.item or found.title
    return replace(
        found,
        item=item,
        title=plain_name(found.title) or item or (words.say("(without a name)") if nameless else ""),
        from_version=plain_version(found.from_version),
        to_version=plain_version(found.to_version),
        parts=tuple(
            Part(plain_name(part.item), plain_version(part.from_version), plain_version(part.to_version))
            for part in found.parts
        ),
    )
