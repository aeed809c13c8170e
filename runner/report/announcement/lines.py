"""The lines of an announcement: what is planned on each site, what the client has to do, and the footer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.model import ItemKind
from runner.report.announcement.content import Announcement, PlannedItem, PlannedSite, Work
from runner.report.reasons import reason
from runner.report.words import Words

__all__ = ["Row", "footer", "held", "note", "rows", "to_do", "updated"]

_COUNTED = frozenset({ItemKind.PACKAGE, ItemKind.LANGUAGE})


@dataclass(frozen=True, slots=True)
class Row:
    """One update, or several small ones that are only counted."""

    name: str
    kind: str = ""
    versions: str = ""


def updated(site: PlannedSite) -> bool:
    """Whether the playbook updates anything on the site."""
    return bool(site.work & {Work.UPDATES, Work.SERVER})


def rows(site: PlannedSite, words: Words) -> list[Row]:
    """Return the updates of a site, with the packages of its server and its translations in one row each."""
    return [*_single(site, words), *_counted(site, words)]


def _single(site: PlannedSite, words: Words) -> Iterator[Row]:
    for one in site.updates:
        if one.kind in {ItemKind.CORE, ItemKind.PLUGIN, ItemKind.THEME}:
            kind = words.say("theme") if one.kind is ItemKind.THEME else ""
            yield Row(_name(one, words), kind, f"{one.from_version} → {one.to_version}".removeprefix(" → "))


def _counted(site: PlannedSite, words: Words) -> Iterator[Row]:
    numbers = {kind: sum(one.kind is kind for one in site.updates) for kind in _COUNTED}
    if packages := numbers[ItemKind.PACKAGE]:
        text = words.plural("one package", "{count} packages", packages)
        yield Row(_sentence(text), words.say("server software"))
    if translations := numbers[ItemKind.LANGUAGE]:
        yield Row(_sentence(words.plural("one translation", "{count} translations", translations)))


def note(site: PlannedSite, words: Words) -> str:
    """Return what is known about a site apart from its updates; empty if these are all."""
    if any(one.kind is ItemKind.RELEASE for one in site.updates):
        return words.say("A new version of the website will be published.")
    if not updated(site):
        return ""
    if not site.read:
        return words.say("We will check for updates at that time.")
    return "" if rows(site, words) else words.say("Nothing to update at present.")


def to_do(one: PlannedItem, found: Announcement, words: Words) -> str:
    """Return what the client has to do about an update without a licence."""
    return words.say(
        "Please renew the licence of {item} for {site}. Without it we cannot install version {version}.",
        item=_name(one, words),
        site=found.label(one.site),
        version=one.to_version,
    )


def held(one: PlannedItem, found: Announcement, words: Words) -> tuple[str, str, str]:
    """Return the name of an item on hold, that it stays as it is, and the reason, which may be empty."""
    stays = words.say(
        "On hold. {site} stays on {version} for now.", site=found.label(one.site), version=one.from_version
    )
    return f"{_name(one, words)} {one.to_version}", stays, reason(one.why, words)


def footer(found: Announcement, words: Words) -> list[str]:
    """Return the lines of the footer: when it was planned, the reference, and the address for questions."""
    lines = []
    if any(site.read for site in found.sites):
        lines.append(
            words.say(
                "Planned on {day} at {time}; versions that are published until then may be added.",
                day=words.full_day(found.made),
                time=words.time(found.made),
            )
        )
    reference = words.say("Reference: {reference}.", reference=found.reference)
    lines.append(f"{reference} {words.zone_note}")
    if found.answer_to:
        lines.append(
            words.say("Questions? Just reply to this email or write to {address}.", address=found.answer_to)
        )
    return lines


def _name(one: PlannedItem, words: Words) -> str:
    return one.title or words.say("(unnamed)")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
