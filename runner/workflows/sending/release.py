"""Gathering a release on its host: what is there already is linked to, what is not is sent."""

from __future__ import annotations

import posixpath
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.execute import Task as HostTask
from runner.execute import read, upload
from runner.model import Outcome, Site, Step, StepOutcome
from runner.plan import cut
from runner.steps.static import BuildOptions, ReleaseOptions
from runner.steps.static.build import placed
from runner.steps.static.gather import (
    forget_script,
    gather_script,
    look_script,
    parse_look,
    take_script,
)
from runner.steps.static.layout import Layout, ReleaseOrder, Standing
from runner.steps.static.refusal import name_of, refusal
from runner.steps.static.tree import Tree, check_names, differ, digest, excluded, sums
from runner.untrusted import sentence
from runner.workflows.sending.patience import Patience
from runner.workflows.sending.sources import read_folder, tar_of

if TYPE_CHECKING:
    from runner.execute import Endpoint
    from runner.model import Playbook
    from runner.workflows.hosts import Hosts
    from runner.workflows.site import Task

__all__ = ["Origin", "gather", "look", "origin_of"]

_LIMIT = 600
_CAP = 64 << 20
"""Bytes of a listing; a longer one is refused."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the files of a release come from. Exactly one is set."""

    here: Path | None = None
    there: str = ""
    """Folder on the host."""
    build: BuildOptions | None = None
    """The step that fills it, if one does."""


def origin_of(options: ReleaseOptions, playbook: Playbook, step: Step, site: Site, base: Path) -> Origin:
    """The folder that `from` means.

    Raises:
        UsageError: `build`, and no `static.build` stands before the step for this site.
    """
    if options.source != "build":
        return Origin(here=base / placed(options.source, site))
    build = None
    for one in cut(playbook, site).steps:
        if one.id == step.id:
            break
        if isinstance(one.options, BuildOptions):
            build = one.options
    if build is None:
        raise UsageError(
            "`from: build`, and no static.build stands before it",
            hint="add `- static.build: {run: ..., folder: ...}`, or name a folder: `from: public`",
        )
    if build.where == "host":
        return Origin(there=placed(build.built, site), build=build)
    return Origin(here=base / placed(build.built, site), build=build)


def gather(task: Task, step: Step, options: ReleaseOptions) -> ReleaseOrder | StepOutcome:
    """Make a release ready on the host; an outcome where there is nothing to do or something is in the way.

    Raises:
        UsageError: the folder cannot be sent.
        UnreachableError: (and kin) the host cannot be reached, or the link broke.
    """
    session, layout = task.session, Layout.of(task.site.path)
    endpoint = session.hosts.endpoint(task.order.hosts[task.site.host])
    origin = origin_of(options, task.order.playbook, step, task.site, session.workspace.folder)
    tree: Tree = {}
    if origin.here is not None:
        tree = read_folder(origin.here, options.exclude, readable=True)
    else:
        tree = _kept(look(session.hosts, endpoint, layout, built=origin.there).built, options)
    name = name_of(session.ledger.summary(task.run).started, tree)
    standing = look(session.hosts, endpoint, layout, name=name)
    if standing.path == "link" and tree and digest(standing.serving) == digest(tree):
        told = f"{standing.release} is online and has the same {len(tree)} files"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=0.0, output=told)
    if why := refusal(options, layout, standing, tree):
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=0.0)
    _send(task, step, origin, standing, name=name, tree=tree)
    return ReleaseOrder(
        name=name, files=len(tree), standing=standing, difference=differ(standing.serving, tree)
    )


def look(hosts: Hosts, endpoint: Endpoint, layout: Layout, *, name: str = "", built: str = "") -> Standing:
    """What stands on the host.

    Raises:
        UnreachableError: (and kin) the host cannot be reached; NoShellError where it has no shell.
        UsageError: it cannot be read there.
    """
    mark = secrets.token_hex(16)
    text = look_script(layout, mark, name=name, built=built)
    question = HostTask("look", text, timeout=hosts.reading_limit(_LIMIT))
    record = read(hosts.pool, endpoint, (question,), cap=_CAP, limits=hosts.limits)["look"]
    standing = parse_look(record.output, mark)
    if standing is None:
        said = sentence(record.error.decode("utf-8", "replace")) or record.why or f"exit status {record.code}"
        raise UsageError(f"{layout.path} could not be read on the host: {said}")
    return standing


def _kept(built: Tree, options: ReleaseOptions) -> Tree:
    """What a build made on the host, with the permissions that a web server needs."""
    check_names(built)
    return {
        name: replace(file, mode=0o755 if file.mode > 0 and file.mode & 0o100 else 0o644)
        for name, file in built.items()
        if not excluded(name, options.exclude)
    }


def _send(task: Task, step: Step, origin: Origin, standing: Standing, *, name: str, tree: Tree) -> None:
    session, layout = task.session, Layout.of(task.site.path)
    before, send = gather_script(layout, name, tree, standing, built=origin.there)
    files = (*send.new, *send.changed)
    session.emit("files.sending", task.run, task.site.name, files=len(files), bytes=send.bytes, of=len(tree))
    here, patience = origin.here or Path(), Patience(task, step)
    sent = upload(
        session.hosts.pool,
        session.hosts.endpoint(task.order.hosts[task.site.host]),
        before,
        take_script(layout),
        lambda out: tar_of(
            here,
            tree,
            files,
            patience.over(out),
            called=lambda one: f"{layout.incoming(name)}/{one}",
            more={layout.sums(name): sums(tree)},
        ),
        silence=session.hosts.limits.silence,
        limit=session.hosts.limits.ending,
    )
    if sent.code:
        # what a full disk could not take must not keep it full
        hosts = session.hosts
        endpoint = hosts.endpoint(task.order.hosts[task.site.host])
        forget = HostTask("forget", forget_script(layout, name), timeout=hosts.reading_limit(_LIMIT))
        read(hosts.pool, endpoint, (forget,), limits=hosts.limits)
        said = sentence(sent.output) or f"exit status {sent.code}"
        raise UsageError(
            f"the host could not take the files: {said}", hint=f"df -h {posixpath.dirname(layout.path)}"
        )
