"""Estimates of how long a playbook takes on sites, from the runs in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from runner.model import Estimate, Playbook, Site
from runner.plan import LAST_RUNS, Forecast, Job, estimate, forecast, rings, select
from runner.plan.schedules import Planned, planned
from runner.steps import registry

if TYPE_CHECKING:
    from runner.load import Workspace
    from runner.model import Inventory
    from runner.record import Ledger, SiteDuration

__all__ = ["Forecasts", "estimate_sites", "missed_first"]

_OTHERS = 200
"""Runs of the playbook on other sites that count."""


def estimate_sites(
    ledger: Ledger | None, inventory: Inventory, playbook: Playbook, sites: Sequence[Site], lasts: timedelta
) -> Mapping[str, Estimate]:
    """Return how long a playbook takes on each site.

    Args:
        ledger: the earlier runs; None if there are none.
        inventory: tells the kinds of other sites.
        playbook: to run.
        sites: to run it on.
        lasts: how long the window is open.
    """
    kinds = registry()
    transacts = any(kinds[step.kind].transacts or kinds[step.kind].switches for step in playbook.steps)
    own = (
        ledger.durations.of_sites(playbook.name, [site.name for site in sites], most=LAST_RUNS)
        if ledger
        else {}
    )
    lacking = any(not own.get(site.name) for site in sites)
    every = ledger.durations.of_playbook(playbook.name, most=_OTHERS) if ledger and lacking else ()

    def of_kind(site: Site) -> Sequence[SiteDuration]:
        known = inventory.sites
        return [one for one in every if one.site in known and known[one.site].kind is site.kind]

    return {
        site.name: estimate(own.get(site.name, ()), of_kind(site), transacts=transacts, lasts=lasts)
        for site in sites
    }


def missed_first(ledger: Ledger | None, playbook: Playbook, sites: Sequence[Site]) -> list[Site]:
    """Return sites in the order in which a window starts them: first those that its last run missed."""
    missed = ledger.durations.missed_last(playbook.name, [site.name for site in sites]) if ledger else ()
    return sorted(sites, key=lambda site: site.name not in missed)


class Forecasts:
    """Forecasts of openings, each computed once for a window and client."""

    def __init__(self, workspace: Workspace, ledger: Ledger | None) -> None:
        self._workspace, self._ledger = workspace, ledger
        self._known: dict[tuple[str, str], Forecast] = {}

    def of(self, window: str, client: str) -> Forecast:
        """Return what is likely to happen in an opening of a window for a client."""
        key = window, client
        if key not in self._known:
            self._known[key] = self._forecast(Planned(self._workspace.inventory.windows[window], client))
        return self._known[key]

    def of_playbook(self, playbook: str, clients: Collection[str]) -> Mapping[tuple[str, str], Forecast]:
        """Return the forecasts of the windows that run a playbook for these clients, by window and client."""
        inventory = self._workspace.inventory
        found = [
            one.key
            for window in inventory.windows.values()
            if window.playbook == playbook
            for one in planned(inventory, window)
            if one.client in clients
        ]
        return {key: self.of(*key) for key in found}

    def _forecast(self, opening: Planned) -> Forecast:
        inventory, settings = self._workspace.inventory, self._workspace.settings
        window, client = opening.window, opening.client
        playbook = self._workspace.playbooks[window.playbook]
        sites = [site for site in select(inventory, window.sites) if site.client == client]
        sites = missed_first(self._ledger, playbook, sites)
        lasts = window.lasts - opening.jitter
        found = estimate_sites(self._ledger, inventory, playbook, sites, lasts)
        ordered = rings(sites, window.rings or settings.policy.ring_order)
        return forecast(
            [
                [Job(one.name, inventory.hosts[one.host].address, found[one.name]) for one in ring]
                for ring in ordered
            ],
            at_once=settings.parallel.sites,
            per_host=settings.parallel.per_host,
            soak=settings.policy.ring_soak,
            lasts=lasts,
        )
