"""Snapshots of sites: storing them, and verifying what was stored."""

from __future__ import annotations

from runner.backup.archive import DATABASE, FILES, MANIFEST, ArchiveStore, Draft, Part, Snapshot
from runner.backup.receive import LARGEST

__all__ = ["DATABASE", "FILES", "LARGEST", "MANIFEST", "ArchiveStore", "Draft", "Part", "Snapshot"]
