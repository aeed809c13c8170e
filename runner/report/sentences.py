"""The sentences of a report: is all well, what was done, what was not and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from runner.model import ItemKind, Outcome
from runner.report.data import About, BackupLine, ReportData, SiteState, Status, Undone
from runner.report.words import Words

__all__ = [
    "again",
    "backup_count",
    "backup_newest",
    "cards",
    "folded",
    "footer",
    "headline",
    "kind",
    "lead",
    "point",
    "status",
    "subject",
]

_RUNS = 12


def headline(report: ReportData, words: Words) -> str:
    """Is all well? One or two short sentences."""
    if report.status is Status.ACTION:
        return _trouble(report, words)
    if all(line.state is SiteState.UNTOUCHED for line in report.sites):
        return _nothing(report, words)
    if report.status is Status.GOOD:
        return _well(report, words)
    healthy = all(line.state is SiteState.HEALTHY for line in report.sites)
    return " ".join([_well(report, words)] * healthy + [_but(report, words)])


def subject(report: ReportData, words: Words) -> str:
    """The subject of the mail, with what matters in it."""
    when = words.period(report.period)
    if report.status is Status.GOOD:
        return words.say("Your websites, {period}: all well", period=when)
    if report.status is Status.ACTION:
        return words.say("Your websites, {period}: there is a problem", period=when)
    if all(line.state is SiteState.UNTOUCHED for line in report.sites):
        return words.say("Your websites, {period}: nothing was done", period=when)
    return words.plural(
        "Your websites, {period}: one open point",
        "Your websites, {period}: {count} open points",
        max(len(_counted(report)), 1),
        period=when,
    )


def lead(report: ReportData, words: Words) -> str:
    """What was done, in one or two sentences; after trouble, what is to be done."""
    parts = []
    if report.status is Status.ACTION:
        parts.append(
            words.say("The last work there did not end as it should; what we know about it is further down.")
        )
    parts += _work(report, words)
    if any(line.state is not SiteState.UNTOUCHED for line in report.sites):
        idle = [line.label for line in report.sites if line.state is SiteState.UNTOUCHED]
        if idle:
            parts.append(words.say("Nothing was done on {sites}.", sites=words.list(idle)))
    if report.status is Status.ACTION:
        parts.append(words.say("If you notice anything unusual, please answer this mail."))
    elif report.status is Status.GOOD:
        parts.append(words.say("You do not need to do anything."))
    return " ".join(parts)


def status(report: ReportData, words: Words) -> str:
    """The status in two words."""
    return {
        Status.GOOD: words.say("All well"),
        Status.ATTENTION: words.say("Please note"),
        Status.ACTION: words.say("Action needed"),
    }[report.status]


def cards(words: Words) -> dict[str, str]:
    """What the figures count."""
    return {
        "updates": words.say("updates done"),
        "backups": words.say("backups taken"),
        "healthy": words.say("websites healthy"),
    }


def backup_count(line: BackupLine, words: Words) -> str:
    """How many backups a site has of the period."""
    if line.expected is not None:
        return words.say("{figure} taken", figure=words.figure(line.taken, line.expected))
    return words.plural("one taken", "{count} taken", line.taken)


def backup_newest(line: BackupLine, words: Words) -> str:
    """Age, size and proof of the newest backup; empty where there is none."""
    if line.newest is None:
        return ""
    size = words.size(line.newest_bytes) if line.newest_bytes else words.say("size not measured")
    said = words.say("newest {when}, {size}", when=words.moment(line.newest), size=size)
    return said + (", " + words.say("read back and compared") if line.verified else "")


def folded(count: int, words: Words) -> str:
    """The first words of the row that stands for many small updates."""
    return words.plural("and one more update", "and {count} more updates", count)


def footer(report: ReportData, words: Words) -> list[str]:
    """What the figures rest on, and whom to answer."""
    evidence = report.evidence
    first, last = report.period.first, report.period.first + timedelta(days=evidence.days - 1)
    lines = [
        words.say(
            "Report {report}, made on {day} at {time}, about {span}.",
            report=evidence.report,
            day=words.full_day(evidence.generated),
            time=words.time(evidence.generated),
            span=words.span(first, last) if last > first else words.full_day(first),
        )
        + " "
        + words.say(
            "Our records of it cover {figure} days; what was not measured is not shown.",
            figure=words.figure(evidence.days_with_data, evidence.days),
        )
        + " "
        + words.say("All times are those of {place}.", place=words.place)
    ]
    if evidence.runs:
        lines.append(words.say("Records: {runs}.", runs=words.list(evidence.runs, most=_RUNS)))
    if evidence.answer_to:
        lines.append(
            words.say("Questions? Just answer this mail, or write to {address}.", address=evidence.answer_to)
        )
    return lines


def kind(item: ItemKind, words: Words) -> str:
    """What sort of thing was updated; empty where its name says it."""
    return {
        ItemKind.PLUGIN: words.say("plugin"),
        ItemKind.THEME: words.say("theme"),
        ItemKind.LANGUAGE: words.say("translation"),
        ItemKind.PACKAGE: words.say("software of the server"),
        ItemKind.RELEASE: words.say("new edition of the site"),
        ItemKind.DATABASE: words.say("database"),
    }.get(item, "")


def point(found: Undone, report: ReportData, words: Words) -> str:
    """What an open point means for the client, without its reason and, for an item, without its name."""
    when, site = words.days(found.at), report.label(found.site)
    if found.about is About.ITEM:
        text = _item(found, when, site, words)
        if found.waiting and found.outcome is not Outcome.HELD:
            text += " " + words.say("The update is on hold.")
        return text
    if found.about is About.WINDOW:
        return _window(found, when, site, words)
    if found.about is About.SITE:
        return _site(found, when, site, words)
    if found.about is About.BACKUP:
        return words.say("The backup of {site} could not be taken {when}.", site=site, when=when)
    if found.about is About.LOOK:
        return words.say("{site} did not look as it should {when}.", site=site, when=when)
    return words.say("A part of the work on {site} could not be finished {when}.", site=site, when=when)


def again(found: Undone, report: ReportData, words: Words) -> str:
    """What went wrong first and was done after all."""
    when, then = words.days(found.at), words.days([found.solved or found.at[-1]])
    site = report.label(found.site)
    if found.about is About.ITEM:
        if found.outcome is Outcome.UNDONE:
            return words.say(
                "{item} {version} on {site} was taken back {when}; a later try {then} succeeded.",
                item=found.title, version=found.to_version, site=site, when=when, then=then,
            )  # fmt: skip
        return words.say(
            "{item} on {site} could not be updated {when}; a later try {then} succeeded.",
            item=found.title, site=site, when=when, then=then,
        )  # fmt: skip
    return words.say("{trouble} The work was done {then}.", trouble=point(found, report, words), then=then)


def _trouble(report: ReportData, words: Words) -> str:
    bad = [line.label for line in report.sites if line.state in {SiteState.FAILED, SiteState.LOST}]
    if len(report.sites) == 1:
        return words.say("There is a problem with your website.")
    return words.say("There is a problem with {sites}.", sites=words.list(bad))


def _nothing(report: ReportData, words: Words) -> str:
    return words.plural(
        "Nothing was done on your website {in_period}.",
        "Nothing was done on your {count} websites {in_period}.",
        len(report.sites),
        in_period=words.in_period(report.period),
    )


def _well(report: ReportData, words: Words) -> str:
    if all(line.state is SiteState.HEALTHY for line in report.sites):
        return words.plural(
            "Your website is healthy.", "Your {count} websites are healthy.", len(report.sites)
        )
    return words.plural(
        "The work on your website went as planned.",
        "The work on your websites went as planned.",
        len(report.sites),
    )


def _but(report: ReportData, words: Words) -> str:
    """The second sentence: the one thing that is open, or how many."""
    away = [line.label for line in report.sites if line.state is SiteState.UNREACHABLE]
    points = _counted(report)
    sorts = {_sort(found) for found in points}
    if away and sorts <= {"unreachable"}:
        return words.say("We could not reach {sites}.", sites=words.list(away))
    return capital(_open(sorts.pop() if len(sorts) == 1 else "", len(points), words))


def _sort(found: Undone) -> str:
    if found.about is About.ITEM:
        return {Outcome.UNDONE: "undone", Outcome.HELD: "held"}.get(found.outcome, "failed")
    if found.about is About.SITE and found.outcome is Outcome.UNREACHABLE:
        return "unreachable"
    return {About.WINDOW: "missed", About.BACKUP: "backup"}.get(found.about, "")


def _open(sort: str, count: int, words: Words) -> str:
    plural = words.plural
    return {
        "undone": plural("One update was taken back.", "{count} updates were taken back.", count),
        "held": plural("One update is waiting.", "{count} updates are waiting.", count),
        "failed": plural("One update could not be done.", "{count} updates could not be done.", count),
        "unreachable": plural(
            "One website could not be reached.", "{count} websites could not be reached.", count
        ),
        "missed": plural(
            "One planned window did not take place.", "{count} planned windows did not take place.", count
        ),
        "backup": plural(
            "The backup of one website failed.", "The backups of {count} websites failed.", count
        ),
    }.get(sort) or plural("One point is open.", "{count} points are open.", count)


def _work(report: ReportData, words: Words) -> Iterable[str]:
    """We did three updates on 3 November and took two backups."""
    updates, backups = len(report.done), sum(line.taken for line in report.backups)
    did = words.plural("one update", "{count} updates", updates)
    took = _taken(report, backups, words)
    if updates:
        when = words.days((change.at for change in report.done), most=2)
        if backups:
            return [
                words.say("We did {updates} {when} and took {backups}.", updates=did, when=when, backups=took)
            ]
        return [words.say("We did {updates} {when}.", updates=did, when=when)]
    quiet = []
    worked = any(line.state not in {SiteState.UNTOUCHED, SiteState.UNREACHABLE} for line in report.sites)
    tried = any(found.about is About.ITEM for found in report.undone)
    if worked and not report.checked:
        quiet.append(words.say("We could not find out whether there are updates."))
    elif worked and not tried and report.status is not Status.ACTION:
        quiet.append(words.say("There was nothing to update."))
    if backups:
        quiet.append(words.say("We took {backups}.", backups=took))
    return quiet


def _taken(report: ReportData, backups: int, words: Words) -> str:
    card = report.cards.get("backups")
    if card and card.of == backups > 1:
        return words.plural("the one planned backup", "all {count} planned backups", backups)
    return words.plural("one backup", "{count} backups", backups)


def _counted(report: ReportData) -> list[Undone]:
    """Open points that a client should know of; a blackout was agreed."""
    return [found for found in report.open if found.outcome is not Outcome.SKIPPED]


def _item(found: Undone, when: str, site: str, words: Words) -> str:
    version = found.from_version
    if found.outcome is Outcome.UNDONE:
        return words.say(
            "Taken back {when}. {site} stays on {version}.", when=when, site=site, version=version
        )
    if found.outcome is Outcome.HELD:
        return words.say("Waiting. {site} stays on {version} until then.", site=site, version=version)
    if found.outcome is Outcome.LOST:
        return words.say("Begun {when} on {site}; how it ended is not known yet.", when=when, site=site)
    if found.outcome is Outcome.CANCELLED:
        return words.say("Not done {when}, since we stopped the work on {site}.", when=when, site=site)
    return words.say(
        "Could not be done {when}. {site} stays on {version}.", when=when, site=site, version=version
    )


def _site(found: Undone, when: str, site: str, words: Words) -> str:
    if found.outcome is Outcome.UNREACHABLE:
        return words.say(
            "{site} could not be reached {when}; nothing was changed there.", site=site, when=when
        )
    if found.outcome is Outcome.LOST:
        return words.say("How the work on {site} {when} ended is not known yet.", site=site, when=when)
    if found.outcome is Outcome.CANCELLED:
        return words.say("We stopped the work on {site} {when} before it was finished.", site=site, when=when)
    return words.say("The work on {site} could not be finished {when}.", site=site, when=when)


def _window(found: Undone, when: str, site: str, words: Words) -> str:
    if found.outcome is Outcome.SKIPPED:
        return words.say("No work {when}, as agreed.", when=when)
    if site:
        return words.say("The work planned {when} on {site} did not take place.", when=when, site=site)
    return words.say("The work planned {when} did not take place.", when=when)


def capital(text: str) -> str:
    """A sentence begins with a capital letter, also when a number in words comes first."""
    return text[:1].upper() + text[1:]
