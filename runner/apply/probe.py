"""Health checks of a site during a run, and the step `probe.http`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.inspect.host_side import with_host_check
from runner.model import Look, Outcome, Phase, SiteKind, Step, StepOutcome
from runner.plan import sub_sites_to_check
from runner.steps.probe import ProbeHttpOptions
from runner.verify import (
    Baseline,
    Expectation,
    Signals,
    may_be_slower,
    slowest,
    until_known,
)

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = [
    "check_site",
    "compare_with_baseline",
    "find_slower_page",
    "probe",
    "record_checks",
    "take_baseline",
]

_PATIENCE = 2.0
"""Seconds for which a site must stay worse after a change before it counts."""
_UNDO_PATIENCE = 20.0
"""Seconds within which a site must be healthy again after a rollback."""


def probe(ctx: SiteContext, step: Step) -> StepOutcome:
    """Request the pages of the step, record the results and judge them."""
    options = step.options
    assert isinstance(options, ProbeHttpOptions)  # noqa: S101  # the loader made it so
    started = time.monotonic()
    ctx.journal.progress(step.id, Phase.CHECKING)
    seen = ctx.prober.look(
        Expectation(status=options.status, text=options.expect or ctx.site.expect),
        pages=options.pages,
    )
    usual = _usual(ctx, seen, options)
    seconds = round(time.monotonic() - started, 3)
    for page in seen.pages:
        ctx.journal.page_checked(page, seen.at, phase="after", signal="page", usual=usual.covers(page))
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
    """Return the known usual states (such as a maintenance page) in a check without a baseline."""
    meant = options.status != ProbeHttpOptions().status
    if seen.healthy or meant or ctx.site.kind is not SiteKind.WORDPRESS:
        return Baseline()
    facts = ctx.facts
    first = check_site(ctx)
    boots = facts is None or not facts.crippled
    return ctx.prober.settle(first, boots=boots).baseline.recognised


def record_checks(ctx: SiteContext, seen: Signals, phase: str) -> None:
    """Record and emit the results of a health check. `phase` is before, after, undo or soak."""
    kinds = (
        (seen.visitors, "page"),
        (seen.uncached, "uncached"),
        (seen.machines, "machine"),
        (seen.plain, "plain"),
        (tuple(seen.sub_sites.values()), "sub-site"),
        (seen.inside.checks if seen.inside is not None else (), "inside"),
    )
    for checks, signal in kinds:
        for check in checks:
            usual = seen.baseline.covers(check.page)
            ctx.journal.page_checked(check.page, seen.at, phase=phase, signal=signal, usual=usual)
    ctx.journal.emit(
        "look.taken",
        phase=phase,
        healthy=seen.healthy,
        findings=list(seen.findings),
        cached=list(seen.cached),
        sub_sites=list(seen.checked_sub_sites),
        unverified=ctx.journal.reason(seen.unverified),
        usual=[str(one) for one in seen.baseline.pages],
    )


def check_site(ctx: SiteContext) -> Signals:
    """Check the site's health: from outside, and from its own host if visitors are not let in."""
    sub_sites = sub_sites_to_check(ctx.facts, ctx.site, ctx.plan.changes) if ctx.facts else ()
    seen = ctx.prober.observe(ctx.facts, sub_sites)
    return _with_inside(ctx, seen)


def take_baseline(ctx: SiteContext, *, times: bool = True) -> Signals:
    """Return the baseline of a change: how the site is now and what is usual for it.

    With `times`, a healthy site's pages are also measured.
    """
    boots = ctx.site.kind is SiteKind.STATIC or (ctx.facts is not None and not ctx.facts.crippled)
    seen = ctx.prober.settle(check_site(ctx), boots=boots)
    record_checks(ctx, seen, "before")
    return replace(seen, pace=_paces(ctx)) if times and seen.healthy else seen


def find_slower_page(ctx: SiteContext, before: Signals, after: Signals) -> str:
    """Return which page has become clearly slower; empty for none.

    Only pages that were slow in the health check are measured, and the slowest is measured twice.
    """
    pages = [page for page, seconds in before.pace.items() if may_be_slower(seconds, _seconds(after, page))]
    found = slowest(before.pace, _paces(ctx, pages)) if pages else None
    if found is None:
        return ""
    again = slowest(before.pace, _paces(ctx, [found.page]))
    return str(again or "")


def _seconds(seen: Signals, page: str) -> list[float]:
    """Return how long a page took, with and without caches."""
    return [look.seconds for look in seen.looks if look.page in {page, f"{page} (uncached)"}]


def _paces(ctx: SiteContext, pages: Sequence[str] = ()) -> Mapping[str, tuple[float, ...]]:
    return ctx.prober.sample(pages)


def compare_with_baseline(
    ctx: SiteContext, before: Signals, phase: str, *, patience: float | None = None
) -> tuple[Signals, str]:
    """Check until it is known whether the site is worse than before.

    A site that was rolled back may need a moment, for caches of compiled code and restarting workers.

    Args:
        ctx: the site.
        before: the baseline.
        phase: after, undo or soak.
        patience: seconds for which the site may stay worse; by default as the phase needs.

    Returns:
        The last results, and what is worse; empty for nothing.
    """
    if patience is None:
        patience = _UNDO_PATIENCE if phase == "undo" else _PATIENCE
    seen, found = ctx.prober.examine(before, patience=patience)
    if not found and (seen.refused or (before.inside is not None and before.inside.seen)):
        outside = seen
        seen, found = until_known(lambda _: _with_inside(ctx, outside, before), before, patience=patience)
    record_checks(ctx, seen, phase)
    return seen, "; ".join(found)


def _with_inside(ctx: SiteContext, seen: Signals, before: Signals | None = None) -> Signals:
    return with_host_check(ctx.remote, ctx.site, seen, facts=ctx.facts, before=before)


def _lines(seen: Look) -> str:
    return "\n".join(
        f"{page.page}  {page.status or 'no answer'}  {page.seconds:.2f} s  {page.size} bytes"
        f"{''.join(f'  {finding}' for finding in page.findings)}"
        for page in seen.pages
    )
