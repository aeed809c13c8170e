"""Plans of a playbook without a run: reads the sites and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from runner.errors import LedgerError
from runner.execute import Pool
from runner.hosts.hosts import Hosts
from runner.inspect.files import preview_files
from runner.inspect.planned_health import with_health_checks
from runner.inspect.prerequisites import Missing, find_missing
from runner.inspect.preview import preview_sites
from runner.load import Redactor
from runner.model import LedgerAddress, Plan, Playbook, Site, SitePlan
from runner.record import Ledger

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["make_plan", "open_ledger"]


def make_plan(
    workspace: Workspace,
    playbook: Playbook,
    sites: Sequence[Site],
    *,
    tags: Sequence[str],
    check_health: bool = True,
    at: datetime | None = None,
) -> Plan:
    """Return what the playbook would change on these sites. Records offered versions in the ledger.

    With `check_health`, the sites are checked as before a change, and missing prerequisites become problems;
    a run of a locked plan does both itself. Rules and holds that depend on the time are applied as of `at`,
    by default now.
    """
    with (
        open_ledger(workspace.settings.ledger) as ledger,
        Pool(logins=workspace.settings.parallel.logins_per_host) as pool,
    ):
        recognised = ledger.websites.sync(workspace.inventory)
        hosts = Hosts(workspace, pool, Redactor())
        plans, facts = preview_sites(
            hosts, ledger, playbook, sites, tags=tuple(tags), edits=check_health, at=at
        )
        plans = preview_files(hosts, playbook, sites, tags, plans)
        if check_health:
            plans = with_health_checks(hosts, playbook, sites, tags, plans, facts=facts)
            plans = _with_missing(plans, sites, find_missing(hosts, playbook, sites, tags=tags))
        return Plan(playbook=playbook.name, sites=plans, facts=facts, recognised=recognised)


def _with_missing(plans: Sequence[SitePlan], sites: Sequence[Site], missing: Missing) -> tuple[SitePlan, ...]:
    return tuple(
        replace(
            plan, problems=tuple(dict.fromkeys((*plan.problems, *(e.with_hint for e in missing.of(site)))))
        )
        for plan, site in zip(plans, sites, strict=True)
    )


def open_ledger(address: LedgerAddress) -> Ledger:
    """Open the ledger, read-only if it cannot be written."""
    try:
        return Ledger.open(address)
    except LedgerError as error:
        try:
            return Ledger.open(address, read_only=True)
        except LedgerError:
            raise error from None
