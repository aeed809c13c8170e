"""What the steps of a playbook need and lack: reported by `doctor` and `plan` before a run fails."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import BackupError, HostError, SitecrewError, UsageError
from runner.execute import Task as Command
from runner.execute import TaskRecord
from runner.hosts.boundary import each, within
from runner.hosts.sudo import sudo_refusal
from runner.model import Host, Playbook, SecretRef, Site, Step
from runner.plan import cut
from runner.steps.backup import BackupOptions, excludes, unreadable_script
from runner.steps.become import cannot_become
from runner.steps.static import BuildOptions
from runner.steps.static.build import NO_FOLDER, folder_script, no_folder, placed
from runner.steps.static.tree import excluded
from runner.untrusted import few, sentence

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["Lacks", "find_lacks"]

_HOSTS_AT_ONCE = 20
_LIMIT = 60
_NAMED = 3
_ROOT = "root"

Errors = tuple[SitecrewError, ...]


@dataclass(frozen=True, slots=True)
class Lacks:
    """What is missing, by the host or the site whose steps need it."""

    hosts: Mapping[str, Errors] = field(default_factory=dict)
    sites: Mapping[str, Errors] = field(default_factory=dict)

    def of(self, site: Site) -> Errors:
        """Everything that concerns a site."""
        return (*self.hosts.get(site.host, ()), *self.sites.get(site.name, ()))


def find_lacks(hosts: Hosts, playbook: Playbook, sites: Sequence[Site], *, tags: Sequence[str] = ()) -> Lacks:
    """Ask for secrets and folders here, for root's rights and unreadable files on the hosts. Changes nothing.

    A host that cannot be asked has no entry: who reads the sites reports it.
    """
    steps = {site.name: cut(playbook, site, tags=tags).steps for site in sites}
    here = {site.name: tuple(_here(hosts, site, steps[site.name])) for site in sites}
    by_host: dict[str, list[Site]] = {}
    for site in sites:
        by_host.setdefault(site.host, []).append(site)
    of_hosts: dict[str, Errors] = {}
    there: dict[str, Errors] = {}
    limit = hosts.command_limit(hosts.reading_limit(_LIMIT))
    asked = each(
        tuple(by_host),
        lambda name: _there(hosts, name, by_host[name], steps),
        at_once=_HOSTS_AT_ONCE,
        limit=lambda _: limit,
    )
    for name, found in asked:
        if not isinstance(found, SitecrewError):
            of_hosts[name] = found.pop(name)
            there |= found
    return Lacks(of_hosts, {name: (*errors, *there.get(name, ())) for name, errors in here.items()})


def _here(hosts: Hosts, site: Site, steps: Sequence[Step]) -> Iterator[SitecrewError]:
    folder = hosts.workspace.folder
    for step in steps:
        for ref in _references(step.options):
            found = within(partial(hosts.redactor.resolve, ref, base=folder))
            if isinstance(found, SitecrewError):
                yield found
        options = step.options
        if isinstance(options, BuildOptions) and options.where == "controller":
            if not (folder / placed(options.folder, site)).is_dir():
                yield _no_folder(site, step, options)
        elif isinstance(options, BackupOptions) and (trouble := _store(hosts)):
            yield trouble


def _builds_there(
    sites: Sequence[Site], steps: Mapping[str, Sequence[Step]]
) -> Iterator[tuple[Site, Step, BuildOptions]]:
    for site in sites:
        for step in steps[site.name]:
            if isinstance(step.options, BuildOptions) and step.options.where == "host":
                yield site, step, step.options


def _no_folder(site: Site, step: Step, options: BuildOptions) -> UsageError:
    return UsageError(
        f"{step.id} would fail: {no_folder(options, site)}",
        hint=f"correct `folder` of {step.id}, or make the checkout",
    )


def _references(value: object) -> Iterator[SecretRef]:
    """The secrets that the options of a step refer to."""
    if isinstance(value, SecretRef):
        yield value
    elif is_dataclass(value):
        for one in fields(value):
            yield from _references(getattr(value, one.name))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _references(one)


def _store(hosts: Hosts) -> BackupError | None:
    store = Path(hosts.workspace.settings.backups.store)
    there = next((folder for folder in (store, *store.parents) if folder.exists()), store)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return None
    return BackupError(f"the backup store {store} cannot be written to", hint=f"ls -ld {there}")


def _there(
    hosts: Hosts, name: str, sites: Sequence[Site], steps: Mapping[str, Sequence[Step]]
) -> dict[str, Errors]:
    """What is missing on a host, by its own name and those of its sites."""
    host = hosts.workspace.inventory.hosts[name]
    remote = hosts.remote(host)
    limit, mark = hosts.reading_limit(_LIMIT), secrets.token_hex(16)
    backups = {
        f"s{number}": (site, step) for number, site in enumerate(sites) if (step := _files(steps[site.name]))
    }
    tasks = [
        Command(key, unreadable_script(site), timeout=limit, policy="go")
        for key, (site, _) in backups.items()
    ]
    builds = {f"b{number}": one for number, one in enumerate(_builds_there(sites, steps))}
    tasks += [
        Command(key, folder_script(options, site), timeout=limit, policy="go")
        for key, (site, _, options) in builds.items()
    ]
    every = [step for site in sites for step in steps[site.name]]
    found: dict[str, Errors] = {name: ()}
    if any(step.become and not cannot_become(step, host) for step in every):
        task = Command(_ROOT, ":", timeout=limit, policy="go")
        root = within(partial(remote.with_sudo, task, mark))
        if isinstance(root, SitecrewError):
            found[name] = (root,)
        else:
            tasks.append(root)
    if not tasks:
        return found
    records = remote.read(tasks)
    if _ROOT in records:
        found[name] = _root(host, records[_ROOT], mark)
    for key, (site, step) in backups.items():
        if error := _unreadable(site, step, records[key]):
            found[site.name] = (error,)
    for key, (site, step, options) in builds.items():
        if records[key].code == NO_FOLDER:
            found[site.name] = (*found.get(site.name, ()), _no_folder(site, step, options))
    return found


def _root(host: Host, record: TaskRecord, mark: str) -> Errors:
    no = sudo_refusal(host, record.text + record.error.decode("utf-8", "replace"), mark)
    return (HostError(no.why, hint=no.hint),) if no else ()


def _files(steps: Sequence[Step]) -> Step | None:
    """The backup of files that reads them as the login."""
    return next(
        (
            step
            for step in steps
            if isinstance(step.options, BackupOptions) and "files" in step.options.include and not step.become
        ),
        None,
    )


def _unreadable(site: Site, step: Step, record: TaskRecord) -> BackupError | None:
    """A snapshot without these files would be kept, and its step be failed."""
    assert isinstance(step.options, BackupOptions)  # noqa: S101  # `_files` chose it
    names = [line.removeprefix("./") for line in record.text.splitlines() if line.startswith("./")]
    names = [name for name in names if not excluded(name, excludes(site, step.options.exclude))]
    if not names:
        return None
    shown = few([sentence(name, 200) for name in names], _NAMED)
    return BackupError(
        f"{step.id} would fail: {shown} cannot be read",
        hint="log in as the owner of the site's files, or leave them out with `exclude`",
    )
