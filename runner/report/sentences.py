"""The sentences at the top: is all well, what was done, is there anything to do."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Outcome
from runner.report.data import About, ReportData, SiteState, Status, Undone
from runner.report.words import Words

__all__ = ["headline", "lead", "status", "subject"]


def status(report: ReportData, words: Words) -> str:
    """The status in two words."""
    return {
        Status.GOOD: words.say("All well"),
        Status.ATTENTION: words.say("Please note"),
        Status.ACTION: words.say("Action needed"),
    }[report.status]


def subject(report: ReportData, words: Words) -> str:
    """The subject of the mail, with what matters in it."""
    when = words.period(report.period)
    if report.status is Status.GOOD:
        return words.say("Your websites, {period}: all well", period=when)
    if report.status is Status.ACTION:
        return words.say("Your websites, {period}: there is a problem", period=when)
    if _idle(report):
        return words.say("Your websites, {period}: nothing was done", period=when)
    return words.plural(
        "Your websites, {period}: one open point",
        "Your websites, {period}: {count} open points",
        max(len(_telling(report)), 1),
        period=when,
    )


def headline(report: ReportData, words: Words) -> str:
    """Is all well? One or two short sentences."""
    if report.status is Status.ACTION:
        return _trouble(report, words)
    if _idle(report):
        return words.plural(
            "Nothing was done on your website {in_period}.",
            "Nothing was done on your {count} websites {in_period}.",
            len(report.sites),
            in_period=words.in_period(report.period),
        )
    if report.status is Status.GOOD:
        return _well(report, words)
    healthy = all(line.state is SiteState.HEALTHY for line in report.sites)
    return " ".join([_well(report, words)] * healthy + [_but(report, words)])


def lead(report: ReportData, words: Words) -> str:
    """What was done, in one or two sentences, and whether there is anything to do."""
    parts = []
    if report.status is Status.ACTION:
        parts.append(
            words.say("The last work there did not end as it should. What we know about it is further down.")
        )
    if _idle(report):
        parts.append(words.say("We have no measurements of that time."))
    parts += _work(report, words)
    sorts = _sorts(_telling(report))
    if report.status is Status.ATTENTION and (len(sorts) > 1 or ("missed" in sorts and _idle(report))):
        parts += [_open(sort, count, report, words) for sort, count in sorts.items()]
    untouched = [line.label for line in report.sites if line.state is SiteState.UNTOUCHED]
    if untouched and not _idle(report):
        parts.append(words.say("Nothing was done on {sites}.", sites=words.list(untouched)))
    if report.status is Status.ACTION:
        parts.append(words.say("If you notice anything unusual, please answer this mail."))
    elif report.status is Status.GOOD:
        parts.append(words.say("You do not need to do anything."))
    return " ".join(parts)


def _trouble(report: ReportData, words: Words) -> str:
    if len(report.sites) == 1:
        return words.say("There is a problem with your website.")
    bad = [line.label for line in report.sites if line.state in {SiteState.FAILED, SiteState.LOST}]
    return words.say("There is a problem with {sites}.", sites=words.list(bad))


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
    points = _telling(report)
    sorts = _sorts(points)
    if away and sorts.keys() <= {"unreachable"}:
        return words.say("We could not reach {sites}.", sites=words.list(away))
    unknown = [line.label for line in report.sites if line.state is SiteState.UNKNOWN]
    said = []
    if unknown:
        said.append(
            words.say(
                "We have not been able to check {sites} since the last work there.", sites=words.list(unknown)
            )
        )
    if points or not unknown:
        said.append(_open(next(iter(sorts)) if len(sorts) == 1 else "", len(points), report, words))
    return " ".join(said)


def _sorts(points: Sequence[Undone]) -> dict[str, int]:
    """How many points of each sort there are."""
    found: dict[str, int] = {}
    for point in points:
        found[_sort(point)] = found.get(_sort(point), 0) + 1
    return found


def _sort(point: Undone) -> str:
    if point.about is About.ITEM:
        return {Outcome.UNDONE: "undone", Outcome.HELD: "held"}.get(point.outcome, "failed")
    if point.about is About.UNDO and point.outcome is Outcome.UNDONE:
        return "undone"
    if point.about is About.SITE and point.outcome is Outcome.UNREACHABLE:
        return "unreachable"
    return {About.WINDOW: "missed", About.BACKUP: "backup", About.SLOWER: "slower"}.get(point.about, "")


def _open(sort: str, count: int, report: ReportData, words: Words) -> str:
    plural = words.plural
    if sort == "missed":
        return _missed(report, count, words)
    sentence = {
        "undone": plural("One update was taken back.", "{count} updates were taken back.", count),
        "held": plural("One update is waiting.", "{count} updates are waiting.", count),
        "failed": plural("One update could not be done.", "{count} updates could not be done.", count),
        "unreachable": plural(
            "One website could not be reached.", "{count} websites could not be reached.", count
        ),
        "backup": plural(
            "Backups of one website are missing.", "Backups of {count} websites are missing.", count
        ),
        "slower": plural("One page has become slower.", "{count} pages have become slower.", count),
    }.get(sort) or plural("One point is open.", "{count} points are open.", count)
    return sentence[:1].upper() + sentence[1:]


def _missed(report: ReportData, points: int, words: Words) -> str:
    """How many of the windows that were due did not take place."""
    missed, due = (report.windows.missed, report.windows.due) if report.windows else (points, points)
    if missed == due:
        said = words.plural(
            "One planned window did not take place.", "{count} planned windows did not take place.", missed
        )
    else:
        said = words.plural(
            "One of {due} planned windows did not take place.",
            "{count} of {due} planned windows did not take place.",
            missed,
            due=words.count(due),
        )
    return said[:1].upper() + said[1:]


def _work(report: ReportData, words: Words) -> list[str]:
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
    said = []
    worked = any(line.state in {SiteState.HEALTHY, SiteState.UNKNOWN} for line in report.sites)
    if worked and not any(found.about in {About.ITEM, About.CHECK, About.UNDO} for found in report.undone):
        said.append(words.say("There was nothing to update."))
    if backups:
        said.append(words.say("We took {backups}.", backups=took))
    return said


def _taken(report: ReportData, backups: int, words: Words) -> str:
    card = report.cards.get("backups")
    if card and card.of == backups:
        return words.plural("the planned backup", "all {count} planned backups", backups)
    return words.plural("one backup", "{count} backups", backups)


def _idle(report: ReportData) -> bool:
    return all(line.state is SiteState.UNTOUCHED for line in report.sites)


def _telling(report: ReportData) -> list[Undone]:
    """Open points that a client should know of; a blackout was agreed."""
    return [point for point in report.open if point.outcome is not Outcome.SKIPPED]
