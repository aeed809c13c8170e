"""Access to hosts over SSH: commands, jobs, files and root rights."""

from __future__ import annotations
