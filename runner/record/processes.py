"""Processes of this machine: whether the one that took a lease still runs."""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path

from runner.record.views import LEASE, LeaseView

__all__ = ["is_gone", "process_start", "stopped_at"]


def process_start(pid: int) -> str | None:
    """When a process began, in the system's own ticks; None when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def is_gone(lease: LeaseView) -> bool:
    """Whether the process ran on this machine and has ended. Of other machines only the lease tells."""
    return lease.host == socket.gethostname() and process_start(lease.pid) != lease.process_start


def stopped_at(lease: LeaseView, at: datetime) -> datetime | None:
    """The last sign of life of a process that has ended; None while it works."""
    if lease.host == socket.gethostname():
        ended = is_gone(lease)  # whatever the clock says, which somebody may have set
    else:
        ended = not at - LEASE <= lease.renewed <= at + LEASE
    return lease.renewed if ended or lease.released is not None else None
