"""Previews of steps that upload files: the files on the controller compared with those on the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from runner.errors import NoShellError, SitecrewError, UnreachableError, UsageError
from runner.hosts.boundary import each, within
from runner.inspect.releases import read_release_state, source_of
from runner.inspect.sources import read_folder
from runner.inspect.sync import compare_folders
from runner.model import Action, Change, ItemKind, Playbook, Site, SitePlan, Step
from runner.plan import split_playbook
from runner.steps import Where, registry
from runner.steps.static import ReleaseOptions
from runner.steps.static.build import placed
from runner.steps.static.layout import Layout
from runner.steps.static.refusal import refusal
from runner.steps.static.tree import differ, digest
from runner.steps.sync import SyncOptions
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["preview_files"]

_AT_ONCE = 10


def preview_files(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], tags: Sequence[str], plans: Sequence[SitePlan]
) -> tuple[SitePlan, ...]:
    """Return the plans with the changes of steps that upload files, in the order of the playbook."""
    pairs = tuple(zip(sites, plans, strict=True))
    step = hosts.workspace.settings.limits.step.total_seconds()
    limit = hosts.command_limit(step * max(1, len(playbook.steps)))
    found = each(
        pairs,
        lambda pair: _preview_site(hosts, playbook, pair[0], tags, pair[1]),
        at_once=_AT_ONCE,
        limit=lambda _: limit,
    )
    return tuple(
        _with_problem(plan, made) if isinstance(made, SitecrewError) else made for (_, plan), made in found
    )


def _with_problem(plan: SitePlan, error: SitecrewError) -> SitePlan:
    unreachable = plan.unreachable or isinstance(error, UnreachableError)
    problems = tuple(dict.fromkeys((*plan.problems, error.with_hint)))
    return replace(plan, problems=problems, unreachable=unreachable)


def _preview_site(
    hosts: Hosts, playbook: Playbook, site: Site, tags: Sequence[str], plan: SitePlan
) -> SitePlan:
    steps = split_playbook(playbook, site, tags=tags).steps
    kinds = registry()
    if not any(kinds[step.kind].where is Where.UPLOAD for step in steps):
        return plan
    changes: list[Change] = []
    problems = list(plan.problems)
    unreachable = plan.unreachable
    for step in steps:
        changes += plan.of(step.id)
        if kinds[step.kind].where is not Where.UPLOAD:
            continue
        found = within(partial(_PREVIEWS[step.kind], hosts, playbook, site, step))
        if not isinstance(found, SitecrewError):
            changes += found
        else:
            sftp_only = isinstance(found, NoShellError)
            why = f"{found}: the files are compared during the upload" if sftp_only else found.with_hint
            kind = kinds[step.kind].item or ItemKind.FILE
            changes.append(_change(step, kind.value, kind, Action.UNKNOWN, why=why))
            if not sftp_only:
                problems.append(why)
                unreachable = unreachable or isinstance(found, UnreachableError)
    return replace(
        plan, changes=tuple(changes), problems=tuple(dict.fromkeys(problems)), unreachable=unreachable
    )


def _preview_release(hosts: Hosts, playbook: Playbook, site: Site, step: Step) -> list[Change]:
    options = cast("ReleaseOptions", step.options)
    source = source_of(options, playbook, step, site, hosts.workspace.folder)
    kind = ItemKind.RELEASE
    tree = (
        None if source.build or not source.here else read_folder(source.here, options.exclude, readable=True)
    )
    layout = Layout.of(site.path)
    standing = read_release_state(hosts.remote_of(site), layout)
    if why := refusal(options, layout, standing, tree):
        raise UsageError(why)
    if tree is None:
        why = "the new files are known only after static.build"
        return [_change(step, "release", kind, Action.UNKNOWN, why=why)]
    online = sentence(standing.release)
    if standing.path == "link" and digest(standing.serving) == digest(tree):
        why = f"{online} is online and has the same {len(tree)} files"
        return [_change(step, "release", kind, Action.SKIP, old=online, why=why)]
    why = f"a new release: {differ(standing.serving, tree)}"
    return [_change(step, "release", kind, Action.CHANGE, old=online, new=digest(tree)[:8], why=why)]


def _preview_sync(hosts: Hosts, playbook: Playbook, site: Site, step: Step) -> list[Change]:  # noqa: ARG001
    options = cast("SyncOptions", step.options)
    here = hosts.workspace.folder / placed(options.source, site)
    tree, found, difference = compare_folders(hosts.remote_of(site), site, options, here)
    new = [(name, "", tree[name].sha256[:8], f"new, {tree[name].size} bytes") for name in difference.new]
    changed = [
        (name, found.files[name].sha256[:8], tree[name].sha256[:8], f"{tree[name].size} bytes")
        for name in difference.changed
    ]
    gone = [(name, "there", "deleted", "is not in `from`") for name in difference.removed]
    return [
        _change(step, sentence(name), ItemKind.FILE, Action.CHANGE, old=old, new=word, why=why)
        for name, old, word, why in (*new, *changed, *gone)
    ]


_PREVIEWS = {"static.release": _preview_release, "files.sync": _preview_sync}
"""By kind of step; a kind with `Where.UPLOAD` must be in it."""


def _change(
    step: Step, item: str, kind: ItemKind, action: Action, *, old: str = "", new: str = "", why: str = ""
) -> Change:
    return Change(
        step=step.id, item=item, kind=kind, from_version=old, to_version=new, action=action, why=why
    )
