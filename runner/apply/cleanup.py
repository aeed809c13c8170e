"""Deletion of old jobs and restore points on hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.boundary import within

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["collect_garbage"]


def collect_garbage(ctx: SiteContext) -> None:
    """Delete old jobs and restore points on the site's host; the next run retries a failure."""
    within(ctx.remote.collect_garbage)
