"""The lines below: open points, backups, figures, the evidence at the foot."""

from __future__ import annotations

from datetime import timedelta

from runner.model import ItemKind, Outcome
from runner.report.data import About, BackupLine, Done, ReportData, Undone
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
    """Whose report it is, and of when."""
    client, period = report.client_name, words.period(report.period)
    if report.complete:
        return words.say("Report for {client}, {period}", client=client, period=period)
    return words.say("Report for {client}, {period} so far", client=client, period=period)


def cards(words: Words) -> dict[str, str]:
    """What the figures count."""
    return {
        "updates": words.say("updates done"),
        "backups": words.say("backups taken"),
        "healthy": words.say("websites healthy"),
    }


def point(found: Undone, report: ReportData, words: Words) -> str:
    """What an open point means for the client, without its reason and, for an item, without its name."""
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
        return say("{site} refused our check {when}; visitors may be refused too.", site=site, when=when)
    return {
        About.CHECK: say(
            "Whether there are updates for {site} could not be found out {when}.", site=site, when=when
        ),
        About.BACKUP: say("The backup of {site} could not be taken {when}.", site=site, when=when),
        About.LOOK: say("{site} did not look as it should {when}.", site=site, when=when),
        About.UNSEEN: say(
            "{site} was updated {when}. We could not check it from outside, because it does not let us in.",
            site=site,
            when=when,
        ),
        About.UNATTENDED: say("Planned work was not started automatically {when}.", when=when),
        About.STEP: say("A part of the work on {site} could not be finished {when}.", site=site, when=when),
    }[found.about]


def again(found: Undone, report: ReportData, words: Words) -> str:
    """What went wrong first and was done after all."""
    when, then = words.days(found.at), words.days([found.solved or found.at[-1]])
    site = report.label(found.site)
    if found.about is About.UNSEEN:
        return words.say(
            "{site} was updated {when} and could be checked only {then}: it is well.",
            site=site,
            when=when,
            then=then,
        )
    if found.about is About.SLOWER:
        trouble = point(found, report, words)
        return words.say("{trouble} What made it slower was taken back {then}.", trouble=trouble, then=then)
    if found.about is About.UNDO:
        undone = _was_undone(found, when, site, words)
        return words.say("{undone} It was updated again {then}.", undone=undone, then=then)
    if found.about is not About.ITEM:
        trouble = point(found, report, words)
        return words.say("{trouble} A later try {then} succeeded.", trouble=trouble, then=then)
    if found.outcome is Outcome.UNDONE:
        return words.say(
            "{item} {version} on {site} was taken back {when}. A later try {then} succeeded.",
            item=name(found, words),
            version=found.to_version,
            site=site,
            when=when,
            then=then,
        )
    return words.say(
        "{item} on {site} could not be updated {when}. A later try {then} succeeded.",
        item=name(found, words),
        site=site,
        when=when,
        then=then,
    )


def name(found: Done | Undone, words: Words) -> str:
    """What an update is called; of packages that are told as one, how many there are."""
    if found.parts:
        said = words.plural("one package", "{count} packages", len(found.parts))
        return said[:1].upper() + said[1:]
    return found.title


def kind(item: ItemKind, words: Words) -> str:
    """What sort of thing was updated; empty where its name says it."""
    return {
        ItemKind.THEME: words.say("theme"),
        ItemKind.LANGUAGE: words.say("translation"),
        ItemKind.PACKAGE: words.say("software of the server"),
        ItemKind.DATABASE: words.say("database"),
    }.get(item, "")


def folded(count: int, words: Words) -> str:
    """The first words of the row that stands for many small updates."""
    return words.plural("and one more update", "and {count} more updates", count)


def backup_count(line: BackupLine, words: Words) -> str:
    """How many backups a site has of the period."""
    if line.expected is not None:
        return words.say("{figure} taken", figure=words.figure(line.taken, line.expected))
    return words.plural("one taken", "{count} taken", line.taken)


def backup_newest(line: BackupLine, words: Words) -> str:
    """Age, size and proof of the newest backup; empty where there is none."""
    if line.newest is None:
        return ""
    size = words.say("size not measured") if line.newest_bytes is None else words.size(line.newest_bytes)
    said = words.say("newest: {when}, {size}", when=words.moment(line.newest), size=size)
    return said + (", " + words.say("read back and compared") if line.verified else "")


def footer(report: ReportData, words: Words) -> list[str]:
    """What the figures rest on, and whom to answer."""
    evidence = report.evidence
    first, last = report.period.first, report.period.first + timedelta(days=evidence.days - 1)
    made = words.say(
        "Report {report}, made on {day} at {time}, about {span}.",
        report=evidence.report,
        day=words.full_day(evidence.generated),
        time=words.time(evidence.generated),
        span=words.span(first, last) if last > first else words.full_day(first),
    )
    cover = words.say(
        "We have records of {figure} days; what was not measured is not shown.",
        figure=words.figure(evidence.days_with_data, evidence.days),
    )
    lines = [f"{made} {cover} {words.zone_note}"]
    if evidence.runs:
        lines.append(words.say("Records: {runs}.", runs=words.list(evidence.runs, most=_RUNS)))
    if evidence.answer_to:
        lines.append(
            words.say("Questions? Just answer this mail, or write to {address}.", address=evidence.answer_to)
        )
    return lines


def _item(found: Undone, when: str, site: str, words: Words) -> str:
    say, version = words.say, found.from_version
    stays = say("{site} stays on {version}.", site=site, version=version)
    waits = say("Waiting. {site} stays on {version} for now.", site=site, version=version)
    if found.parts:
        stays = say("The server of {site} keeps the versions that it has.", site=site)
        waits = say("Waiting. The server of {site} keeps the versions that it has for now.", site=site)
    if found.uncertain:
        stays = say("Which version {site} has now is not certain yet.", site=site)
    if found.uncertain and found.parts:
        stays = say("Which versions the server of {site} has now is not certain yet.", site=site)
    hold = " " + say("The update is on hold.") if found.waiting and found.outcome is not Outcome.HELD else ""
    return {
        Outcome.UNDONE: say("Taken back {when}.", when=when) + f" {stays}",
        Outcome.HELD: waits,
        Outcome.LOST: say("Begun {when} on {site}. How it ended is not known yet.", when=when, site=site),
        Outcome.CANCELLED: say("Not done {when}, for the work was stopped.", when=when) + f" {stays}",
    }.get(found.outcome, say("Could not be done {when}.", when=when) + f" {stays}") + hold


def _undo(found: Undone, when: str, site: str, words: Words) -> str:
    say = words.say
    update = {"item": name(found, words), "version": found.from_version, "site": site, "when": when}
    if found.kind is ItemKind.DATABASE:
        if found.outcome is not Outcome.UNDONE:
            return say("The database of {site} could not be restored {when}.", site=site, when=when)
        return say("The database of {site} was restored {when} to an earlier state.", site=site, when=when)
    if found.outcome is Outcome.LOST:
        return say(
            "Undoing the update of {item} on {site} was begun {when}. How it ended is not known yet.",
            **update,
        )
    if found.outcome is not Outcome.UNDONE:
        return say("The update of {item} on {site} could not be undone {when}.", **update)
    hold = " " + say("The update is on hold.") if found.waiting else ""
    undone = _was_undone(found, when, site, words)
    if found.kind is ItemKind.RELEASE or not found.to_version:
        return undone + hold
    return f"{undone} " + say("{site} has {version} again.", site=site, version=found.to_version) + hold


def _was_undone(found: Undone, when: str, site: str, words: Words) -> str:
    if found.kind is ItemKind.RELEASE:
        return words.say("The last release of {site} was undone {when}.", site=site, when=when)
    return words.say(
        "The update of {item} to {version} on {site} was undone {when}.",
        item=name(found, words),
        version=found.from_version,
        site=site,
        when=when,
    )


def _slower(found: Undone, when: str, site: str, words: Words) -> str:
    """By how much, as it was measured right before and right after."""
    if found.slowdown is None:
        return words.say("Since {site} was updated {when}, it takes longer to answer.", site=site, when=when)
    values = {
        "site": site,
        "when": when,
        "before": words.seconds(found.slowdown.before),
        "after": words.seconds(found.slowdown.after),
    }
    say = words.say
    if found.slowdown.page == "/":
        return say(
            "Since {site} was updated {when}, its home page takes longer: {after}; before, it took {before}.",
            **values,
        )
    return say(
        "Since {site} was updated {when}, one of its pages takes longer: {after}; before, it took {before}.",
        **values,
    )


def _site(found: Undone, when: str, site: str, words: Words) -> str:
    say = words.say
    return {
        Outcome.UNREACHABLE: say(
            "{site} could not be reached {when}. Nothing was changed there.", site=site, when=when
        ),
        Outcome.LOST: say("How the work on {site} {when} ended is not known yet.", site=site, when=when),
        Outcome.CANCELLED: say(
            "The work on {site} {when} was stopped before it was finished.", site=site, when=when
        ),
        Outcome.MISSED: say("The work planned {when} on {site} did not take place.", when=when, site=site),
    }.get(found.outcome, say("The work on {site} {when} could not be finished.", site=site, when=when))


def _window(found: Undone, when: str, site: str, words: Words) -> str:
    if found.outcome is Outcome.SKIPPED:
        return words.say("No work {when}, as agreed.", when=when)
    if site:
        return words.say("The work planned {when} on {site} did not take place.", when=when, site=site)
    return words.say("The work planned {when} did not take place.", when=when)
