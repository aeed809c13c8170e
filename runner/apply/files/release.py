"""Upload of a release: files that the host already has are linked, the others are sent."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.apply.files.archive import tar_of
from runner.apply.files.deadline import Deadline
from runner.apply.meter import Meter
from runner.errors import UsageError
from runner.execute import Command
from runner.inspect.releases import ReleaseSource, read_release_state, source_of
from runner.inspect.sources import read_folder
from runner.model import Outcome, Phase, Step, StepOutcome
from runner.steps.static import ReleaseOptions
from runner.steps.static.gather import (
    forget_script,
    gather_script,
    take_script,
)
from runner.steps.static.layout import Layout, ReleaseOrder, Standing
from runner.steps.static.refusal import name_of, refusal
from runner.steps.static.tree import Tree, check_names, differ, digest, excluded, sums
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

_LIMIT = 600
__all__ = ["gather"]


def gather(ctx: SiteContext, step: Step, options: ReleaseOptions) -> ReleaseOrder | StepOutcome:
    """Create the folder of a release on the host, without switching to it.

    Returns:
        What the job needs to switch to it; the step's outcome if there is nothing to do or it is refused.

    Raises:
        UsageError: the folder cannot be sent.
        UnreachableError: the host cannot be reached, or the connection broke.
    """
    layout = Layout.of(ctx.site.path)
    origin = source_of(options, ctx.order.playbook, step, ctx.site, ctx.workspace.folder)
    tree: Tree = {}
    if origin.here is not None:
        tree = read_folder(origin.here, options.exclude, readable=True)
    else:
        tree = _release_files(read_release_state(ctx.remote, layout, built=origin.there).built, options)
    name = name_of(ctx.journal.ledger.runs.summary(ctx.run).started, tree)
    standing = read_release_state(ctx.remote, layout, name=name)
    if standing.path == "link" and tree and digest(standing.serving) == digest(tree):
        output = f"{standing.release} is online and has the same {len(tree)} files"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=0.0, output=output)
    if why := refusal(options, layout, standing, tree):
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=0.0)
    _send(ctx, step, origin, standing, name=name, tree=tree)
    return ReleaseOrder(
        name=name, files=len(tree), standing=standing, difference=differ(standing.serving, tree)
    )


def _release_files(built: Tree, options: ReleaseOptions) -> Tree:
    """Return the files that a build on the host made, with the permissions that a web server needs."""
    check_names(built)
    return {
        name: replace(file, mode=0o755 if file.mode > 0 and file.mode & 0o100 else 0o644)
        for name, file in built.items()
        if not excluded(name, options.exclude)
    }


def _send(
    ctx: SiteContext, step: Step, origin: ReleaseSource, standing: Standing, *, name: str, tree: Tree
) -> None:
    layout = Layout.of(ctx.site.path)
    before, send = gather_script(layout, name, tree, standing, built=origin.there)
    files = (*send.new, *send.changed)
    ctx.journal.emit("files.sending", files=len(files), bytes=send.bytes, of=len(tree))
    here, deadline = origin.here or Path(), Deadline(ctx, step)
    meter = Meter(ctx.journal, step.id, Phase.SENDING, total=send.bytes)
    sent = ctx.remote.upload(
        before,
        take_script(layout),
        lambda out: tar_of(
            here,
            tree,
            files,
            deadline.checked(out),
            called=lambda one: f"{layout.incoming(name)}/{one}",
            more={layout.sums(name): sums(tree)},
            counted=meter.counted,
        ),
    )
    if sent.code:
        # a partial upload must not keep a full disk full
        forget = Command("forget", forget_script(layout, name), timeout=ctx.remote.limit(_LIMIT))
        ctx.remote.read((forget,))
        reason = sentence(sent.output) or f"exit status {sent.code}"
        raise UsageError(
            f"the upload failed on the host: {reason}", hint=f"df -h {posixpath.dirname(layout.path)}"
        )
