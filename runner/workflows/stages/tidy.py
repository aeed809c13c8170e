"""Once a process and host: what nobody needs any more is taken away there."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from runner.execute import collect_garbage
from runner.workflows.boundary import within

if TYPE_CHECKING:
    from runner.workflows.site import Task

__all__ = ["tidy_host"]


def tidy_host(task: Task) -> None:
    """Remains of jobs long over and restore points older than two weeks go; where it fails, another day."""
    hosts, host = task.session.hosts, task.order.hosts[task.site.host]
    place = (host.address, host.port, host.user)
    if place in hosts.tidied:
        return
    hosts.tidied.add(place)
    within(partial(collect_garbage, hosts.pool, hosts.endpoint(host), limits=hosts.limits))
