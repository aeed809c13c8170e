"""wordpress.org, asked by the controller: what it offers, and the checksums that it publishes."""

from __future__ import annotations

from runner.wporg.client import Wporg

__all__ = ["Wporg"]
