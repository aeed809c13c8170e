"""The ledger's tables. One row is one fact; docs/ledger.md describes each table."""

from __future__ import annotations

from runner.record.schema.care_tables import (
    acts,
    announcements,
    auto_updates,
    backups,
    calendars,
    deliveries,
    holds,
    leases,
    pauses,
    reports,
    schedules,
    sightings,
    windows,
)
from runner.record.schema.columns import Instant, instant_text, metadata
from runner.record.schema.run_tables import (
    changes,
    clients,
    look_summaries,
    looks,
    restore_points,
    run_sites,
    runs,
    segments,
    steps,
    websites,
)

__all__ = [
    "REVISIONS",
    "Instant",
    "acts",
    "announcements",
    "auto_updates",
    "backups",
    "calendars",
    "changes",
    "clients",
    "deliveries",
    "holds",
    "instant_text",
    "leases",
    "look_summaries",
    "looks",
    "metadata",
    "pauses",
    "reports",
    "restore_points",
    "run_sites",
    "runs",
    "schedules",
    "segments",
    "sightings",
    "steps",
    "websites",
    "windows",
]

REVISIONS = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
)
"""Every revision of these tables, oldest first. The last one is what this code reads and writes."""
