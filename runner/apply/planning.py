"""Read a site's facts and plan its changes, before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.inspect.facts import read_facts, with_published_offers
from runner.inspect.identity import with_folder_check
from runner.inspect.preview import PlanRequest, plan_one, steps_of
from runner.load import thaw_as
from runner.model import Action, SiteFacts, SitePlan
from runner.plan import differences, planned_from_facts, waits, without_unplanned
from runner.plan.approval import without_majors
from runner.steps.wordpress import (
    asked_languages,
    asks_composer,
)

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["plan_site"]


def plan_site(ctx: SiteContext) -> SiteContext:
    """Return the context with facts and plan, either from the ledger or read now and recorded.

    Raises:
        UnreachableError: the host cannot be reached.
    """
    journal, run, site = ctx.journal, ctx.run, ctx.site
    stored = journal.ledger.sites.plan(run, site.name)
    facts_then = journal.ledger.sites.facts(run, site.name)
    if stored is not None:
        facts = thaw_as(SiteFacts, facts_then) if facts_then else None
        return replace(ctx, plan=stored, facts=facts)
    languages = asked_languages(ctx.order.playbook.steps)
    order = ctx.order
    dates = waits(order.policy, order.clients[site.client], site)
    composer = asks_composer(steps_of(order.playbook, site, order.tags))
    found = read_facts(
        ctx.remote, lambda _: ctx.prober, [site], languages=languages, dates=dates, composer=composer
    )[site.name]
    found = with_published_offers(ctx.published, {site.name: found}, order.policy)[site.name]
    wanted = PlanRequest(order.playbook, order.policy, order.tags, journal.now())
    plan = plan_one(journal.ledger, order.clients[site.client], site, wanted, found, run=run)
    facts = found if isinstance(found, SiteFacts) else None
    if facts is not None and any(change.action is Action.CHANGE for change in plan.changes):
        facts = with_folder_check(ctx.prober, ctx.remote, site, facts)
    if order.locked is not None and site.name in order.locked:
        plan = _as_locked(order.locked[site.name], plan, facts)
    elif order.no_majors:
        plan = without_majors(plan)
    plan = replace(plan, problems=tuple(map(journal.reason, plan.problems)))
    if facts is not None:
        journal.planned(plan, facts)
    journal.announce_plan(plan)
    return replace(ctx, plan=plan, facts=facts)


def _as_locked(then: SitePlan, now: SitePlan, facts: SiteFacts | None) -> SitePlan:
    """Return the locked plan, with a problem if the site has changed since it was made."""
    found = differences(planned_from_facts(then.changes), now, facts)
    problems = [f"not updated: the site differs from the locked plan: {'; '.join(found)}"] if found else []
    return replace(without_unplanned(then.changes, now), problems=(*now.problems, *problems))
