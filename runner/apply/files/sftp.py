"""Releases and syncs where the account may only use sftp: nothing runs there, all is done from here."""

from __future__ import annotations

import io
import posixpath
import secrets
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.apply.files.deadline import Patience
from runner.apply.files.trial import ReleaseTrial, undone
from runner.errors import UsageError
from runner.execute.sftp import Owned, Transfer
from runner.inspect.releases import source_of
from runner.inspect.sources import read_folder
from runner.model import ChangeOutcome, ItemKind, Outcome, Step, StepOutcome
from runner.steps.static import ReleaseOptions
from runner.steps.static.build import placed
from runner.steps.static.layout import RELEASE, Layout, Standing
from runner.steps.static.names import NameRefusedError, name_problem, text_problem
from runner.steps.static.refusal import name_of, refusal
from runner.steps.static.tree import File, Tree, differ, kept_mode, parse_sums, sums
from runner.steps.sync import SHOWN, SyncOptions, target_of
from runner.steps.sync_find import Found, left_alone, surplus
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext
    from runner.steps.static.tree import Difference

__all__ = ["release_over_sftp", "sync_over_sftp"]

_ONLINE = "online"
"""File in the folder of releases: which one is served where the path is a folder."""


def release_over_sftp(ctx: SiteContext, step: Step, options: ReleaseOptions) -> StepOutcome:
    """Send every file, read it back, switch.

    Raises:
        UsageError: the folder cannot be sent, or the host refuses.
        UnreachableError: (and kin) the host cannot be reached, or the link broke.
    """
    origin = source_of(options, ctx.order.playbook, step, ctx.site, ctx.workspace.folder)
    if origin.here is None:
        raise UsageError(
            "a build on the host needs a shell", hint="build on the controller: `where: controller`"
        )
    tree = read_folder(origin.here, options.exclude, readable=True)
    with ctx.remote.sftp() as host:
        try:
            return _release(ctx, step, options, host=host, here=origin.here, tree=tree)
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise
            raise UsageError(
                f"the host refused: {sentence(str(error))}", hint="df -h, and who owns the site's folder?"
            ) from error


def _release(
    ctx: SiteContext, step: Step, options: ReleaseOptions, *, host: Transfer, here: Path, tree: Tree
) -> StepOutcome:
    began, layout = time.monotonic(), Layout.of(ctx.site.path)
    name = name_of(ctx.journal.ledger.summary(ctx.run).started, tree)
    standing = _standing(host, layout)
    if standing.release and sums(standing.serving) == sums(tree):
        told = f"{standing.release} is online and has the same {len(tree)} files"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=time.monotonic() - began, output=told)
    if why := refusal(options, layout, standing, tree):
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=time.monotonic() - began)
    ctx.journal.emit(
        "files.sending",
        files=len(tree),
        bytes=sum(file.size for file in tree.values()),
        of=len(tree),
    )
    place = posixpath.join(layout.releases, name)
    if host.kind(place) == "nothing":
        part = posixpath.join(layout.releases, layout.incoming(name))
        host.make(layout.releases)
        _seed(host, layout, part)
        _fill(host, here, tree, part, Patience(ctx, step), host.owned(layout.path))
        host.rename(part, place)
    _write(host, posixpath.join(layout.releases, layout.sums(name)), sums(tree))
    trial = ReleaseTrial(ctx, measure=not options.force)
    trial.look_before()
    if (held := trial.unseen(step)) is not None:
        return held
    before, gap = _switch(host, layout, standing, name)
    _reread(host, layout, name, tree)
    why = trial.look("after")
    if why:
        _switch_back(host, layout, standing, name, before)
    else:
        _prune(host, layout, options.keep, {name, before})
    change = ChangeOutcome(
        item="release",
        kind=ItemKind.RELEASE,
        from_version=before,
        to_version=name,
        outcome=Outcome.CHANGED,
        why="; ".join(part for part in (str(differ(standing.serving, tree)), "over sftp", gap) if part),
    )
    done = StepOutcome(
        step=step.id, outcome=Outcome.CHANGED, seconds=round(time.monotonic() - began, 3), changes=(change,)
    )
    return undone(done, why, trial.look("undo")) if why else trial.told(done)


def _standing(host: Transfer, layout: Layout) -> Standing:
    """What is online, by the list that came with it: reading it all would take as long as sending."""
    kind = host.kind(layout.path)
    target = host.target(layout.path) if kind == "link" else ""
    online = posixpath.basename(target.rstrip("/"))
    ours = bool(host.names(layout.releases)) and kind == "folder"
    if ours:
        online = host.read(posixpath.join(layout.releases, _ONLINE)).decode("utf-8", "replace").strip()
        online = online if RELEASE.fullmatch(online) else ""
        # a folder that a release without links left: it counts as a link
        kind, target = ("link", f"{layout.room}/{online}") if online else (kind, target)
    if problem := text_problem(target) or (online and name_problem(online)):
        raise NameRefusedError(f"the link of the site leads to a path that {problem}; nothing was changed")
    listed = parse_sums(host.read(posixpath.join(layout.releases, layout.sums(online)), 64 << 20))
    serving: dict[str, File] = dict(listed)
    if not listed and kind in {"link", "folder"}:
        for name in host.walk(layout.path, lambda one: bool(name_problem(one))):
            about = host.about(posixpath.join(layout.path, name))
            serving[name] = File("", about[0] if about else -1)
    return Standing(path="other" if kind == "file" else kind, target=target, serving=serving)


def _seed(host: Transfer, layout: Layout, part: str) -> None:
    """Made in what is online, and moved out: the folder has the group and ACL that are handed down there."""
    online = host.owned(layout.path)
    if online is None or host.kind(part) != "nothing":
        return
    seed = posixpath.join(layout.path, f".sitecrew-{secrets.token_hex(16)}")
    with suppress(OSError):
        host.make(seed, online)
        try:
            host.rename(seed, part)
        except OSError:
            host.drop(seed)


def _fill(  # noqa: PLR0917
    host: Transfer, here: Path, tree: Tree, part: str, patience: Patience, online: Owned | None
) -> None:
    """Folders are like what is online, files in its group."""
    for folder in sorted({posixpath.dirname(name) for name in tree}):
        host.make(posixpath.join(part, folder) if folder else part, online)
    for name, file in sorted(tree.items()):
        patience.check()
        path = posixpath.join(part, name)
        about = host.about(path)
        if about and about[0] == file.size and host.sum(path, file.size) == file.sha256:
            continue
        _put(host, here / name, path, file, group=online.group if online else None)
    for name in set(host.walk(part)) - set(tree):
        host.remove(posixpath.join(part, name))


def _put(host: Transfer, source: Path, path: str, file: File, *, group: int | None = None) -> None:
    with source.open("rb") as data:
        mtime = int(source.stat().st_mtime)
        if host.put(data, path, mode=file.mode, mtime=mtime, group=group) != file.sha256:
            raise UsageError(f"{path} is on the host not what it is here", hint="run it again")


def _write(host: Transfer, path: str, data: bytes) -> None:
    host.put(io.BytesIO(data), path, mode=0o600, mtime=int(time.time()))


def _switch(host: Transfer, layout: Layout, standing: Standing, name: str) -> tuple[str, str]:
    """The name of what was online, and the gap between two renames, if there was one."""
    after = posixpath.join(layout.parent, f"{posixpath.basename(layout.path)}.next")
    before = standing.release
    if host.kind(layout.path) != "folder":
        host.remove(after)
        host.link(f"{layout.room}/{name}", after)
        if host.kind(layout.path) == "nothing":
            host.rename(after, layout.path)
        else:
            host.replace(after, layout.path)
        return before, ""
    before = before or f"{name[:16]}-adopted"
    away = posixpath.join(layout.releases, before)
    try:
        host.remove(after)
        host.link(f"{layout.room}/{name}", after)
        new = after
    except OSError:
        new = posixpath.join(layout.releases, name)
    began = time.monotonic()
    host.rename(layout.path, away)
    try:
        host.rename(new, layout.path)
    except OSError:
        host.rename(away, layout.path)
        raise
    gap = time.monotonic() - began
    if new != after:
        _write(host, posixpath.join(layout.releases, _ONLINE), name.encode())
    return before, f"two renames: for {gap * 1000:.1f} ms there was nothing online"


def _switch_back(host: Transfer, layout: Layout, standing: Standing, name: str, before: str) -> None:
    """What was online is online again, and the release lies among the others."""
    if host.kind(layout.path) != "link":
        host.rename(layout.path, posixpath.join(layout.releases, name))
        host.rename(posixpath.join(layout.releases, before), layout.path)
        _write(host, posixpath.join(layout.releases, _ONLINE), before.encode())
    elif standing.path == "nothing":
        host.remove(layout.path)
    else:
        after = posixpath.join(layout.parent, f"{posixpath.basename(layout.path)}.next")
        host.remove(after)
        host.link(standing.target if standing.path == "link" else f"{layout.room}/{before}", after)
        host.replace(after, layout.path)


def _reread(host: Transfer, layout: Layout, name: str, tree: Tree) -> None:
    """Each file was read back when it was sent; now what is served must be that folder."""
    if host.kind(layout.path) == "link" and host.target(layout.path) != f"{layout.room}/{name}":
        raise UsageError("the link does not lead to the new release", hint="run it again")
    sizes = {one: host.about(posixpath.join(layout.path, one)) for one in tree}
    wrong = [one for one, about in sizes.items() if about is None or about[0] != tree[one].size]
    if wrong:
        raise UsageError(f"{wrong[0]} is not online as it was sent", hint="run it again")


def _prune(host: Transfer, layout: Layout, keep: int, needed: set[str]) -> None:
    names = [name for name in host.names(layout.releases) if RELEASE.fullmatch(name)]
    for name in sorted(names, reverse=True)[keep:]:
        if name not in needed:
            host.clear(posixpath.join(layout.releases, name))
            host.remove(posixpath.join(layout.releases, layout.sums(name)))


def sync_over_sftp(ctx: SiteContext, step: Step, options: SyncOptions) -> StepOutcome:
    """Send what differs in size, time or permissions, each file to a name of its own, and rename it.

    Raises:
        UsageError: the folder cannot be sent, or the host refuses.
        UnreachableError: (and kin) the host cannot be reached, or the link broke.
    """
    began = time.monotonic()
    here = ctx.workspace.folder / placed(options.source, ctx.site)
    target = target_of(options, ctx.site)
    tree = read_folder(here, options.exclude)
    with ctx.remote.sftp() as host:
        try:
            difference = _differences(host, target, here, tree, options)
            _apply(host, target, here, tree, difference, Patience(ctx, step))
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise
            raise UsageError(
                f"the host refused: {sentence(str(error))}", hint=f"who owns {target}?"
            ) from error
    seconds = round(time.monotonic() - began, 3)
    if difference.nothing:
        told = f"all {len(tree)} files have the same size, time and permissions on the host"
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=seconds, output=told)
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
            runs = kept_mode(about[2], file.mode) == about[2]
            old[name] = file if runs and about[:2] == (file.size, mtime) else File("", about[0], about[2])
    if options.delete and tree and host.kind(target) == "folder":
        names = tuple(host.walk(target, lambda one: left_alone(one, options.exclude)))
        for name in surplus(Found(exists=True, files={}, names=names), tree, options.exclude):
            old[name] = File("")
    return differ(old, tree)


def _apply(  # noqa: PLR0917
    host: Transfer, target: str, here: Path, tree: Tree, difference: Difference, patience: Patience
) -> None:
    for name in (*difference.new, *difference.changed):
        patience.check()
        folder = target
        host.make(folder)
        for part in name.split("/")[:-1]:
            folder = posixpath.join(folder, part)
            if host.kind(folder) == "link":
                raise UsageError(f"{folder} is a link: nothing is written through it without a shell")
            host.make(folder)
        path = posixpath.join(target, name)
        if host.kind(path) == "folder":
            raise UsageError(f"{name} is a folder on the host and a file here")
        waiting = posixpath.join(folder, f".sitecrew-{secrets.token_hex(16)}")
        try:
            old = host.owned(path) if host.kind(path) == "file" else None
            model = old or host.owned(folder)
            file = replace(tree[name], mode=kept_mode(old.mode, tree[name].mode)) if old else tree[name]
            _put(host, here / name, waiting, file, group=model.group if model else None)
            new = host.owned(waiting)
            if old and new and (old.owner, old.group) != (new.owner, new.group):
                raise UsageError(
                    f"{name} on the host belongs to another account or group, which this login cannot give"
                )
            host.replace(waiting, path)
        finally:
            host.remove(waiting)
    for name in difference.removed:
        host.remove(posixpath.join(target, name))
