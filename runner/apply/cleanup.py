"""Once a process and host: what nobody needs any more is taken away there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.boundary import within

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["tidy_host"]


def tidy_host(ctx: SiteContext) -> None:
    """Remains of jobs long over and restore points older than two weeks go; where it fails, another day."""
    within(ctx.remote.collect_garbage)
