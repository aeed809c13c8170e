"""Events of a run of any size without hosts, to show and test what a terminal prints."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from runner.model import Outcome, Phase, RunEvent

__all__ = ["START", "run_events"]

START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
RUN = "weekly-20261124-0200-4f1c"
STEPS = ("backup", "wordpress.plugins", "wordpress.core", "probe.http")
CLIENTS = ("acme", "globex", "initech", "northwind", "hooli", "umbrella", "wayne", "stark")
KINDS = ("shop", "blog", "docs", "intranet", "careers", "international-customer-portal")
MEGABYTE = 1_000_000
RATE = 16 * MEGABYTE
_UNDONE, _FAILED = 5, 11
"""Positions of the sites that are rolled back and that fail."""


def run_events(sites: int, *, at_once: int = 8) -> list[RunEvent]:
    """Return the events of a run in order, from `START` on: the same ones each time."""
    names = [f"{CLIENTS[n % 8]}-{KINDS[n * 5 % 6]}{f'-{n // 8}' if n >= 8 else ''}" for n in range(sites)]  # noqa: PLR2004
    found = [_event("run.started", 0.0, playbook="weekly", sites=names)]
    free = [0.2 * number for number in range(min(at_once, sites))]
    outcomes = {}
    for number, name in enumerate(names):
        mine = list(_site(number, name, heapq.heappop(free)))
        outcomes[name] = mine[-1].data["outcome"]
        heapq.heappush(free, (mine[-1].at - START).total_seconds())
        found += mine
    found.sort(key=lambda event: event.at)
    end = (found[-1].at - START).total_seconds()
    return [*found, _event("run.finished", end, outcome=Outcome.FAILED, sites=outcomes)]


def _site(number: int, name: str, at: float) -> Iterator[RunEvent]:
    """Yield the events of a site that starts `at` seconds after the run."""
    outcome, why = Outcome.CHANGED, ""
    if number % 40 == _UNDONE:
        outcome, why = Outcome.UNDONE, "wordpress.plugins: harbour-forms: / answers 500"
    elif number % 40 == _FAILED:
        outcome, why = Outcome.FAILED, "backup: the host could not read the files: Permission denied"
    yield _event("site.started", at, name, client=name.split("-", maxsplit=1)[0], host=f"web{number % 9 + 1}")
    at += 2.5
    yield _event("site.planned", at, name, changes=[{}] * 3, problems=[])
    for place, step in enumerate(STEPS, 1):
        numbers = {"number": place, "of": len(STEPS)}
        yield _event("step.started", at, name, step, **numbers)
        for event in _backup(number, name, at) if step == "backup" else _phases(step, name, at, outcome):
            at = (event.at - START).total_seconds()
            yield event
        at += 1.5
        failed = outcome is Outcome.FAILED or (outcome is Outcome.UNDONE and step == "wordpress.plugins")
        yield _finished(step, name, at, outcome if failed else Outcome.OK, number)
        if failed:
            break
    yield _event("site.finished", at + 0.5, name, outcome=outcome, why=why, locked=False)


def _backup(number: int, name: str, at: float) -> Iterator[RunEvent]:
    total = (37 * number % 11 + 3) * 60 * MEGABYTE
    numbers = {"number": 1, "of": len(STEPS)}
    yield _event("step.progress", at, name, "backup", **numbers, phase=Phase.BACKING_UP)
    for second in range(1, total // RATE + 1):
        sent = second * RATE
        known = {"bytes_total": total, "seconds_left": (total - sent) // RATE} if number % 3 else {}
        yield _event(
            "step.progress", at + second, name, "backup",
            **numbers, phase=Phase.BACKING_UP, bytes=sent, rate=RATE, **known,
        )  # fmt: skip
    yield _event("step.progress", at + total / RATE, name, "backup", **numbers, phase=Phase.VERIFYING)


def _phases(step: str, name: str, at: float, outcome: Outcome) -> Iterator[RunEvent]:
    place = {"number": STEPS.index(step) + 1, "of": len(STEPS)}
    if step == "probe.http":
        yield _event("step.progress", at, name, step, **place, phase=Phase.CHECKING)
        return
    phases = [Phase.CHECKING, Phase.SAVING, Phase.FETCHING, Phase.APPLYING, Phase.VERIFYING]
    if outcome is Outcome.UNDONE:
        phases += [Phase.ROLLING_BACK, Phase.VERIFYING]
    for count, phase in enumerate(phases):
        yield _event("step.progress", at + 3 * count, name, step, **place, phase=phase)
        if phase is Phase.CHECKING:
            items = ["harbour-forms", "slider", "seo"] if step == "wordpress.plugins" else ["core"]
            yield _event("trial.started", at + 2, name, step, job="0", items=items)


def _finished(step: str, name: str, at: float, outcome: Outcome, number: int) -> RunEvent:
    change = {"item": "harbour-forms", "from": "1.8.2", "to": f"1.8.{number % 5 + 3}", "outcome": outcome}
    changes = []
    if step == "wordpress.plugins":
        outcome = Outcome.CHANGED if outcome is Outcome.OK else outcome
        changes = [{**change, "outcome": outcome, "why": "", "unverified": "", "uncertain": False}]
    return _event("step.finished", at, name, step, outcome=outcome, seconds=9.5, why="", changes=changes)


def _event(
    name: str, at: float, site: str | None = None, step: str | None = None, /, **data: object
) -> RunEvent:
    return RunEvent(event=name, at=START + timedelta(seconds=at), run=RUN, site=site, step=step, data=data)
