"""The lines of a report: open issues, backups, figures, and the footer."""

from __future__ import annotations

from datetime import timedelta

from runner.model import ItemKind, Outcome
from runner.report.data import About, BackupLine, CompletedUpdate, Issue, ReportData
from runner.report.words import Words

__all__ = [
    "about",
    "again",
    "backup_count",
    "backup_newest",
    "cards",
    "folded",
    "footer",
    "kind",
    "name",
    "point",
]

_RUNS = 12


def about(report: ReportData, words: Words) -> str:
    """Return the title: client and period."""
    client, period = report.client_name, words.period(report.period)
    if report.complete:
        return words.say("Report for {client}, {period}", client=client, period=period)
    return words.say("Report for {client}, {period} so far", client=client, period=period)


def cards(words: Words) -> dict[str, str]:
    """Return the labels of the figures."""
    return {
        "updates": words.say("updates installed"),
        "backups": words.say("backups taken"),
        "healthy": words.say("websites healthy"),
    }


def point(found: Issue, report: ReportData, words: Words) -> str:
    """Describe an issue, without its reason and, for an item, without its name."""
    when, site = words.days(found.at), report.label(found.site)
    by_outcome = {
        About.ITEM: _item,
        About.WINDOW: _window,
        About.SITE: _site,
        About.SLOWER: _slower,
        About.UNDO: _undo,
    }
    if found.about in by_outcome:
        return by_outcome[found.about](found, when, site, words)
    say = words.say
    if found.about is About.BACKUP and found.outcome is Outcome.MISSED:
        return say("{site} has fewer backups than planned.", site=site)
    if found.about is About.LOOK and found.outcome is Outcome.UNREACHABLE:
        return say("{site} blocked our check {when}; it may block visitors too.", site=site, when=when)
    return {
        About.CHECK: say("We could not check {site} for updates {when}.", site=site, when=when),
        About.BACKUP: say("The backup of {site} failed {when}.", site=site, when=when),
        About.LOOK: say("{site} did not pass our check {when}.", site=site, when=when),
        About.UNSEEN: say(
            "{site} was updated {when}. We could not check it from outside, because it blocks our access.",
            site=site,
            when=when,
        ),
        About.PAUSE: say("Maintenance was paused {when}.", when=when),
        About.APPROVAL: _approval(when, site, words),
        About.UNATTENDED: say("Planned maintenance was not started automatically {when}.", when=when),
        About.STEP: say(
            "Part of the maintenance of {site} could not be completed {when}.", site=site, when=when
        ),
    }[found.about]


def again(found: Issue, report: ReportData, words: Words) -> str:
    """Describe an issue and how it was resolved."""
    when, then = words.days(found.at), words.days([found.solved or found.at[-1]])
    site = report.label(found.site)
    if found.about is About.UNSEEN:
        return words.say(
            "{site} was updated {when} but could not be checked until {then}. It is healthy.",
            site=site,
            when=when,
            then=then,
        )
    if found.about is About.SLOWER:
        problem = point(found, report, words)
        return words.say(
            "{problem} The update that caused this was undone {then}.", problem=problem, then=then
        )
    if found.about is About.UNDO:
        undone = _was_undone(found, when, site, words)
        return words.say("{undone} It was updated again {then}.", undone=undone, then=then)
    if found.about is not About.ITEM:
        problem = point(found, report, words)
        return words.say("{problem} A later attempt {then} succeeded.", problem=problem, then=then)
    if found.outcome is Outcome.UNDONE:
        return words.say(
            "{item} {version} on {site} was rolled back {when}. A later attempt {then} succeeded.",
            item=name(found, words),
            version=found.to_version,
            site=site,
            when=when,
            then=then,
        )
    return words.say(
        "{item} on {site} could not be updated {when}. A later attempt {then} succeeded.",
        item=name(found, words),
        site=site,
        when=when,
        then=then,
    )


def name(found: CompletedUpdate | Issue, words: Words) -> str:
    """Return the name of an update; for a group of packages, their number."""
    if found.parts:
        text = words.plural("one package", "{count} packages", len(found.parts))
        return text[:1].upper() + text[1:]
    return found.title


def kind(item: ItemKind, words: Words) -> str:
    """Return the kind of an item; empty if its name makes it clear."""
    return {
        ItemKind.THEME: words.say("theme"),
        ItemKind.LANGUAGE: words.say("translation"),
        ItemKind.PACKAGE: words.say("server software"),
        ItemKind.DATABASE: words.say("database"),
    }.get(item, "")


def folded(count: int, words: Words) -> str:
    """Return the heading of the row that sums up small updates."""
    return words.plural("and one more update", "and {count} more updates", count)


def backup_count(line: BackupLine, words: Words) -> str:
    """Return the number of backups of a site in the period."""
    if line.expected is not None:
        return words.say("{figure} taken", figure=words.figure(line.taken, line.expected))
    return words.plural("one taken", "{count} taken", line.taken)


def backup_newest(line: BackupLine, words: Words) -> str:
    """Return time, size and verification of the newest backup; empty if there is none."""
    if line.newest is None:
        return ""
    size = words.say("size unknown") if line.newest_bytes is None else words.size(line.newest_bytes)
    newest = words.say("newest: {when}, {size}", when=words.moment(line.newest), size=size)
    return newest + (", " + words.say("read back and verified") if line.verified else "")


def footer(report: ReportData, words: Words) -> list[str]:
    """Return the lines of the footer: period, data, runs and the address for questions."""
    evidence = report.evidence
    first, last = report.period.first, report.period.first + timedelta(days=evidence.days - 1)
    made = words.say(
        "Report {report}, created on {day} at {time}, covering {span}.",
        report=evidence.report,
        day=words.full_day(evidence.generated),
        time=words.time(evidence.generated),
        span=words.span(first, last) if last > first else words.full_day(first),
    )
    cover = words.say(
        "We have data for {figure} days; anything that was not measured is not shown.",
        figure=words.figure(evidence.days_with_data, evidence.days),
    )
    lines = [f"{made} {cover} {words.zone_note}"]
    if evidence.runs:
        lines.append(words.say("Runs: {runs}.", runs=words.list(evidence.runs, most=_RUNS)))
    if evidence.answer_to:
        lines.append(
            words.say(
                "Questions? Just reply to this email or write to {address}.", address=evidence.answer_to
            )
        )
    return lines


def _item(found: Issue, when: str, site: str, words: Words) -> str:
    say, version = words.say, found.from_version
    stays = say("{site} stays on {version}.", site=site, version=version)
    waits = say("On hold. {site} stays on {version} for now.", site=site, version=version)
    if found.parts:
        stays = say("The server of {site} keeps its current versions.", site=site)
        waits = say("On hold. The server of {site} keeps its current versions for now.", site=site)
    if found.uncertain:
        stays = say("It is not yet certain which version {site} has now.", site=site)
    if found.uncertain and found.parts:
        stays = say("It is not yet certain which versions the server of {site} has now.", site=site)
    hold = " " + say("The update is on hold.") if found.waiting and found.outcome is not Outcome.HELD else ""
    return {
        Outcome.UNDONE: say("Rolled back {when}.", when=when) + f" {stays}",
        Outcome.HELD: waits,
        Outcome.LOST: say("Started {when} on {site}. The result is not known yet.", when=when, site=site),
        Outcome.CANCELLED: say("Not installed {when}, because the maintenance was stopped.", when=when)
        + f" {stays}",
    }.get(found.outcome, say("Could not be installed {when}.", when=when) + f" {stays}") + hold


def _undo(found: Issue, when: str, site: str, words: Words) -> str:
    say = words.say
    update = {"item": name(found, words), "version": found.from_version, "site": site, "when": when}
    if found.kind is ItemKind.DATABASE:
        if found.outcome is not Outcome.UNDONE:
            return say("The database of {site} could not be restored {when}.", site=site, when=when)
        return say("The database of {site} was restored {when} to an earlier state.", site=site, when=when)
    if found.outcome is Outcome.LOST:
        return say(
            "We started to undo the update of {item} on {site} {when}. The result is not known yet.",
            **update,
        )
    if found.outcome is not Outcome.UNDONE:
        return say("The update of {item} on {site} could not be undone {when}.", **update)
    hold = " " + say("The update is on hold.") if found.waiting else ""
    undone = _was_undone(found, when, site, words)
    if found.kind is ItemKind.RELEASE or not found.to_version:
        return undone + hold
    return f"{undone} " + say("{site} has {version} again.", site=site, version=found.to_version) + hold


def _was_undone(found: Issue, when: str, site: str, words: Words) -> str:
    if found.kind is ItemKind.RELEASE:
        return words.say("The last release of {site} was undone {when}.", site=site, when=when)
    return words.say(
        "The update of {item} to {version} on {site} was undone {when}.",
        item=name(found, words),
        version=found.from_version,
        site=site,
        when=when,
    )


def _slower(found: Issue, when: str, site: str, words: Words) -> str:
    """Describe a slowdown as it was measured right before and after the update."""
    if found.slowdown is None:
        return words.say("Since the update {when}, {site} is slower to respond.", site=site, when=when)
    values = {
        "site": site,
        "when": when,
        "before": words.seconds(found.slowdown.before),
        "after": words.seconds(found.slowdown.after),
    }
    say = words.say
    if found.slowdown.page == "/":
        return say(
            "Since the update {when}, the home page of {site} is slower to respond: {after}, "
            "up from {before}.",
            **values,
        )
    return say(
        "Since the update {when}, a page of {site} is slower to respond: {after}, up from {before}.",
        **values,
    )


def _site(found: Issue, when: str, site: str, words: Words) -> str:
    say = words.say
    return {
        Outcome.UNREACHABLE: say(
            "{site} could not be reached {when}. Nothing was changed there.", site=site, when=when
        ),
        Outcome.LOST: say(
            "The result of the maintenance of {site} {when} is not known yet.", site=site, when=when
        ),
        Outcome.CANCELLED: say(
            "The maintenance of {site} {when} was stopped before it was complete.", site=site, when=when
        ),
        Outcome.MISSED: say("The planned maintenance of {site} {when} did not run.", when=when, site=site),
    }.get(
        found.outcome, say("The maintenance of {site} {when} could not be completed.", site=site, when=when)
    )


def _approval(when: str, site: str, words: Words) -> str:
    if site:
        return words.say("The planned maintenance of {site} {when} was postponed.", site=site, when=when)
    return words.say("The planned maintenance {when} was postponed.", when=when)


def _window(found: Issue, when: str, site: str, words: Words) -> str:
    if found.outcome is Outcome.SKIPPED:
        return words.say("No maintenance {when}, as agreed.", when=when)
    if site:
        return words.say("The planned maintenance of {site} {when} did not run.", when=when, site=site)
    return words.say("The planned maintenance {when} did not run.", when=when)
