"""Which sites of an opening wait for approval of their plan, and what runs when it starts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.model import Action, Approve, Change, ItemKind, Level, LockedPlan, Site, SitePlan
from runner.plan.policy import CODE
from runner.plan.select import applies
from runner.record import ApprovalState, ApprovalView, WhyNot
from runner.steps.versions import core_level, level
from runner.untrusted import few

__all__ = [
    "Refusal",
    "Terms",
    "free_sites",
    "is_major",
    "sites_to_plan",
    "terms_of",
    "waiting_sites",
    "without_majors",
]

_NO_PLAN = "not approved: it is not in the approved plan"
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """How an opening is started."""

    locked: frozenset[str] = frozenset()
    """Sites on which the locked plan is applied."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Sites that are not started, each with the reason."""
    no_majors: bool = False
    """Whether major updates of the other sites are skipped."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an opening is not started now."""

    why: str
    final: bool = False
    """Whether it is skipped at once; otherwise it waits until its start deadline."""


def is_major(change: Change) -> bool:
    """Whether a change is a major update of WordPress (6.5 to 6.6), a plugin or a theme (1.x to 2.x)."""
    if change.action is not Action.CHANGE or change.kind not in CODE or not change.from_version:
        return False
    size = core_level if change.kind is ItemKind.CORE else level
    return size(change.from_version, change.to_version) is Level.MAJOR


def sites_to_plan(rule: Approve, sites: Sequence[Site]) -> tuple[Site, ...]:
    """Return the sites whose plan has to be known: all for majors, else those that wait in any case."""
    return tuple(site for site in sites if rule.majors or _always(rule, site))


def waiting_sites(rule: Approve, plans: Sequence[SitePlan]) -> tuple[str, ...]:
    """Return the sites that wait, of those that were planned. A site with problems has no plan to approve."""
    return tuple(
        plan.site
        for plan in plans
        if not plan.problems and (not rule.majors or any(map(is_major, plan.changes)))
    )


def free_sites(rule: Approve, sites: Sequence[Site], waiting: Sequence[str]) -> int:
    """Return the number of sites that are started without approval."""
    return sum(not _always(rule, site) and site.name not in waiting for site in sites)


def without_majors(plan: SitePlan) -> SitePlan:
    """Return the plan with its major updates skipped."""
    changes = (
        replace(change, action=Action.SKIP, why=_NO_PLAN) if is_major(change) else change
        for change in plan.changes
    )
    return replace(plan, changes=tuple(changes))


def terms_of(
    rule: Approve,
    approval: ApprovalView | None,
    locked: LockedPlan | None,
    sites: Sequence[Site],
    outdated: Mapping[str, Sequence[str]],
) -> Terms | Refusal:
    """Return how an opening is started now, or why it is not.

    Args:
        rule: which sites need approval, as set now.
        approval: the plan of the opening and its answer; None if no plan was made yet.
        locked: the locked plan.
        sites: the sites that would be started, as they are in the inventory now.
        outdated: by site, why its locked plan no longer applies, as far as that is known without reading it.
    """
    if approval is None:
        needed = any(rule.majors or _always(rule, site) for site in sites)
        return Refusal(f"{WhyNot.UNPLANNED}: its plan was not ready") if needed else Terms()
    state = approval.state
    if state is not ApprovalState.DECLINED and not rule:
        return Terms()
    waiting = [site for site in sites if site.name in approval.sites or _always(rule, site)]
    plans = locked.sites if locked else {}
    withheld, ready = dict[str, str](), set[str]()
    for site in waiting:
        plan = plans[site.name].plan if site.name in plans else None
        if approval.refusal:
            problems = plan.problems if plan and state is not ApprovalState.DECLINED else ()
            withheld[site.name] = _unplanned(problems) or approval.refusal
        elif plan is None or site.name not in approval.sites:
            withheld[site.name] = _unplanned(plan.problems if plan else ()) or _NO_PLAN
        elif outdated.get(site.name):
            withheld[site.name] = f"{WhyNot.OUTDATED}: {few(outdated[site.name], _NAMED)}"
        else:
            ready.add(site.name)
    if withheld and len(withheld) == len(sites):
        final = state in {ApprovalState.DECLINED, ApprovalState.APPROVED}
        return Refusal(approval.refusal or next(iter(withheld.values())), final=final)
    return Terms(frozenset(ready), withheld, no_majors=rule.majors)


def _always(rule: Approve, site: Site) -> bool:
    """Whether a site waits whatever its plan is."""
    return bool(rule.sites) and applies(",".join(rule.sites), site)


def _unplanned(problems: Sequence[str]) -> str:
    return f"{WhyNot.UNPLANNED}: {few(problems, 1)}" if problems else ""
