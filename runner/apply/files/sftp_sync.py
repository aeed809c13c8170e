"""Syncs for accounts that may only use SFTP: nothing runs on the host."""

from __future__ import annotations

import posixpath
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.apply.files.deadline import Deadline
from runner.apply.files.sftp import put_file
from runner.apply.meter import Meter
from runner.errors import UsageError
from runner.execute.sftp import Transfer
from runner.inspect.sources import read_folder
from runner.model import ChangeOutcome, ItemKind, Outcome, Phase, Step, StepOutcome
from runner.steps.static.build import placed
from runner.steps.static.tree import File, Tree, differ, kept_mode
from runner.steps.sync import SHOWN, SyncOptions, target_of
from runner.steps.sync_find import Found, left_alone, surplus
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.steps.static.tree import Difference

__all__ = ["sync_over_sftp"]


def sync_over_sftp(ctx: SiteContext, step: Step, options: SyncOptions) -> StepOutcome:
    """Send the files that differ in size, time or permissions, each to a temporary name, and rename them.

    Raises:
        UsageError: the folder cannot be sent, or the host refuses an operation.
        UnreachableError: the host cannot be reached, or the connection broke.
    """
    started = time.monotonic()
    here = ctx.workspace.folder / placed(options.source, ctx.site)
    target = target_of(options, ctx.site)
    tree = read_folder(here, options.exclude)
    with ctx.remote.sftp() as host:
        try:
            difference = _differences(host, target, here, tree, options)
            size = sum(tree[name].size for name in (*difference.new, *difference.changed))
            meter = Meter(ctx.journal, step.id, Phase.SENDING, total=size)
            _apply(host, target, here, tree, difference, Deadline(ctx, step), meter=meter)
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise
            raise UsageError(
                f"the host refused: {sentence(str(error))}", hint=f"check the owner of {target}"
            ) from error
    seconds = round(time.monotonic() - started, 3)
    if difference.nothing:
        output = f"all {len(tree)} files have the same size, time and permissions on the host"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=seconds, output=output)
    items = [(name, "new") for name in difference.new] + [(name, "") for name in difference.changed]
    items += [(name, "deleted") for name in difference.removed]
    changes = tuple(
        ChangeOutcome(
            item=sentence(name),
            kind=ItemKind.FILE,
            from_version="",
            to_version=tree[name].sha256[:8] if name in tree else "",
            outcome=Outcome.CHANGED,
            why=why,
        )
        for name, why in items[:SHOWN]
    )
    return StepOutcome(step=step.id, outcome=Outcome.CHANGED, seconds=seconds, changes=changes)


def _differences(host: Transfer, target: str, here: Path, tree: Tree, options: SyncOptions) -> Difference:
    old: dict[str, File] = {}
    for name, file in tree.items():
        about = host.about(posixpath.join(target, name))
        if about:
            mtime = int((here / name).stat().st_mtime)
            same_mode = kept_mode(about[2], file.mode) == about[2]
            same = same_mode and about[:2] == (file.size, mtime)
            old[name] = file if same else File("", about[0], about[2])
    if options.delete and tree and host.kind(target) == "folder":
        names = tuple(host.walk(target, lambda one: left_alone(one, options.exclude)))
        for name in surplus(Found(exists=True, files={}, names=names), tree, options.exclude):
            old[name] = File("")
    return differ(old, tree)


def _apply(  # noqa: PLR0917
    host: Transfer,
    target: str,
    here: Path,
    tree: Tree,
    difference: Difference,
    deadline: Deadline,
    *,
    meter: Meter,
) -> None:
    for name in (*difference.new, *difference.changed):
        deadline.check()
        folder = target
        host.make(folder)
        for part in name.split("/")[:-1]:
            folder = posixpath.join(folder, part)
            if host.kind(folder) == "link":
                raise UsageError(f"{folder} is a link; over SFTP, nothing is written through links")
            host.make(folder)
        path = posixpath.join(target, name)
        if host.kind(path) == "folder":
            raise UsageError(f"{name} is a folder on the host and a file on the controller")
        waiting = posixpath.join(folder, f".sitecrew-{secrets.token_hex(16)}")
        try:
            old = host.owned(path) if host.kind(path) == "file" else None
            model = old or host.owned(folder)
            file = replace(tree[name], mode=kept_mode(old.mode, tree[name].mode)) if old else tree[name]
            put_file(host, here / name, waiting, file, group=model.group if model else None, meter=meter)
            new = host.owned(waiting)
            if old and new and (old.owner, old.group) != (new.owner, new.group):
                raise UsageError(
                    f"{name} belongs to another account or group on the host, which this login cannot set"
                )
            host.replace(waiting, path)
        finally:
            host.remove(waiting)
    for name in difference.removed:
        host.remove(posixpath.join(target, name))
