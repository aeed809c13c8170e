"""The stages in which the controller looks at a site as a visitor does."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.inspect.host_side import with_host_check
from runner.model import Look, Outcome, SiteKind, Step, StepOutcome
from runner.plan import sub_sites_to_check
from runner.steps.probe import ProbeHttpOptions
from runner.verify import (
    Baseline,
    Expectation,
    Signals,
    could_be,
    slowest,
    until_known,
)

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["probe", "record_looks", "see", "see_again", "see_before", "see_slower", "see_usual"]

_PATIENCE = 2.0
"""Seconds for which a site must stay worse after a change before it counts."""
_UNDO_PATIENCE = 20.0
"""Seconds in which a site that was put back must be well again."""


def probe(ctx: SiteContext, step: Step) -> StepOutcome:
    """Look at the pages, write down what each said, and judge."""
    options = step.options
    assert isinstance(options, ProbeHttpOptions)  # noqa: S101  # the loader made it so
    began = time.monotonic()
    seen = ctx.prober.look(
        Expectation(status=options.status, text=options.expect or ctx.site.expect),
        pages=options.pages,
    )
    usual = _usual(ctx, seen, options)
    seconds = round(time.monotonic() - began, 3)
    for page in seen.pages:
        ctx.journal.looked(page, seen.at, phase="after", signal="page", usual=usual.covers(page))
    findings = [
        f"{page.page}: {finding}"
        for page in seen.pages
        if not usual.covers(page)
        for finding in page.findings
    ]
    ctx.journal.emit(
        "look.taken",
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


def _usual(ctx: SiteContext, seen: Look, options: ProbeHttpOptions) -> Baseline:
    """What is usual of what a look found: only what is recognised: nobody saw the site before."""
    meant = options.status != ProbeHttpOptions().status
    if seen.healthy or meant or ctx.site.kind is not SiteKind.WORDPRESS:
        return Baseline()
    facts = ctx.facts
    first = see(ctx)
    boots = facts is None or not facts.crippled
    return ctx.prober.settle(first, boots=boots).baseline.recognised


def record_looks(ctx: SiteContext, seen: Signals, phase: str) -> None:
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
            usual = seen.baseline.covers(sight.page)
            ctx.journal.looked(sight.page, seen.at, phase=phase, signal=signal, usual=usual)
    ctx.journal.emit(
        "look.taken",
        phase=phase,
        healthy=seen.healthy,
        findings=list(seen.findings),
        cached=list(seen.cached),
        sub_sites=list(seen.looked_at),
        unverified=ctx.journal.reason(seen.unverified),
        usual=[str(one) for one in seen.baseline.pages],
    )


def see(ctx: SiteContext) -> Signals:
    """All signals of the task's site: from outside, and where nobody is let in, from its own host."""
    sub_sites = sub_sites_to_check(ctx.facts, ctx.site, ctx.plan.changes) if ctx.facts else ()
    seen = ctx.prober.observe(ctx.facts, sub_sites)
    return _inside(ctx, seen)


def see_before(ctx: SiteContext) -> Signals:
    """The measure of a change: how the site is now, and what is usual for it though it looks unhealthy."""
    seen = see_usual(ctx)
    return replace(seen, pace=_paces(ctx)) if seen.healthy else seen


def see_usual(ctx: SiteContext) -> Signals:
    """As `see_before`, without how long its pages take."""
    boots = ctx.site.kind is SiteKind.STATIC or (ctx.facts is not None and not ctx.facts.crippled)
    seen = ctx.prober.settle(see(ctx), boots=boots)
    record_looks(ctx, seen, "before")
    return seen


def see_slower(ctx: SiteContext, before: Signals, after: Signals) -> str:
    """What has become clearly slower, in a sentence; empty where nothing has.

    Only where the look itself was slow it is measured, and what is measured is confirmed.
    """
    pages = [page for page, seconds in before.pace.items() if could_be(seconds, _seconds(after, page))]
    found = slowest(before.pace, _paces(ctx, pages)) if pages else None
    if found is None:
        return ""
    again = slowest(before.pace, _paces(ctx, [found.page]))
    return str(again or "")


def _seconds(seen: Signals, page: str) -> list[float]:
    """How long a page took, as visitors get it past caches."""
    return [look.seconds for look in seen.looks if look.page in {page, f"{page} (uncached)"}]


def _paces(ctx: SiteContext, pages: Sequence[str] = ()) -> Mapping[str, tuple[float, ...]]:
    return ctx.prober.sample(pages)


def see_again(
    ctx: SiteContext, before: Signals, phase: str, *, patience: float | None = None
) -> tuple[Signals, str]:
    """Look until it is known whether the site is worse than before; returns the last look and what is worse.

    What was put back may need a moment: caches of compiled code, workers that restart. `patience`: seconds,
    where the usual are not meant.
    """
    if patience is None:
        patience = _UNDO_PATIENCE if phase == "undo" else _PATIENCE
    seen, found = ctx.prober.examine(before, patience=patience)
    if not found and (seen.refused or (before.inside is not None and before.inside.seen)):
        outside = seen
        seen, found = until_known(lambda _: _inside(ctx, outside, before), before, patience=patience)
    record_looks(ctx, seen, phase)
    return seen, "; ".join(found)


def _inside(ctx: SiteContext, seen: Signals, before: Signals | None = None) -> Signals:
    return with_host_check(ctx.remote, ctx.site, seen, facts=ctx.facts, before=before)


def _lines(seen: Look) -> str:
    return "\n".join(
        f"{page.page}  {page.status or 'no answer'}  {page.seconds:.2f} s  {page.size} bytes"
        f"{''.join(f'  {finding}' for finding in page.findings)}"
        for page in seen.pages
    )
