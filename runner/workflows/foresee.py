"""What steps that send files would change, found out by comparing both sides. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from runner.errors import NoShellError, SitecrewError, UnreachableError, UsageError
from runner.model import Action, Change, ItemKind, Playbook, Site, SitePlan, Step
from runner.plan import cut
from runner.steps.static import ReleaseOptions
from runner.steps.static.build import placed
from runner.steps.static.layout import Layout
from runner.steps.static.refusal import refusal
from runner.steps.static.tree import differ, digest
from runner.steps.sync import SyncOptions
from runner.untrusted import sentence
from runner.workflows.sending.release import look, origin_of
from runner.workflows.sending.sources import read_folder
from runner.workflows.sending.sync import compare

if TYPE_CHECKING:
    from runner.workflows.hosts import Hosts

__all__ = ["foresee"]

_AT_ONCE = 10
_SFTP_ONLY = "the account may only use sftp: what differs is found out when it is sent"


def foresee(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], tags: Sequence[str], plans: Sequence[SitePlan]
) -> tuple[SitePlan, ...]:
    """The plans with what would be released and synchronised, in the order of the playbook."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return tuple(
            pool.map(
                lambda pair: _site(hosts, playbook, pair[0], tags, pair[1]), zip(sites, plans, strict=True)
            )
        )


def _site(hosts: Hosts, playbook: Playbook, site: Site, tags: Sequence[str], plan: SitePlan) -> SitePlan:
    steps = cut(playbook, site, tags=tags).steps
    if not any(isinstance(step.options, ReleaseOptions | SyncOptions) for step in steps):
        return plan
    changes: list[Change] = []
    problems = list(plan.problems)
    unreachable = plan.unreachable
    for step in steps:
        changes += plan.of(step.id)
        try:
            if isinstance(step.options, ReleaseOptions):
                changes.append(_release(hosts, playbook, site, step, step.options))
            elif isinstance(step.options, SyncOptions):
                changes += _sync(hosts, site, step, step.options)
        except SitecrewError as error:
            sftp_only = isinstance(error, NoShellError)
            why = _SFTP_ONLY if sftp_only else error.with_hint
            kind = ItemKind.RELEASE if isinstance(step.options, ReleaseOptions) else ItemKind.FILE
            changes.append(_change(step, kind.value, kind, Action.UNKNOWN, why=why))
            if not sftp_only:
                problems.append(why)
                unreachable = unreachable or isinstance(error, UnreachableError)
    return replace(
        plan, changes=tuple(changes), problems=tuple(dict.fromkeys(problems)), unreachable=unreachable
    )


def _release(hosts: Hosts, playbook: Playbook, site: Site, step: Step, options: ReleaseOptions) -> Change:
    origin = origin_of(options, playbook, step, site, hosts.workspace.folder)
    kind = ItemKind.RELEASE
    if origin.build is not None:
        why = "what is new is known when static.build has run"
        return _change(step, "release", kind, Action.UNKNOWN, why=why)
    assert origin.here is not None  # noqa: S101  # without a build it is a folder here
    tree = read_folder(origin.here, options.exclude, readable=True)
    layout = Layout.of(site.path)
    standing = look(hosts, hosts.endpoint(hosts.workspace.inventory.hosts[site.host]), layout)
    if why := refusal(options, layout, standing, tree):
        raise UsageError(why)
    online = sentence(standing.release)
    if standing.path == "link" and digest(standing.serving) == digest(tree):
        why = f"{online} is online and has the same {len(tree)} files"
        return _change(step, "release", kind, Action.SKIP, old=online, why=why)
    told = f"a new release: {differ(standing.serving, tree)}"
    return _change(step, "release", kind, Action.CHANGE, old=online, new=digest(tree)[:8], why=told)


def _sync(hosts: Hosts, site: Site, step: Step, options: SyncOptions) -> list[Change]:
    here = hosts.workspace.folder / placed(options.source, site)
    endpoint = hosts.endpoint(hosts.workspace.inventory.hosts[site.host])
    tree, found, difference = compare(hosts, endpoint, site, options, here)
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
