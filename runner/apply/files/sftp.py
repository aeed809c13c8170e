"""Releases for accounts that may only use SFTP: nothing runs on the host."""

from __future__ import annotations

import io
import posixpath
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from runner.apply.files.deadline import Deadline
from runner.apply.files.trial import ReleaseTrial, undone_outcome
from runner.apply.meter import Meter
from runner.errors import UsageError
from runner.execute.sftp import Owned, Transfer
from runner.inspect.releases import source_of
from runner.inspect.sources import read_folder
from runner.model import ChangeOutcome, ItemKind, Outcome, Phase, Step, StepOutcome
from runner.steps.static import ReleaseOptions
from runner.steps.static.layout import RELEASE, Layout, Standing
from runner.steps.static.names import NameRefusedError, name_problem, text_problem
from runner.steps.static.refusal import name_of, refusal
from runner.steps.static.tree import File, Tree, differ, parse_sums, sums
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.apply.context import SiteContext

__all__ = ["put_file", "release_over_sftp"]

_ONLINE = "online"
"""File in the folder of releases with the name of the one that is online, if the site's path is a folder."""


def release_over_sftp(ctx: SiteContext, step: Step, options: ReleaseOptions) -> StepOutcome:
    """Send every file, read it back, then switch to the release.

    Raises:
        UsageError: the folder cannot be sent, or the host refuses an operation.
        UnreachableError: the host cannot be reached, or the connection broke.
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
                f"the host refused: {sentence(str(error))}",
                hint="check the free space (df -h) and the owner of the site's folder",
            ) from error


def _release(
    ctx: SiteContext, step: Step, options: ReleaseOptions, *, host: Transfer, here: Path, tree: Tree
) -> StepOutcome:
    started, layout = time.monotonic(), Layout.of(ctx.site.path)
    name = name_of(ctx.journal.ledger.runs.summary(ctx.run).started, tree)
    standing = _standing(host, layout)
    if standing.release and sums(standing.serving) == sums(tree):
        output = f"{standing.release} is online and has the same {len(tree)} files"
        seconds = time.monotonic() - started
        return StepOutcome(step=step.id, outcome=Outcome.OK, seconds=seconds, output=output)
    if why := refusal(options, layout, standing, tree):
        return StepOutcome(step=step.id, outcome=Outcome.FAILED, why=why, seconds=time.monotonic() - started)
    ctx.journal.emit(
        "files.sending",
        files=len(tree),
        bytes=sum(file.size for file in tree.values()),
        of=len(tree),
    )
    meter = Meter(ctx.journal, step.id, Phase.SENDING, total=sum(file.size for file in tree.values()))
    release = posixpath.join(layout.releases, name)
    if host.kind(release) == "nothing":
        part = posixpath.join(layout.releases, layout.incoming(name))
        host.make(layout.releases)
        _make_part(host, layout, part)
        _fill(host, here, tree, part, Deadline(ctx, step), host.owned(layout.path), meter=meter)
        host.rename(part, release)
    _write(host, posixpath.join(layout.releases, layout.sums(name)), sums(tree))
    trial = ReleaseTrial(ctx, compare=not options.force)
    ctx.journal.progress(step.id, Phase.CHECKING)
    trial.check_before()
    if (held := trial.refused_unverified(step)) is not None:
        return held
    ctx.journal.progress(step.id, Phase.APPLYING)
    before, gap = _switch(host, layout, standing, name)
    _verify_online(host, layout, name, tree)
    ctx.journal.progress(step.id, Phase.VERIFYING)
    why = trial.check("after")
    if why:
        ctx.journal.progress(step.id, Phase.ROLLING_BACK)
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
        step=step.id, outcome=Outcome.CHANGED, seconds=round(time.monotonic() - started, 3), changes=(change,)
    )
    return undone_outcome(done, why, trial.check("undo")) if why else trial.with_unverified(done)


def _standing(host: Transfer, layout: Layout) -> Standing:
    """Return what is online, by its list of checksums; reading it all would take as long as sending it."""
    kind = host.kind(layout.path)
    target = host.target(layout.path) if kind == "link" else ""
    online = posixpath.basename(target.rstrip("/"))
    ours = bool(host.names(layout.releases)) and kind == "folder"
    if ours:
        online = host.read(posixpath.join(layout.releases, _ONLINE)).decode("utf-8", "replace").strip()
        online = online if RELEASE.fullmatch(online) else ""
        # a release on a host without links leaves a folder, which is treated like a link
        kind, target = ("link", f"{layout.room}/{online}") if online else (kind, target)
    if problem := text_problem(target) or (online and name_problem(online)):
        raise NameRefusedError(f"the site's link points to a path that {problem}; nothing was changed")
    listed = parse_sums(host.read(posixpath.join(layout.releases, layout.sums(online)), 64 << 20))
    serving: dict[str, File] = dict(listed)
    if not listed and kind in {"link", "folder"}:
        for name in host.walk(layout.path, lambda one: bool(name_problem(one))):
            about = host.about(posixpath.join(layout.path, name))
            serving[name] = File("", about[0] if about else -1)
    return Standing(path="other" if kind == "file" else kind, target=target, serving=serving)


def _make_part(host: Transfer, layout: Layout, part: str) -> None:
    """Create the release's folder inside the online one, to inherit its group and ACL, and move it out."""
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
    host: Transfer,
    here: Path,
    tree: Tree,
    part: str,
    deadline: Deadline,
    online: Owned | None,
    *,
    meter: Meter,
) -> None:
    """Send the files; folders get the owner and mode of the online folder, files its group."""
    for folder in sorted({posixpath.dirname(name) for name in tree}):
        host.make(posixpath.join(part, folder) if folder else part, online)
    for name, file in sorted(tree.items()):
        deadline.check()
        path = posixpath.join(part, name)
        about = host.about(path)
        if about and about[0] == file.size and host.sum(path, file.size) == file.sha256:
            meter.add(file.size)
            continue
        put_file(host, here / name, path, file, group=online.group if online else None, meter=meter)
    for name in set(host.walk(part)) - set(tree):
        host.remove(posixpath.join(part, name))


def put_file(
    host: Transfer, source: Path, path: str, file: File, *, group: int | None = None, meter: Meter
) -> None:
    """Send a file and compare what the host stored; raises UsageError if it differs."""
    with source.open("rb") as data:
        mtime = int(source.stat().st_mtime)
        if host.put(meter.counted(data), path, mode=file.mode, mtime=mtime, group=group) != file.sha256:
            raise UsageError(f"{path} differs on the host after it was sent", hint="run it again")


def _write(host: Transfer, path: str, data: bytes) -> None:
    host.put(io.BytesIO(data), path, mode=0o600, mtime=int(time.time()))


def _switch(host: Transfer, layout: Layout, standing: Standing, name: str) -> tuple[str, str]:
    """Switch to the release; return the name of the one before, and a note on the downtime, if any."""
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
    started = time.monotonic()
    host.rename(layout.path, away)
    try:
        host.rename(new, layout.path)
    except OSError:
        host.rename(away, layout.path)
        raise
    gap = time.monotonic() - started
    if new != after:
        _write(host, posixpath.join(layout.releases, _ONLINE), name.encode())
    return before, f"two renames: the site was offline for {gap * 1000:.1f} ms"


def _switch_back(host: Transfer, layout: Layout, standing: Standing, name: str, before: str) -> None:
    """Put the release before online again; the new one stays among the others."""
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


def _verify_online(host: Transfer, layout: Layout, name: str, tree: Tree) -> None:
    """Check that the release is online; the content of its files was checked when they were sent."""
    if host.kind(layout.path) == "link" and host.target(layout.path) != f"{layout.room}/{name}":
        raise UsageError("the link does not point to the new release", hint="run it again")
    sizes = {one: host.about(posixpath.join(layout.path, one)) for one in tree}
    wrong = [one for one, about in sizes.items() if about is None or about[0] != tree[one].size]
    if wrong:
        raise UsageError(f"{wrong[0]} differs online from what was sent", hint="run it again")


def _prune(host: Transfer, layout: Layout, keep: int, needed: set[str]) -> None:
    names = [name for name in host.names(layout.releases) if RELEASE.fullmatch(name)]
    for name in sorted(names, reverse=True)[keep:]:
        if name not in needed:
            host.clear(posixpath.join(layout.releases, name))
            host.remove(posixpath.join(layout.releases, layout.sums(name)))
