"""Whether the process that holds a lease is still running."""

from __future__ import annotations

import socket
from datetime import datetime
from pathlib import Path

from runner.record.views import LEASE, LeaseView

__all__ = ["is_gone", "process_start", "stopped_at"]


def process_start(pid: int) -> str | None:
    """Return the start time of a process in clock ticks since boot; None if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def is_gone(lease: LeaseView) -> bool:
    """Return whether the process ran on this machine and has ended. Other machines cannot be checked."""
    return lease.host == socket.gethostname() and process_start(lease.pid) != lease.process_start


def stopped_at(lease: LeaseView, at: datetime) -> datetime | None:
    """Return the last sign of life of a process that has ended; None while it is alive."""
    if lease.host == socket.gethostname():
        ended = is_gone(lease)  # independent of the clock, which may have been set
    else:
        ended = not at - LEASE <= lease.renewed <= at + LEASE
    return lease.renewed if ended or lease.released is not None else None
