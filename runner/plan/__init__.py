"""Planning: from the model and the facts of a site to a plan. Pure: no files, clocks or hosts are read."""

from __future__ import annotations

from runner.plan.autoupdates import AutoHold, choose_switches, held_items
from runner.plan.bisection import Bisection, GroupResult, bisect
from runner.plan.blackouts import blackouts_between, closed_at
from runner.plan.durations import (
    LAST_RUNS,
    Forecast,
    Job,
    about,
    estimate,
    forecast,
    rollback_begins,
    why_too_late,
)
from runner.plan.findings import site_findings, unhealthy
from runner.plan.folders import stray_folder
from runner.plan.holds import (
    BY_HAND,
    UNUSABLE,
    LedgerHold,
    in_force,
    is_undone_by_hand,
    is_unusable,
    ledger_holds,
    set_by,
)
from runner.plan.identity import (
    DatabaseMatch,
    address_mismatch,
    database_mismatch,
    match_database,
    shared_tables,
    stores_address,
)
from runner.plan.information import is_newer
from runner.plan.locked import (
    changed_steps,
    differences,
    location_differences,
    planned_from_facts,
    unplanned_changes,
    without_unplanned,
)
from runner.plan.offers import confirm_offers, items_to_query
from runner.plan.policy import PolicyInput, decide, waits
from runner.plan.preview import SystemInput, needs_facts, plan_site
from runner.plan.retention import cutoffs
from runner.plan.segments import Barrier, Parts, Segment, SkippedStep, split_playbook
from runner.plan.select import applies, rings, select
from runner.plan.sub_sites import (
    count_unchecked,
    sub_site_to_query,
    sub_sites_to_check,
    sub_sites_to_start,
    with_offers,
)
from runner.plan.unverified import after_health_check, unverified_outcome, unverified_outcomes
from runner.plan.windows import (
    Due,
    Occurrence,
    next_of_client,
    next_windows,
    occurrences,
    past_windows,
    start_of_day,
)

__all__ = [
    "BY_HAND",
    "LAST_RUNS",
    "UNUSABLE",
    "AutoHold",
    "Barrier",
    "Bisection",
    "DatabaseMatch",
    "Due",
    "Forecast",
    "GroupResult",
    "Job",
    "LedgerHold",
    "Occurrence",
    "Parts",
    "PolicyInput",
    "Segment",
    "SkippedStep",
    "SystemInput",
    "about",
    "address_mismatch",
    "after_health_check",
    "applies",
    "bisect",
    "blackouts_between",
    "changed_steps",
    "choose_switches",
    "closed_at",
    "confirm_offers",
    "count_unchecked",
    "cutoffs",
    "database_mismatch",
    "decide",
    "differences",
    "estimate",
    "forecast",
    "held_items",
    "in_force",
    "is_newer",
    "is_undone_by_hand",
    "is_unusable",
    "items_to_query",
    "ledger_holds",
    "location_differences",
    "match_database",
    "needs_facts",
    "next_of_client",
    "next_windows",
    "occurrences",
    "past_windows",
    "plan_site",
    "planned_from_facts",
    "rings",
    "rollback_begins",
    "select",
    "set_by",
    "shared_tables",
    "site_findings",
    "split_playbook",
    "start_of_day",
    "stores_address",
    "stray_folder",
    "sub_site_to_query",
    "sub_sites_to_check",
    "sub_sites_to_start",
    "unhealthy",
    "unplanned_changes",
    "unverified_outcome",
    "unverified_outcomes",
    "waits",
    "why_too_late",
    "with_offers",
    "without_unplanned",
]
