"""Reading sites before anything is changed: the facts of each, in one boot, and the plan that follows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from runner.inspect.facts import as_published, read_facts
from runner.inspect.identity import confirmed
from runner.inspect.preview import PlanRequest, plan_one, steps_of
from runner.load import thaw_as
from runner.model import Action, SiteFacts, SitePlan
from runner.plan import (
    moved,
    narrowed,
    waits,
)
from runner.steps.wordpress import (
    asked_languages,
    asks_composer,
)

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["survey"]


def survey(ctx: SiteContext) -> SiteContext:
    """The task with facts and plan: those on record, or read now and put on record.

    Raises:
        UnreachableError: the host cannot be reached.
    """
    session, run, site = ctx.session, ctx.run, ctx.site
    stored = session.ledger.plan_of(run, site.name)
    facts_then = session.ledger.facts_of(run, site.name)
    if stored is not None:
        facts = thaw_as(SiteFacts, facts_then) if facts_then else None
        return replace(ctx, plan=stored, facts=facts)
    languages = asked_languages(ctx.order.playbook.steps)
    order = ctx.order
    dates = waits(order.policy, order.clients[site.client], site)
    composer = asks_composer(steps_of(order.playbook, site, order.tags))
    found = read_facts(session.hosts, [site], languages=languages, dates=dates, composer=composer)[site.name]
    found = as_published(session.hosts, {site.name: found}, order.policy)[site.name]
    wanted = PlanRequest(order.playbook, order.policy, order.tags, session.now())
    plan = plan_one(session.ledger, order.clients[site.client], site, wanted, found, run=run)
    facts = found if isinstance(found, SiteFacts) else None
    if facts is not None and any(change.action is Action.CHANGE for change in plan.changes):
        facts = confirmed(session.hosts, order.hosts[site.host], site, facts)
    if order.locked is not None:
        plan = _as_locked(order.locked[site.name], plan, facts)
    plan = replace(plan, problems=tuple(map(session.reason, plan.problems)))
    if facts is not None:
        session.ledger.record_plan(run, site.name, plan, asdict(facts))
    session.emit(
        "site.planned",
        run,
        site.name,
        changes=[
            {"item": c.item, "from": c.from_version, "to": c.to_version, "action": c.action, "why": c.why}
            for c in plan.changes
        ],
        problems=list(plan.problems),
    )
    return replace(ctx, plan=plan, facts=facts)


def _as_locked(then: SitePlan, now: SitePlan, facts: SiteFacts | None) -> SitePlan:
    """What was planned beforehand; where the site has moved since the run began, that is its problem."""
    found = moved(then.changes, now, facts)
    problems = [f"not touched, for it is not as it was planned: {'; '.join(found)}"] if found else []
    return replace(narrowed(then.changes, now), problems=(*now.problems, *problems))
