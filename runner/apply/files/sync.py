"""Upload of a sync: changed files are sent to temporary names in their own folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.apply.files.archive import tar_of
from runner.apply.files.deadline import Deadline
from runner.apply.meter import Meter
from runner.errors import UsageError
from runner.execute import Command, job_id
from runner.inspect.sync import compare_folders
from runner.model import Outcome, Phase, Step, StepOutcome
from runner.steps.static.build import placed
from runner.steps.sync import SyncOptions, SyncOrder, inside_of, target_of
from runner.steps.sync_find import (
    clear_script,
    stage_script,
    take_script,
    waiting,
)
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["stage"]

_LIMIT = 600


def stage(ctx: SiteContext, step: Step, options: SyncOptions) -> SyncOrder | StepOutcome:
    """Send the files that differ.

    Returns:
        What the job needs to put them in place; the step's outcome if no file differs.

    Raises:
        UsageError: the folder cannot be sent.
        UnreachableError: the host cannot be reached, or the connection broke.
    """
    site = ctx.site
    here = ctx.workspace.folder / placed(options.source, site)
    part = f".sitecrew-{job_id(ctx.run, site.name, step.id)[:16]}"
    tree, found, difference = compare_folders(ctx.remote, site, options, here, part=part)
    if difference.nothing:
        output = f"all {len(tree)} files are the same on the host"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=0.0, output=output)
    wanted = {name: tree[name] for name in (*difference.new, *difference.changed)}
    target = target_of(options, site)
    inside = inside_of(options, site)
    before, send = stage_script(inside, target, part, wanted, found)
    size = sum(wanted[name].size for name in send)
    ctx.journal.emit("files.sending", files=len(send), bytes=size, of=len(tree))
    deadline, meter = Deadline(ctx, step), Meter(ctx.journal, step.id, Phase.SENDING, total=size)
    sent = ctx.remote.upload(
        before,
        take_script(inside, target, part),
        lambda out: tar_of(here, wanted, send, deadline.checked(out), called=waiting, counted=meter.counted),
    )
    if sent.code:
        clear = Command("clear", clear_script(inside, target, part), timeout=ctx.remote.limit(_LIMIT))
        ctx.remote.read((clear,))
        reason = sentence(sent.output) or f"exit status {sent.code}"
        raise UsageError(f"the upload failed on the host: {reason}", hint=f"df -h {target}; ls -ld {target}")
    return SyncOrder(part=part, tree=wanted, difference=difference, old=found.files)
