"""What a run of the demo did, from the JSON of `sitecrew show`, compared with what its chapter announced."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.demo.chapters import Chapter

__all__ = ["Change", "Visits", "changes", "deviations", "summary"]

GOOD = {"changed", "ok", "held", "skipped"}
WIDTH = 13
COLUMNS = 80


@dataclass(frozen=True, slots=True)
class Change:
    """One item of one site in a run."""

    site: str
    item: str
    title: str
    old: str
    new: str
    outcome: str
    why: str
    trials: int

    def __str__(self) -> str:
        return f"{self.title} {self.old} -> {self.new} on {self.site}"


@dataclass(frozen=True, slots=True)
class Visits:
    """Requests for front pages during a run.

    Attributes:
        asked: How many.
        failed: How many got no whole page.
        failures: A line for each failure.
    """

    asked: int
    failed: int
    failures: tuple[str, ...] = ()


def changes(runs: Iterable[Mapping[str, Any]]) -> Iterator[Change]:
    """Every change of some runs."""
    for run in runs:
        for site in run["sites"]:
            for step in site["steps"]:
                for one in step["changes"]:
                    yield Change(
                        site=site["site"],
                        item=one["item"],
                        title=one["title"],
                        old=one["from"],
                        new=one["to"],
                        outcome=one["outcome"],
                        why=one["why"],
                        trials=step["trials"] or 0,
                    )


def deviations(chapter: Chapter, done: Iterable[Change], visits: Visits) -> tuple[str, ...]:
    """What differs from what the chapter announced; empty if all went as announced."""
    done = tuple(done)
    found = {(one.site, one.item, one.outcome) for one in done}
    expected = {(one.site, one.item, one.outcome) for one in chapter.expected}
    missing = [f"expected: {e}" for e in chapter.expected if (e.site, e.item, e.outcome) not in found]
    surprising = [
        f"not expected: {one} is {one.outcome}{f' ({one.why})' if one.why else ''}"
        for one in done
        if (one.site, one.item, one.outcome) not in expected
        and (one.outcome not in GOOD or (chapter.quiet and one.outcome == "changed"))
    ]
    shut = [f"{visits.failed} of {visits.asked} requests of visitors failed", *visits.failures[:5]]
    return (*missing, *surprising, *(shut if visits.failed or not visits.asked else ()))


def summary(done: Iterable[Change], visits: Visits, sites: int) -> Iterator[str]:
    """The result, a line for each point."""
    done = tuple(done)
    updated = [one for one in done if one.outcome == "changed"]
    on = len({one.site for one in updated})
    yield _line(
        "updated", f"{plural(len(updated), 'item')} on {plural(on, 'site')}" if updated else "nothing"
    )
    for one in done:
        if one.outcome == "undone":
            yield _line("rolled back", str(one))
            yield from _reason(one)
            yield _line("", f"found in {plural(one.trials, 'trial')}, held until there is a newer version")
    for one in done:
        if one.outcome == "held":
            yield _line("held", str(one))
            yield from _reason(one)
    asked = plural(visits.asked, "request")
    yield _line("visitors", f"{asked} to {plural(sites, 'site')} during the run, {visits.failed} failed")


def plural(count: int, word: str) -> str:
    """`1 site`, `2 sites`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _reason(change: Change) -> Iterator[str]:
    for line in wrap(change.why, COLUMNS - WIDTH - 2, break_on_hyphens=False):
        yield _line("", line)


def _line(label: str, text: str) -> str:
    return f"  {label:<{WIDTH}}{text}"
