"""The controller's own limits on what it waits for, receives and keeps from a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Span", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds unless stated otherwise. A host that exceeds one has broken the protocol."""

    hello: float = 20.0
    """Until the host's first answer on an exec channel."""
    silence: float = 60.0
    """Without a byte, not even a heartbeat, until the connection counts as dead."""
    beat: int = 10
    """Between the host's heartbeats."""
    reattach: float = 300.0
    """Without a connection, until the job is given up as lost."""
    wait: float = 10.0
    """Between the words that restart the host's timer while the verdict is pending."""
    linger: int = 30
    """How long the host keeps the exec channel of a finished job open for `ack`."""
    margin: float = 60.0
    """On top of the commands' own time limits, no matter how many heartbeats arrive."""
    job: float = 4 * 3600.0
    """For a job whose commands are not known here because an earlier process started it."""
    ending: float = 1800.0
    """From a cancel to the end of such a job."""
    tidying: float = 600.0
    """For deleting old files on the host."""
    output: int = 1 << 20
    """Bytes of output kept of each command."""
    kept: int = 64 << 20
    """Bytes of output kept of all commands together."""
    received: int = 1 << 30
    """Bytes of stdout accepted from the host, over all exec channels of a job or reading."""
    errors: int = 64 << 20
    """Bytes of stderr accepted."""
    noise: int = 1 << 20
    """Bytes that the login shell may print before the host's first answer."""
    frames: int = 20_000
    """Frames accepted, over all exec channels of a job or reading."""


class Span(NamedTuple):
    """The longest that a job can take by the time limits of its commands, in seconds."""

    tasks: float
    """Until it waits for a verdict."""
    rest: float
    """From the verdict, or a cancel, to its end."""
    wait: float = 0.0
    """For the verdict, including the host's own check. Counted from when the host reports that it waits."""
