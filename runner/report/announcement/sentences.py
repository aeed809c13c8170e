"""The sentences at the top of an announcement: what is planned, and what the client has to do."""

from __future__ import annotations

from collections.abc import Iterator

from runner.model import ItemKind, Outcome
from runner.report.announcement.content import Announcement, Message, Work
from runner.report.announcement.lines import rows, updated
from runner.report.reasons import reason
from runner.report.words import Words

__all__ = ["headline", "lead", "status", "subject"]


def subject(found: Announcement, words: Words) -> str:
    """Return the subject of the mail."""
    licences = len(found.unlicensed)
    if found.message is Message.ANNOUNCED and licences:
        return words.plural(
            "Maintenance on {day}: please renew one licence",
            "Maintenance on {day}: please renew {count} licences",
            licences,
            day=words.day(found.starts, weekday=True),
        )
    return headline(found, words)


def headline(found: Announcement, words: Words) -> str:
    """Return what is announced, and the day."""
    day, sites = words.day(found.starts, weekday=True), len(found.sites)
    if found.message is Message.CANCELLED:
        return words.plural(
            "No maintenance of your website on {day}",
            "No maintenance of your websites on {day}",
            sites,
            day=day,
        )
    if found.message is Message.MOVED:
        return words.plural(
            "New time: maintenance of your website on {day}",
            "New time: maintenance of your websites on {day}",
            sites,
            day=day,
        )
    return words.plural(
        "Maintenance of your website on {day}", "Maintenance of your websites on {day}", sites, day=day
    )


def status(found: Announcement, words: Words) -> str:
    """Return the status in a few words."""
    if found.message is Message.CANCELLED:
        return words.say("Cancelled")
    if found.unlicensed:
        return words.say("Please do this first")
    return words.say("New time") if found.message is Message.MOVED else words.say("Planned")


def lead(found: Announcement, words: Words) -> str:
    """Return what is planned and whether the client has to do anything."""
    if found.message is Message.CANCELLED:
        return " ".join(_cancelled(found, words))
    parts = []
    if found.before:
        parts.append(words.say("We had announced it for {when}.", when=words.from_to(*found.before)))
    parts += [*_planned(found, words)] or [words.say("We will do maintenance work.")]
    if Work.UPDATES in found.work:
        parts.append(
            words.plural(
                "We check your website before and after the updates.",
                "We check your websites before and after the updates.",
                len(found.sites),
            )
        )
    if found.unlicensed:
        parts.append(words.say("Before that, we need your help: see below."))
    else:
        parts.append(words.say("You do not need to do anything."))
    return " ".join(parts)


def _planned(found: Announcement, words: Words) -> Iterator[str]:
    """Yield what will be done; in general words for sites that could not be read."""
    sites = [site for site in found.sites if updated(site)]
    unread = [site for site in sites if not site.read]
    updates = sum(len(rows(site, words)) for site in found.sites)
    if updates:
        yield words.plural("We plan to install one update.", "We plan to install {count} updates.", updates)
    elif sites and not unread:
        yield words.say("At present there is nothing to update. We will check again at that time.")
    if sites and len(unread) == len(sites) and not updates:
        yield words.say("We will check for updates at that time and install them.")
    elif unread:
        yield words.say(
            "We could not check {sites} for updates in advance. We will do it at that time.",
            sites=words.list(site.label for site in unread),
        )
    published = [
        site
        for site in found.sites
        if any(one.kind is ItemKind.RELEASE for one in site.updates)
        or (Work.RELEASE in site.work and not site.read)
    ]
    if published:
        yield words.plural(
            "We will publish a new version of your website.",
            "We will publish new versions of your websites.",
            len(published),
        )
    if Work.BACKUP in found.work:
        yield words.say("We will also take a backup.")


def _cancelled(found: Announcement, words: Words) -> Iterator[str]:
    when = words.from_to(found.starts, found.closes)
    yield words.say("The maintenance that we announced for {when} does not take place.", when=when)
    if why := reason(found.why, words, Outcome.SKIPPED):
        yield words.say("Reason:") + f" {why.removesuffix('.')}."
    if found.next:
        when = words.from_to(found.next.starts, found.next.closes)
        yield words.say("The next maintenance is planned for {when}.", when=when)
    yield words.say("You do not need to do anything.")
