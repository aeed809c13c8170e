"""What is waited for, received and kept from a host: the limits that the controller keeps by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Limits", "Span"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, where not said otherwise. A host that passes one has broken the protocol."""

    hello: float = 20.0
    """Until the host's first answer on an exec."""
    silence: float = 60.0
    """Without a byte, not even a heartbeat: the link is taken for dead."""
    beat: int = 10
    """Between the host's heartbeats."""
    reattach: float = 300.0
    """After a cut, until the job is given up as lost."""
    wait: float = 10.0
    """Between the words that hold the dead man off while we look."""
    linger: int = 30
    """How long the host keeps the exec of a job that is over, for `ack`."""
    margin: float = 60.0
    """Beyond what the tasks' own time limits allow, however often the host says that it is alive."""
    job: float = 4 * 3600.0
    """For a job whose tasks are not known here: it was started by an earlier process."""
    ending: float = 1800.0
    """From the word cancel to the end of such a job."""
    tidying: float = 600.0
    """For tidying up on the host."""
    output: int = 1 << 20
    """Bytes of output kept of each task."""
    kept: int = 64 << 20
    """Bytes of output kept of all tasks together."""
    received: int = 1 << 30
    """Bytes of stdout taken from the host, over all execs of one job or reading."""
    errors: int = 64 << 20
    """Bytes of stderr taken."""
    noise: int = 1 << 20
    """Bytes that the login may print before the host's first answer."""
    frames: int = 20_000
    """Frames taken, over all execs of one job or reading."""


class Span(NamedTuple):
    """How long a job may take by the limits of its own tasks, in seconds."""

    tasks: float
    """Until its verdict is asked for."""
    rest: float
    """From the verdict, or a cancel, to its end."""
    wait: float = 0.0
    """For the verdict, where the host has to decide by itself. Counts once it says that it waits."""
