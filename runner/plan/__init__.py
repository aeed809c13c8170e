"""Planning: from the model and the facts of a site to a plan. Pure: no files, clocks or hosts are read."""

from __future__ import annotations

from runner.plan.autoupdates import AutoHold, choose, held_items
from runner.plan.bisect import Found, Tried, search
from runner.plan.findings import find, unhealthy
from runner.plan.identity import Belongs, addressed, belonging, sharing, stranger, stranger_database
from runner.plan.locked import changed_steps, moved, moved_place, narrowed, newcomers
from runner.plan.offers import asked, compared
from runner.plan.places import stray_folder
from runner.plan.policy import BY_HAND, UNUSABLE, LedgerHold, PolicyInput, decide, is_unusable, waits
from runner.plan.preview import SystemInput, needs_facts, plan_site
from runner.plan.segments import Barrier, Parts, Segment, SkippedStep, cut
from runner.plan.select import applies, rings, select
from runner.plan.sub_sites import asked_as, looked_at, not_looked_at, started, with_offers
from runner.plan.told import is_newer
from runner.plan.unverified import as_seen, not_unseen, unseen
from runner.plan.windows import Due, Occurrence, closed_day, next_of_client, next_windows, occurrences

__all__ = [
    "BY_HAND",
    "UNUSABLE",
    "AutoHold",
    "Barrier",
    "Belongs",
    "Due",
    "Found",
    "LedgerHold",
    "Occurrence",
    "Parts",
    "PolicyInput",
    "Segment",
    "SkippedStep",
    "SystemInput",
    "Tried",
    "addressed",
    "applies",
    "as_seen",
    "asked",
    "asked_as",
    "belonging",
    "changed_steps",
    "choose",
    "closed_day",
    "compared",
    "cut",
    "decide",
    "find",
    "held_items",
    "is_newer",
    "is_unusable",
    "looked_at",
    "moved",
    "moved_place",
    "narrowed",
    "needs_facts",
    "newcomers",
    "next_of_client",
    "next_windows",
    "not_looked_at",
    "not_unseen",
    "occurrences",
    "plan_site",
    "rings",
    "search",
    "select",
    "sharing",
    "started",
    "stranger",
    "stranger_database",
    "stray_folder",
    "unhealthy",
    "unseen",
    "waits",
    "with_offers",
]
