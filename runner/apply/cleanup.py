"""Once a process and host: what nobody needs any more is taken away there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from runner.execute import collect_garbage
from runner.hosts.boundary import within

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["tidy_host"]


def tidy_host(ctx: SiteContext) -> None:
    """Remains of jobs long over and restore points older than two weeks go; where it fails, another day."""
    hosts, host = ctx.session.hosts, ctx.order.hosts[ctx.site.host]
    place = (host.address, host.port, host.user)
    if place in hosts.tidied:
        return
    hosts.tidied.add(place)
    within(partial(collect_garbage, hosts.pool, hosts.endpoint(host), limits=hosts.limits))
