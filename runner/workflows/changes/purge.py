"""Caches around a change: emptied after it, and after it was taken back, in processes of their own."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.execute import Task as HostTask
from runner.steps.wordpress.purge import Purged, out_of_reach, parse_purge, purge_scripts
from runner.steps.wordpress.web_php import settling
from runner.workflows.boundary import within

if TYPE_CHECKING:
    from typing import Literal

    from runner.execute import JobRecord
    from runner.model import SiteFacts
    from runner.workflows.site import Task

__all__ = ["AGAIN", "FIRST", "code_seen", "purge_now", "purge_tasks", "purged_in", "tell_purged", "unpurged"]

_LIMIT = 60
AGAIN = "-again"
"""Ends the names of the tasks that empty caches once more in one job."""
FIRST = "-first"
"""Ends those of tasks that do it before the host itself looks at what was put back."""


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
    return tuple(
        HostTask(name + suffix, script.text, timeout=limit, policy=policy) for name, script in scripts.items()
    )


def code_seen(facts: SiteFacts | None, *, name: str = "compiled") -> tuple[HostTask, ...]:
    """Waits until the web server's PHP has seen which files are there, where that takes long."""
    seconds = settling(facts)
    return (HostTask(name, f"sleep {seconds}\n", timeout=2 * seconds, policy="always"),) if seconds else ()


def purged_in(
    task: Task, facts: SiteFacts | None, record: JobRecord, tasks: tuple[HostTask, ...], mark: str
) -> Purged:
    """What became of it in a job that has ended; what was not begun is not counted."""
    said = {
        one.id.removesuffix(AGAIN): (found.text, found.code)
        for one in tasks
        if (found := record.tasks.get(one.id)) is not None
    }
    return _whole(task, facts, parse_purge(said, mark))


def _whole(task: Task, facts: SiteFacts | None, purged: Purged) -> Purged:
    return replace(purged, failed=(*purged.failed, *out_of_reach(task.site, facts)))


def purge_now(task: Task, facts: SiteFacts | None) -> Purged:
    """Empty the caches outside of any job."""
    mark = secrets.token_hex(16)
    tasks = purge_tasks(task, mark, facts)
    if not tasks:
        return _whole(task, facts, Purged())
    host = task.order.hosts[task.site.host]
    records = within(lambda: task.session.hosts.read(host, tasks))
    if isinstance(records, SitecrewError):
        return Purged(failed=(str(records),))
    purged = parse_purge({name: (one.text, one.code) for name, one in records.items()}, mark)
    return tell_purged(task, _whole(task, facts, purged))


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
