"""Tasks with root's rights: the one place where a host's password for sudo is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.execute import Task as Command
from runner.load import resolve
from runner.model import Host, Site, Step
from runner.steps.become import PASSWORD, Refusal, as_root, cannot_become, refusal

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["becoming", "refused", "unbecoming"]


def becoming(hosts: Hosts, host: Host, task: Command, mark: str) -> Command:
    """The task as root, its variables with it."""
    secret = dict(task.secret)
    if host.become_password is not None:
        secret[PASSWORD] = resolve(host.become_password, base=hosts.workspace.folder)
        hosts.redactor.add(secret[PASSWORD])
    text = as_root(task.text, mark, [*task.env, *task.secret])
    return replace(task, text=text, secret=secret)


def refused(host: Host, said: str, mark: str) -> Refusal | None:
    """Why a task that `becoming` made was never begun, by its output and stderr; None when it was."""
    return refusal(said, mark, password=host.become_password is not None)


def unbecoming(steps: Iterable[Step], site: Site, host: Host) -> tuple[str, ...]:
    """What keeps these steps from root's rights on the site's host, before anything was tried."""
    return tuple(filter(None, (cannot_become(step, host) for step in steps if site.host == host.name)))
