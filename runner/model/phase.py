"""What is being done to a site: the phases of its steps."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Phase"]


class Phase(StrEnum):
    """What a step is doing at the moment."""

    READING = "reading"
    """Reading the site and planning its changes, before its first step."""
    CHECKING = "checking"
    """Checking the site or its host before a change, or comparing its files."""
    BACKING_UP = "backing up"
    SAVING = "saving"
    """Creating the restore point."""
    FETCHING = "fetching"
    """Downloading packages to the host."""
    SENDING = "sending"
    """Sending files to the host."""
    APPLYING = "applying"
    UNDOING = "undoing"
    """Restoring what an earlier run changed."""
    VERIFYING = "verifying"
    """Checking the result: the site after a change, or a backup in its store."""
    ROLLING_BACK = "rolling back"
    REBOOTING = "rebooting"
    WAITING = "waiting"
    """Waiting for the next try, or for the other sites of the host."""
