"""What steps that send files would change, found out by comparing both sides. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import NoShellError, SitecrewError, UnreachableError, UsageError
from runner.hosts.boundary import each, within
from runner.inspect.releases import look, origin_of
from runner.inspect.sources import read_folder
from runner.inspect.sync import compare
from runner.model import Action, Change, ItemKind, Playbook, Site, SitePlan, Step
from runner.plan import cut
from runner.steps.static import ReleaseOptions
from runner.steps.static.build import placed
from runner.steps.static.layout import Layout
from runner.steps.static.refusal import refusal
from runner.steps.static.tree import differ, digest
from runner.steps.sync import SyncOptions
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["foresee"]

_AT_ONCE = 10


def foresee(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], tags: Sequence[str], plans: Sequence[SitePlan]
) -> tuple[SitePlan, ...]:
    """The plans with what would be released and synchronised, in the order of the playbook."""
    pairs = tuple(zip(sites, plans, strict=True))
    step = hosts.workspace.settings.limits.step.total_seconds()
    limit = hosts.command_limit(step * max(1, len(playbook.steps)))
    found = each(
        pairs,
        lambda pair: _site(hosts, playbook, pair[0], tags, pair[1]),
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


def _site(hosts: Hosts, playbook: Playbook, site: Site, tags: Sequence[str], plan: SitePlan) -> SitePlan:
    steps = cut(playbook, site, tags=tags).steps
    if not any(isinstance(step.options, ReleaseOptions | SyncOptions) for step in steps):
        return plan
    changes: list[Change] = []
    problems = list(plan.problems)
    unreachable = plan.unreachable
    for step in steps:
        changes += plan.of(step.id)
        found = within(partial(_step, hosts, playbook, site, step))
        if not isinstance(found, SitecrewError):
            changes += found
        else:
            sftp_only = isinstance(found, NoShellError)
            why = f"{found}: what differs is found out when it is sent" if sftp_only else found.with_hint
            kind = ItemKind.RELEASE if isinstance(step.options, ReleaseOptions) else ItemKind.FILE
            changes.append(_change(step, kind.value, kind, Action.UNKNOWN, why=why))
            if not sftp_only:
                problems.append(why)
                unreachable = unreachable or isinstance(found, UnreachableError)
    return replace(
        plan, changes=tuple(changes), problems=tuple(dict.fromkeys(problems)), unreachable=unreachable
    )


def _step(hosts: Hosts, playbook: Playbook, site: Site, step: Step) -> list[Change]:
    if isinstance(step.options, ReleaseOptions):
        return [_release(hosts, playbook, site, step, step.options)]
    return _sync(hosts, site, step, step.options) if isinstance(step.options, SyncOptions) else []


def _release(hosts: Hosts, playbook: Playbook, site: Site, step: Step, options: ReleaseOptions) -> Change:
    origin = origin_of(options, playbook, step, site, hosts.workspace.folder)
    kind = ItemKind.RELEASE
    tree = (
        None if origin.build or not origin.here else read_folder(origin.here, options.exclude, readable=True)
    )
    layout = Layout.of(site.path)
    standing = look(hosts.remote_of(site), layout)
    if why := refusal(options, layout, standing, tree):
        raise UsageError(why)
    if tree is None:
        why = "what is new is known when static.build has run"
        return _change(step, "release", kind, Action.UNKNOWN, why=why)
    online = sentence(standing.release)
    if standing.path == "link" and digest(standing.serving) == digest(tree):
        why = f"{online} is online and has the same {len(tree)} files"
        return _change(step, "release", kind, Action.SKIP, old=online, why=why)
    told = f"a new release: {differ(standing.serving, tree)}"
    return _change(step, "release", kind, Action.CHANGE, old=online, new=digest(tree)[:8], why=told)


def _sync(hosts: Hosts, site: Site, step: Step, options: SyncOptions) -> list[Change]:
    here = hosts.workspace.folder / placed(options.source, site)
    tree, found, difference = compare(hosts.remote_of(site), site, options, here)
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


def _change(
    step: Step, item: str, kind: ItemKind, action: Action, *, old: str = "", new: str = "", why: str = ""
) -> Change:
    return Change(
        step=step.id, item=item, kind=kind, from_version=old, to_version=new, action=action, why=why
    )
