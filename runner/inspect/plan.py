"""Planning without a run: read the sites, decide, change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import LedgerError
from runner.execute import Pool
from runner.hosts.hosts import Hosts
from runner.inspect.files import preview_files
from runner.inspect.planned_health import with_health_checks
from runner.inspect.prerequisites import Missing, find_missing
from runner.inspect.preview import preview_sites
from runner.load import Redactor
from runner.model import Plan, Playbook, Site, SitePlan
from runner.record import Ledger

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["make_plan"]


def make_plan(
    workspace: Workspace,
    playbook: Playbook,
    sites: Sequence[Site],
    *,
    tags: Sequence[str],
    check_health: bool = True,
) -> Plan:
    """What the playbook would do on these sites now. Notes in the ledger which versions it has seen.

    With `looks`, sites are looked at as before a change; without, for a run that will do so itself.
    """
    with (
        _ledger(workspace.settings.ledger) as ledger,
        Pool(logins=workspace.settings.parallel.logins_per_host) as pool,
    ):
        recognised = ledger.recognise(workspace.inventory)
        hosts = Hosts(workspace, pool, Redactor())
        plans, facts = preview_sites(hosts, ledger, playbook, sites, tags=tuple(tags), edits=check_health)
        foreseen = preview_files(hosts, playbook, sites, tags, plans)
        if check_health:
            foreseen = with_health_checks(hosts, playbook, sites, tags, foreseen, facts=facts)
            foreseen = _with_lacks(foreseen, sites, find_missing(hosts, playbook, sites, tags=tags))
        return Plan(playbook=playbook.name, sites=foreseen, facts=facts, recognised=recognised)


def _with_lacks(plans: Sequence[SitePlan], sites: Sequence[Site], lacks: Missing) -> tuple[SitePlan, ...]:
    return tuple(
        replace(plan, problems=tuple(dict.fromkeys((*plan.problems, *(e.with_hint for e in lacks.of(site))))))
        for plan, site in zip(plans, sites, strict=True)
    )


def _ledger(url: str) -> Ledger:
    try:
        return Ledger.open(url)
    except LedgerError as error:
        try:
            return Ledger.open(url, read_only=True)
        except LedgerError:
            raise error from None
