"""Write rows into a ledger with keyword arguments."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.record import WindowState, WindowView
from runner.record.store import now
from runner.record.views import BackupView, LookView, NewRun, OrderedSite, OrderedStep

if TYPE_CHECKING:
    from runner.record import Ledger

__all__ = ["claim_window", "create_run", "record_backup", "record_look"]


def create_run(ledger: Ledger, order_text: str, **run: Any) -> bool:
    """Create a run; sites and steps are tuples."""
    run["sites"] = tuple(OrderedSite(*site) for site in run["sites"])
    run["steps"] = tuple(OrderedStep(*step) for step in run["steps"])
    return ledger.runs.create(NewRun(order_text=order_text, **run))


def record_look(ledger: Ledger, *, seen: Any = None, **look: Any) -> bool:
    """Record one look."""
    return ledger.looks.record(LookView(seen=seen and str(seen), **look))


def record_backup(ledger: Ledger, snapshot: str, **backup: Any) -> bool:
    """Record a backup."""
    return ledger.backups.record(BackupView(snapshot=snapshot, **backup))


def claim_window(
    ledger: Ledger, window: str, starts: datetime, *, closes: datetime, state: WindowState, **opening: Any
) -> bool:
    """Claim an opening of a window."""
    recorded = opening.pop("at", None) or now()
    return ledger.windows.claim(
        WindowView(window=window, starts=starts, closes=closes, state=state, recorded=recorded, **opening)
    )
