"""Shell functions that change files from within a folder: enter it, check where it is, then use it as `.`.

A path that has been checked can lead elsewhere by the time it is used: an account that may write to a folder
of the site can put a link there in between. The working folder does not follow such a change. So every change
enters the folder, asks the system for its path, compares it, and uses single names from there. `pwd` is
called through `env`, because the built-in of bash prints the path it computed before it entered the folder.
"""

from __future__ import annotations

from runner.steps.sources import shell_source

__all__ = ["EXCHANGE", "PINNED", "PLACE", "RENAMES"]

PLACE = shell_source("runner.steps.static", "place")
RENAMES = shell_source("runner.steps.static", "rename")
EXCHANGE = shell_source("runner.steps.static", "exchange")
PINNED = (
    PLACE
    + shell_source("runner.steps.static", "ownership")
    + shell_source("runner.steps.static", "enter")
    + RENAMES
)
