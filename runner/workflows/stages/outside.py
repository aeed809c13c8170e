"""The stages in which the controller looks at a site as a visitor does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.model import Look, Outcome, PageLook, Seen, Site, SiteFacts, SiteKind, Step, StepOutcome
from runner.plan import looked_at
from runner.steps.probe import ProbeHttpOptions
from runner.verify import (
    Baseline,
    Expectation,
    Sight,
    Signals,
    could_be,
    examine,
    keys,
    look,
    observe,
    sample,
    settle,
    slowest,
    until_known,
)
from runner.verify.http import DOOR
from runner.workflows.boundary import within
from runner.workflows.stages.inside import with_inside

if TYPE_CHECKING:
    from runner.workflows.hosts import Hosts
    from runner.workflows.site import Task

__all__ = [
    "examined",
    "let_in",
    "look_at",
    "measured",
    "observed",
    "record_looks",
    "see",
    "see_again",
    "see_before",
    "see_slower",
    "see_usual",
    "settled",
    "take_look",
    "unreadable",
]

_PATIENCE = 2.0
"""Seconds for which a site must stay worse after a change before it counts."""
_OPEN = 3.0
"""Seconds for which a closed door is waited for where the host says that no update closed it."""
_UNDO_PATIENCE = 20.0
"""Seconds in which a site that was put back must be well again."""


def observed(
    hosts: Hosts,
    site: Site,
    *,
    facts: SiteFacts | None = None,
    limit: float,
    sub_sites: Sequence[str] = (),
) -> Signals:
    """All signals of a site from outside. What keeps them from being read is a finding about the site."""
    folder = facts.folder if facts else ""
    door = DOOR if facts is None or facts.maintenance else _OPEN
    known = let_in(hosts, site)
    found = within(
        lambda: observe(site, folder=folder, limit=limit, door=door, keys=known, sub_sites=sub_sites)
    )
    return unreadable(site, found) if isinstance(found, SitecrewError) else found


def settled(hosts: Hosts, site: Site, first: Signals, *, boots: bool = True, limit: float) -> Signals:
    """`runner.verify.settle`; the first look where the site could not be looked at again."""
    found = within(lambda: settle(site, first, boots=boots, limit=limit, keys=let_in(hosts, site)))
    return first if isinstance(found, SitecrewError) else found


def measured(
    hosts: Hosts, site: Site, *, facts: SiteFacts | None, limit: float, sub_sites: Sequence[str] = ()
) -> Signals:
    """The measure of a change, as doctor, plan and run take it: how the site is, and what is usual for it."""
    seen = observed(hosts, site, facts=facts, limit=limit, sub_sites=sub_sites)
    host = hosts.workspace.inventory.hosts[site.host]
    seen = with_inside(hosts, host, site, seen, facts=facts)
    boots = site.kind is SiteKind.STATIC or facts is None or not facts.crippled
    return settled(hosts, site, seen, boots=boots, limit=limit)


def examined(
    hosts: Hosts, site: Site, before: Signals, *, limit: float, patience: float
) -> tuple[Signals, tuple[str, ...]]:
    """`runner.verify.examine`; what keeps the site from being looked at is worse than before."""
    found = within(lambda: examine(site, before, limit=limit, patience=patience, keys=let_in(hosts, site)))
    if isinstance(found, SitecrewError):
        seen = unreadable(site, found)
        return seen, seen.findings
    return found


def look_at(
    hosts: Hosts, site: Site, expected: Expectation, *, pages: Sequence[str] | None = None, limit: float
) -> Look:
    """`runner.verify.look`; what keeps the site from being looked at is a finding about it."""
    found = within(lambda: look(site, expected, pages=pages, limit=limit, keys=let_in(hosts, site)))
    if isinstance(found, SitecrewError):
        page = unreadable(site, found).visitors[0].page
        return Look(site=site.name, at=datetime.now(UTC), pages=(page,))
    return found


def let_in(hosts: Hosts, site: Site) -> dict[str, str]:
    """What lets us in, known to the redactor in every form in which it is sent."""
    found = keys(site.access, lambda ref: hosts.redactor.resolve(ref, base=hosts.workspace.folder))
    for value in found.values():
        hosts.redactor.add(value.rpartition(" ")[2])
    return found


def unreadable(site: Site, error: SitecrewError) -> Signals:
    """A look that gave nothing but the reason why."""
    page = PageLook(
        page="/",
        url=site.url,
        status=None,
        seconds=0.0,
        findings=(f"could not be looked at: {error}",),
        seen=Seen.ABSENT,
    )
    return Signals(at=datetime.now(UTC), visitors=(Sight(page),))


def take_look(task: Task, step: Step) -> StepOutcome:
    """Look at the pages, write down what each said, and judge."""
    options = step.options
    assert isinstance(options, ProbeHttpOptions)  # noqa: S101  # the loader made it so
    began = time.monotonic()
    seen = look_at(
        task.session.hosts,
        task.site,
        Expectation(status=options.status, text=options.expect or task.site.expect),
        pages=options.pages,
        limit=task.order.limits.look.total_seconds(),
    )
    usual = _usual(task, seen, options)
    seconds = round(time.monotonic() - began, 3)
    for page in seen.pages:
        _record(task, page, seen.at, "after", "page", usual=usual.covers(page))
    findings = [
        f"{page.page}: {finding}"
        for page in seen.pages
        if not usual.covers(page)
        for finding in page.findings
    ]
    task.session.emit(
        "look.taken",
        task.run,
        task.site.name,
        step.id,
        healthy=not findings,
        findings=findings,
        usual=[str(one) for one in usual.pages],
    )
    if not findings:
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=seconds, output=_lines(seen))
    return StepOutcome(
        step=step.id,
        outcome=Outcome.FAILED,
        why="; ".join((*findings, *dict.fromkeys(page.refusal for page in seen.pages if page.refusal))),
        seconds=seconds,
        output=_lines(seen),
    )


def _usual(task: Task, seen: Look, options: ProbeHttpOptions) -> Baseline:
    """What is usual of what a look found: only what is recognised: nobody saw the site before."""
    meant = options.status != ProbeHttpOptions().status
    if seen.healthy or meant or task.site.kind is not SiteKind.WORDPRESS:
        return Baseline()
    facts = task.facts
    first = see(task)
    boots = facts is None or not facts.crippled
    return settled(task.session.hosts, task.site, first, boots=boots, limit=_limit(task)).baseline.recognised


def record_looks(task: Task, seen: Signals, phase: str) -> None:
    """Write down what was seen, and tell it. `phase` is before, after, undo or soak."""
    kinds = (
        (seen.visitors, "page"),
        (seen.uncached, "uncached"),
        (seen.machines, "machine"),
        (seen.plain, "plain"),
        (tuple(seen.sub_sites.values()), "sub-site"),
        (seen.inside.sights if seen.inside is not None else (), "inside"),
    )
    for sights, signal in kinds:
        for sight in sights:
            _record(task, sight.page, seen.at, phase, signal, usual=seen.baseline.covers(sight.page))
    task.session.emit(
        "look.taken",
        task.run,
        task.site.name,
        phase=phase,
        healthy=seen.healthy,
        findings=list(seen.findings),
        cached=list(seen.cached),
        sub_sites=list(seen.looked_at),
        unverified=task.session.reason(seen.unverified),
        usual=[str(one) for one in seen.baseline.pages],
    )


def see(task: Task) -> Signals:
    """All signals of the task's site: from outside, and where nobody is let in, from its own host."""
    sub_sites = looked_at(task.facts, task.site, task.plan.changes) if task.facts else ()
    seen = observed(task.session.hosts, task.site, facts=task.facts, limit=_limit(task), sub_sites=sub_sites)
    return _inside(task, seen)


def see_before(task: Task) -> Signals:
    """The measure of a change: how the site is now, and what is usual for it though it looks unhealthy."""
    seen = see_usual(task)
    return replace(seen, pace=_paces(task)) if seen.healthy else seen


def see_usual(task: Task) -> Signals:
    """As `see_before`, without how long its pages take."""
    boots = task.site.kind is SiteKind.STATIC or (task.facts is not None and not task.facts.crippled)
    seen = settled(task.session.hosts, task.site, see(task), boots=boots, limit=_limit(task))
    record_looks(task, seen, "before")
    return seen


def see_slower(task: Task, before: Signals, after: Signals) -> str:
    """What has become clearly slower, in a sentence; empty where nothing has.

    Only where the look itself was slow it is measured, and what is measured is confirmed.
    """
    pages = [page for page, seconds in before.pace.items() if could_be(seconds, _seconds(after, page))]
    found = slowest(before.pace, _paces(task, pages)) if pages else None
    if found is None:
        return ""
    again = slowest(before.pace, _paces(task, [found.page]))
    return str(again or "")


def _seconds(seen: Signals, page: str) -> list[float]:
    """How long a page took, as visitors get it past caches."""
    return [look.seconds for look in seen.looks if look.page in {page, f"{page} (uncached)"}]


def _paces(task: Task, pages: Sequence[str] = ()) -> Mapping[str, tuple[float, ...]]:
    hosts, site = task.session.hosts, task.site
    found = within(lambda: sample(site, pages=pages, limit=_limit(task), keys=let_in(hosts, site)))
    return {} if isinstance(found, SitecrewError) else found


def see_again(
    task: Task, before: Signals, phase: str, *, patience: float | None = None
) -> tuple[Signals, str]:
    """Look until it is known whether the site is worse than before; returns the last look and what is worse.

    What was put back may need a moment: caches of compiled code, workers that restart. `patience`: seconds,
    where the usual are not meant.
    """
    if patience is None:
        patience = _UNDO_PATIENCE if phase == "undo" else _PATIENCE
    seen, found = examined(task.session.hosts, task.site, before, limit=_limit(task), patience=patience)
    if not found and (seen.refused or (before.inside is not None and before.inside.seen)):
        outside = seen
        seen, found = until_known(lambda _: _inside(task, outside, before), before, patience=patience)
    record_looks(task, seen, phase)
    return seen, "; ".join(found)


def _inside(task: Task, seen: Signals, before: Signals | None = None) -> Signals:
    host = task.order.hosts[task.site.host]
    return with_inside(task.session.hosts, host, task.site, seen, facts=task.facts, before=before)


def _limit(task: Task) -> float:
    return task.order.limits.look.total_seconds()


def _record(
    task: Task, page: PageLook, at: datetime, phase: str, signal: str, *, usual: bool = False
) -> None:
    """Write down one page; what is usual for a site is not held against it."""
    task.session.ledger.record_look(
        site=task.site.name,
        run=task.run,
        at=at,
        phase=phase,
        signal=signal,
        url=page.url,
        healthy=None if page.seen is Seen.REFUSED else page.healthy or usual,
        seen=page.seen,
        status=page.status,
        seconds=page.seconds,
        size=page.size,
        findings=tuple(map(task.session.reason, page.findings)),
    )


def _lines(seen: Look) -> str:
    return "\n".join(
        f"{page.page}  {page.status or 'no answer'}  {page.seconds:.2f} s  {page.size} bytes"
        f"{''.join(f'  {finding}' for finding in page.findings)}"
        for page in seen.pages
    )
