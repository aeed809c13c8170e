"""Shell text that restores files to exactly the folders from which they were copied.

An account that can write to a folder of the site can replace a folder by a link, or a restore point by one of
its own. So the physical path of a folder is recorded when files in it are copied, and files are restored to
that folder by single names, from a restore point that belongs to this account.
"""

from __future__ import annotations

from runner.steps.static.pinned import EXCHANGE, PLACE, RENAMES
from runner.steps.wordpress.shell import shell_source

__all__ = ["NOTED", "PUT_BACK"]

NOTED = PLACE + "\n" + shell_source("note_folder")
"""The functions that copying needs."""
PUT_BACK = NOTED + RENAMES + EXCHANGE + "\n" + shell_source("return_to_folder")
"""The functions that restoring needs."""
