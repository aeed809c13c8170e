"""The sentences at the top: the overall status, what was done, and what the client has to do."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Outcome
from runner.report.data import About, Issue, ReportData, SiteState, Status
from runner.report.words import Words

__all__ = ["headline", "lead", "status", "subject"]


def status(report: ReportData, words: Words) -> str:
    """Return the status in two words."""
    return {
        Status.GOOD: words.say("All good"),
        Status.ATTENTION: words.say("Please note"),
        Status.ACTION: words.say("Action needed"),
    }[report.status]


def subject(report: ReportData, words: Words) -> str:
    """Return the subject of the mail, with the overall result."""
    when = words.period(report.period)
    if report.status is Status.GOOD:
        return words.say("Your websites, {period}: all good", period=when)
    if report.status is Status.ACTION:
        return words.say("Your websites, {period}: there is a problem", period=when)
    if _idle(report):
        return words.say("Your websites, {period}: no maintenance was done", period=when)
    return words.plural(
        "Your websites, {period}: one open issue",
        "Your websites, {period}: {count} open issues",
        max(len(_relevant(report)), 1),
        period=when,
    )


def headline(report: ReportData, words: Words) -> str:
    """Return one or two short sentences about the overall result."""
    if report.status is Status.ACTION:
        return _problem(report, words)
    if _idle(report):
        return words.plural(
            "No maintenance was done on your website {in_period}.",
            "No maintenance was done on your {count} websites {in_period}.",
            len(report.sites),
            in_period=words.in_period(report.period),
        )
    if report.status is Status.GOOD:
        return _good(report, words)
    healthy = all(line.state is SiteState.HEALTHY for line in report.sites)
    return " ".join([_good(report, words)] * healthy + [_exception(report, words)])


def lead(report: ReportData, words: Words) -> str:
    """Return what was done and whether the client has to do anything."""
    parts = []
    if report.status is Status.ACTION:
        parts.append(words.say("The last maintenance there was not successful. Details are below."))
    if _idle(report):
        parts.append(words.say("We have no data for that time."))
    parts += _work(report, words)
    sorts = _count_by_sort(_relevant(report))
    if report.status is Status.ATTENTION and (len(sorts) > 1 or ("missed" in sorts and _idle(report))):
        parts += [_open(sort, count, report, words) for sort, count in sorts.items()]
    untouched = [line.label for line in report.sites if line.state is SiteState.UNTOUCHED]
    if untouched and not _idle(report):
        parts.append(words.say("No maintenance was done on {sites}.", sites=words.list(untouched)))
    if report.status is Status.ACTION:
        parts.append(words.say("If you notice anything unusual, please reply to this email."))
    elif report.status is Status.GOOD:
        parts.append(words.say("You do not need to do anything."))
    return " ".join(parts)


def _problem(report: ReportData, words: Words) -> str:
    if len(report.sites) == 1:
        return words.say("There is a problem with your website.")
    bad = [line.label for line in report.sites if line.state in {SiteState.FAILED, SiteState.LOST}]
    return words.say("There is a problem with {sites}.", sites=words.list(bad))


def _good(report: ReportData, words: Words) -> str:
    if all(line.state is SiteState.HEALTHY for line in report.sites):
        return words.plural(
            "Your website is healthy.", "Your {count} websites are healthy.", len(report.sites)
        )
    return words.plural(
        "The maintenance of your website went as planned.",
        "The maintenance of your websites went as planned.",
        len(report.sites),
    )


def _exception(report: ReportData, words: Words) -> str:
    """Return the second sentence: the open issue, or the number of open issues."""
    away = [line.label for line in report.sites if line.state is SiteState.UNREACHABLE]
    points = _relevant(report)
    sorts = _count_by_sort(points)
    if away and sorts.keys() <= {"unreachable"}:
        return words.say("We could not reach {sites}.", sites=words.list(away))
    unknown = [line.label for line in report.sites if line.state is SiteState.UNKNOWN]
    sentences = []
    if unknown:
        sentences.append(
            words.say(
                "We have not been able to check {sites} since the last maintenance.",
                sites=words.list(unknown),
            )
        )
    if points or not unknown:
        sentences.append(_open(next(iter(sorts)) if len(sorts) == 1 else "", len(points), report, words))
    return " ".join(sentences)


def _count_by_sort(points: Sequence[Issue]) -> dict[str, int]:
    """Count the issues of each sort."""
    found: dict[str, int] = {}
    for point in points:
        found[_sort(point)] = found.get(_sort(point), 0) + 1
    return found


def _sort(point: Issue) -> str:
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
        "undone": plural("One update was rolled back.", "{count} updates were rolled back.", count),
        "held": plural("One update is on hold.", "{count} updates are on hold.", count),
        "failed": plural(
            "One update could not be installed.", "{count} updates could not be installed.", count
        ),
        "unreachable": plural(
            "One website could not be reached.", "{count} websites could not be reached.", count
        ),
        "backup": plural(
            "Backups of one website are missing.", "Backups of {count} websites are missing.", count
        ),
        "slower": plural("One page has become slower.", "{count} pages have become slower.", count),
    }.get(sort) or plural("There is one open issue.", "There are {count} open issues.", count)
    return sentence[:1].upper() + sentence[1:]


def _missed(report: ReportData, points: int, words: Words) -> str:
    """Say how many of the due windows did not run."""
    missed, due = (report.windows.missed, report.windows.due) if report.windows else (points, points)
    if missed == due:
        text = words.plural(
            "One planned maintenance window did not run.",
            "{count} planned maintenance windows did not run.",
            missed,
        )
    else:
        text = words.plural(
            "One of {due} planned maintenance windows did not run.",
            "{count} of {due} planned maintenance windows did not run.",
            missed,
            due=words.count(due),
        )
    return text[:1].upper() + text[1:]


def _work(report: ReportData, words: Words) -> list[str]:
    """For example: We installed three updates on 3 November and took two backups."""
    updates, backups = len(report.done), sum(line.taken for line in report.backups)
    installed = words.plural("one update", "{count} updates", updates)
    took = _taken(report, backups, words)
    if updates:
        when = words.days((change.at for change in report.done), most=2)
        if backups:
            return [
                words.say(
                    "We installed {updates} {when} and took {backups}.",
                    updates=installed,
                    when=when,
                    backups=took,
                )
            ]
        return [words.say("We installed {updates} {when}.", updates=installed, when=when)]
    sentences = []
    worked = any(line.state in {SiteState.HEALTHY, SiteState.UNKNOWN} for line in report.sites)
    if worked and not any(found.about in {About.ITEM, About.CHECK, About.UNDO} for found in report.undone):
        sentences.append(words.say("There was nothing to update."))
    if backups:
        sentences.append(words.say("We took {backups}.", backups=took))
    return sentences


def _taken(report: ReportData, backups: int, words: Words) -> str:
    card = report.cards.get("backups")
    if card and card.of == backups:
        return words.plural("the planned backup", "all {count} planned backups", backups)
    return words.plural("one backup", "{count} backups", backups)


def _idle(report: ReportData) -> bool:
    return all(line.state is SiteState.UNTOUCHED for line in report.sites)


def _relevant(report: ReportData) -> list[Issue]:
    """Return the open issues that the client should know of. Blackouts were agreed."""
    return [point for point in report.open if point.outcome is not Outcome.SKIPPED]
