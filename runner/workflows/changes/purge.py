"""Caches around a change: emptied after it, and after it was taken back, in processes of their own."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Task as HostTask
from runner.steps.wordpress.purge import Purged, parse_purge, purge_scripts
from runner.workflows.boundary import within

if TYPE_CHECKING:
    from typing import Literal

    from runner.execute import JobRecord
    from runner.model import SiteFacts
    from runner.workflows.site import Task

__all__ = ["AGAIN", "purge_now", "purge_tasks", "purged_in", "tell_purged", "unpurged"]

_LIMIT = 60
AGAIN = "-again"
"""Ends the names of the tasks that empty caches once more in one job."""


def purge_tasks(
    task: Task,
    mark: str,
    facts: SiteFacts | None,
    *,
    suffix: str = "",
    policy: Literal["go", "always"] = "go",
) -> tuple[HostTask, ...]:
    """What a job does about the site's caches."""
    limit = task.session.hosts.reading_limit(_LIMIT)
    scripts = purge_scripts(task.site, task.order.hosts[task.site.host], mark, facts)
    return task.session.hosts.of_site(
        task.site,
        (
            HostTask(name + suffix, script.text, timeout=limit, policy=policy)
            for name, script in scripts.items()
        ),
    )


def purged_in(record: JobRecord, tasks: tuple[HostTask, ...], mark: str) -> Purged:
    """What became of it in a job that has ended; what was not begun is not counted."""
    said = {
        one.id.removesuffix(AGAIN): (found.text, found.code)
        for one in tasks
        if (found := record.tasks.get(one.id)) is not None
    }
    return parse_purge(said, mark)


def purge_now(task: Task, facts: SiteFacts | None) -> Purged:
    """Empty the caches outside of any job."""
    mark = secrets.token_hex(16)
    tasks = purge_tasks(task, mark, facts)
    if not tasks:
        return Purged()
    host = task.order.hosts[task.site.host]
    records = within(lambda: task.session.hosts.read(host, tasks))
    if isinstance(records, SitecrewError):
        return Purged(failed=(str(records),))
    return tell_purged(task, parse_purge({name: (one.text, one.code) for name, one in records.items()}, mark))


def tell_purged(task: Task, purged: Purged) -> Purged:
    """Tell whoever follows the run."""
    if purged.caches or purged.failed:
        failed = [task.session.reason(why) for why in purged.failed]
        task.session.emit(
            "caches.purged", task.run, task.site.name, caches=list(purged.caches), failed=failed
        )
    return purged


def unpurged(purged: Purged) -> str:
    """What is said of a change whose caches could not all be emptied; empty where they were."""
    return f"caches could not be emptied: {', '.join(purged.failed)}" if purged.failed else ""
