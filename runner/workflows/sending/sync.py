"""Sending files to the places beside those that they are to take."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.execute import Task as HostTask
from runner.execute import job_id, read, upload
from runner.model import Outcome, Site, Step, StepOutcome
from runner.steps.static.build import placed
from runner.steps.static.tree import Difference, Tree, by_run, differ
from runner.steps.sync import SyncOptions, SyncOrder, inside_of, target_of
from runner.steps.sync_find import (
    Found,
    clear_script,
    find_script,
    parse_found,
    stage_script,
    surplus,
    take_script,
    waiting,
)
from runner.untrusted import sentence
from runner.workflows.sending.patience import Patience
from runner.workflows.sending.sources import read_folder, tar_of

if TYPE_CHECKING:
    from pathlib import Path

    from runner.execute import Endpoint
    from runner.workflows.hosts import Hosts
    from runner.workflows.site import Task

__all__ = ["compare", "stage"]

_LIMIT = 600
_CAP = 64 << 20
"""Bytes of a listing; a longer one is refused."""


def stage(task: Task, step: Step, options: SyncOptions) -> SyncOrder | StepOutcome:
    """Send what differs; an outcome where nothing does.

    Raises:
        UsageError: the folder cannot be sent.
        UnreachableError: (and kin) the host cannot be reached, or the link broke.
    """
    session, site = task.session, task.site
    endpoint = session.hosts.endpoint(task.order.hosts[site.host])
    here = session.workspace.folder / placed(options.source, site)
    part = f".sitecrew-{job_id(task.run, site.name, step.id)[:16]}"
    tree, found, difference = compare(session.hosts, endpoint, site, options, here, part=part)
    if difference.nothing:
        told = f"all {len(tree)} files are the same on the host"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=0.0, output=told)
    wanted = {name: tree[name] for name in (*difference.new, *difference.changed)}
    target = target_of(options, site)
    inside = inside_of(options, site)
    before, send = stage_script(inside, target, part, wanted, found)
    size = sum(wanted[name].size for name in send)
    session.emit("files.sending", task.run, site.name, files=len(send), bytes=size, of=len(tree))
    patience = Patience(task, step)
    sent = upload(
        session.hosts.pool,
        endpoint,
        before,
        take_script(inside, target, part),
        lambda out: tar_of(here, wanted, send, patience.over(out), called=waiting),
        silence=session.hosts.limits.silence,
        limit=session.hosts.limits.ending,
    )
    if sent.code:
        clear = HostTask(
            "clear", clear_script(inside, target, part), timeout=session.hosts.reading_limit(_LIMIT)
        )
        read(session.hosts.pool, endpoint, (clear,), limits=session.hosts.limits)
        said = sentence(sent.output) or f"exit status {sent.code}"
        raise UsageError(
            f"the host could not take the files: {said}", hint=f"df -h {target}; ls -ld {target}"
        )
    return SyncOrder(part=part, tree=wanted, difference=difference, old=found.files)


def compare(
    hosts: Hosts, endpoint: Endpoint, site: Site, options: SyncOptions, here: Path, *, part: str = ""
) -> tuple[Tree, Found, Difference]:
    """The files here, what of them is on the host, and what a sync would do.

    Raises:
        UsageError: the folder cannot be sent, or the other one not be read.
        UnreachableError: (and kin) the host cannot be reached.
    """
    tree, mark = read_folder(here, options.exclude), secrets.token_hex(16)
    text = find_script(
        target_of(options, site), part or ".sitecrew-none", tree, mark, everything=options.delete
    )
    question = HostTask("find", text, timeout=hosts.reading_limit(_LIMIT))
    record = read(hosts.pool, endpoint, (question,), cap=_CAP, limits=hosts.limits)["find"]
    found = parse_found(record.output, mark)
    if found is None:
        said = sentence(record.error.decode("utf-8", "replace")) or record.why
        if len(record.output) >= _CAP:
            said = f"it lists more than {_CAP >> 20} MiB of names"
        raise UsageError(f"the files on the host could not be read: {said or 'no sha256sum there'}")
    if options.delete and not tree:
        raise UsageError(f"{here} holds no files, and `delete` would take away everything", hint=f"ls {here}")
    gone = surplus(found, tree, options.exclude) if options.delete else ()
    difference = differ(by_run(found.files), by_run(tree))
    return (
        tree,
        found,
        Difference(difference.new, difference.changed, gone, difference.same, difference.bytes),
    )
