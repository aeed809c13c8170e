"""wordpress.org, asked by the controller: what it offers, and the checksums that it publishes."""

from __future__ import annotations

from runner.wporg.client import Asked, Offers, Wporg
from runner.wporg.parse import CoreRelease, Release

__all__ = ["Asked", "CoreRelease", "Offers", "Release", "Wporg"]
