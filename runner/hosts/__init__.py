"""The one way to a host: commands, jobs, files and root rights over SSH."""

from __future__ import annotations
