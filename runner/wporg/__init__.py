"""Client of wordpress.org: available releases and published checksums."""

from __future__ import annotations

from runner.wporg.client import Wporg

__all__ = ["Wporg"]
