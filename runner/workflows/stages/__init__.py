"""What happens to a site step by step: reading, jobs on its host, snapshots, looks, builds."""

from __future__ import annotations
