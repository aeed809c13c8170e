"""Orders of runs: what is to be done, frozen before anything starts."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict, Unpack

from runner.load.variables import seal_variables
from runner.model import ClosedPeriod, Estimate, LockedPlan, Order, Playbook, Site, SitePlan, Unverified

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["new_order", "with_unseen"]


class _OpeningTerms(TypedDict, total=False):
    """What an order takes from the opening of a window: its name, times, estimates, and so on."""

    window: str | None
    opens: datetime | None
    closes: datetime | None
    estimates: Mapping[str, Estimate]
    blackouts: Sequence[ClosedPeriod]
    timezone: str | None
    withheld: Mapping[str, str]
    no_majors: bool


def new_order(
    workspace: Workspace,
    playbook: Playbook,
    rings: Sequence[Sequence[Site]],
    *,
    now: datetime,
    run: str | None = None,
    tags: Sequence[str] = (),
    locked: LockedPlan | None = None,
    **terms: Unpack[_OpeningTerms],
) -> Order:
    """Return an order: what is to be done, with all that it needs of the inventory and the settings."""
    sites = tuple(site for ring in rings for site in ring)
    inventory, settings = workspace.inventory, workspace.settings
    hosts = tuple(dict.fromkeys(site.host for site in sites))
    return Order(
        run=run or f"{playbook.name}-{now:%Y%m%d-%H%M}-{secrets.token_hex(2)}",
        playbook=playbook,
        sites=sites,
        rings=tuple(tuple(site.name for site in ring) for ring in rings),
        hosts={name: inventory.hosts[name] for name in hosts},
        clients={name: inventory.clients[name] for name in dict.fromkeys(site.client for site in sites)},
        policy=settings.policy,
        limits=settings.limits,
        parallel=settings.parallel,
        locked=_plans(locked, sites) if locked else None,
        tags=tuple(tags),
        variables=seal_variables(workspace.variables),
        window=terms.get("window"),
        opens=terms.get("opens"),
        closes=terms.get("closes"),
        estimates=terms.get("estimates", {}),
        blackouts=tuple(terms.get("blackouts", ())),
        timezone=terms.get("timezone"),
        withheld=terms.get("withheld", {}),
        no_majors=terms.get("no_majors", False),
        secret_folder=secrets.token_hex(16),
        public={
            name: tuple(site.path for site in inventory.sites.values() if site.host == name) for name in hosts
        },
    )


def _plans(locked: LockedPlan, sites: Sequence[Site]) -> dict[str, SitePlan]:
    return {site.name: locked.sites[site.name].plan for site in sites if site.name in locked.sites}


def with_unseen(order: Order) -> Order:
    """Return the order with permission for unverified changes that the policy asks for; `skip` stays."""
    if order.policy.unverified is Unverified.SKIP:
        return order
    return replace(order, policy=replace(order.policy, unverified=Unverified.KEEP))
