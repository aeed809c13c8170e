"""Runs and leases in the ledger."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from runner.record.processes import process_start
from tests.ledgers import create_run

if TYPE_CHECKING:
    from runner.model import Outcome
    from runner.record import Ledger

__all__ = ["acquire_lease", "finish_run", "start_run"]


def start_run(
    ledger: Ledger, run: str, executor: str | None = None, *, minutes: int = 5, sites: str = "acme-shop"
) -> None:
    """Record a run that was started `minutes` ago by `executor`."""
    create_run(
        ledger,
        "{}",
        run=run,
        playbook="nightly",
        title="Nightly",
        sites=[(site, "acme", "web1", 0, n) for n, site in enumerate(sites.split())],
        steps=[("shell", "shell", "shell")],
        started=datetime.now(UTC) - timedelta(minutes=minutes),
        trigger="manual",
        executor=executor,
    )


def finish_run(ledger: Ledger, run: str, outcome: Outcome, site: str = "acme-shop") -> None:
    """Record the outcome of a run and its site."""
    ledger.sites.finished(run, site, outcome, "", datetime.now(UTC))
    ledger.runs.finished(run, outcome, datetime.now(UTC))


def acquire_lease(ledger: Ledger, executor: str, *, host: str = "", minutes: float = 0, pid: int = 0) -> None:
    """Acquire the lease for this process or `pid`, last renewed `minutes` ago."""
    ledger.leases.acquire(
        executor,
        host=host or socket.gethostname(),
        pid=pid or os.getpid(),
        process_start=process_start(pid or os.getpid()) or "",
        at=datetime.now(UTC) - timedelta(minutes=minutes),
    )
