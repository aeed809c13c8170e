"""Missing prerequisites of steps, which `doctor` and `plan` report before a run fails."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import BackupError, HostError, SitecrewError, UsageError
from runner.execute import Command, CommandRecord
from runner.hosts.boundary import each, within
from runner.hosts.sudo import sudo_refusal
from runner.model import Host, Playbook, SecretRef, Site, Step
from runner.plan import split_playbook
from runner.steps import Result, registry
from runner.steps.become import cannot_become

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts

__all__ = ["Missing", "find_missing"]

_HOSTS_AT_ONCE = 20
_LIMIT = 60
"""Seconds for one check on a host."""
_ROOT = "root"

Errors = tuple[SitecrewError, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Missing prerequisites by the name of the host or site whose steps need them."""

    hosts: Mapping[str, Errors] = field(default_factory=dict)
    sites: Mapping[str, Errors] = field(default_factory=dict)

    def of(self, site: Site) -> Errors:
        """Return everything that concerns a site."""
        return (*self.hosts.get(site.host, ()), *self.sites.get(site.name, ()))


def find_missing(
    hosts: Hosts, playbook: Playbook, sites: Sequence[Site], *, tags: Sequence[str] = ()
) -> Missing:
    """Check secrets and folders on the controller, and root access and what the steps need on the hosts.

    Changes nothing. A host that cannot be checked has no entry: reading its sites reports the problem.
    """
    steps = {site.name: split_playbook(playbook, site, tags=tags).steps for site in sites}
    here = {site.name: tuple(_on_controller(hosts, site, steps[site.name])) for site in sites}
    by_host: dict[str, list[Site]] = {}
    for site in sites:
        by_host.setdefault(site.host, []).append(site)
    of_hosts: dict[str, Errors] = {}
    there: dict[str, Errors] = {}
    limit = hosts.command_limit(hosts.reading_limit(_LIMIT))
    checked = each(
        tuple(by_host),
        lambda name: _on_host(hosts, name, by_host[name], steps),
        at_once=_HOSTS_AT_ONCE,
        limit=lambda _: limit,
    )
    for name, found in checked:
        if not isinstance(found, SitecrewError):
            of_hosts[name] = found.pop(name)
            there |= found
    return Missing(of_hosts, {name: (*errors, *there.get(name, ())) for name, errors in here.items()})


def _on_controller(hosts: Hosts, site: Site, steps: Sequence[Step]) -> Iterator[SitecrewError]:
    workspace = hosts.workspace.folder
    for step in steps:
        for ref in _references(step.options):
            found = within(partial(hosts.redactor.resolve, ref, base=workspace))
            if isinstance(found, SitecrewError):
                yield found
        needs = registry()[step.kind].needs(step, site)
        if needs.folder and not (workspace / needs.folder).is_dir():
            yield UsageError(
                f"{step.id} would fail: there is no folder {needs.folder} on the controller",
                hint=f"correct `folder` of {step.id}, or create the checkout",
            )
        if needs.store and (problem := _store_problem(hosts)):
            yield problem


def _references(value: object) -> Iterator[SecretRef]:
    """Yield the secrets that the options of a step refer to."""
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


def _store_problem(hosts: Hosts) -> BackupError | None:
    store = Path(hosts.workspace.settings.backups.store)
    existing = next((folder for folder in (store, *store.parents) if folder.exists()), store)
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return None
    return BackupError(f"the backup store {store} cannot be written to", hint=f"ls -ld {existing}")


def _on_host(
    hosts: Hosts, name: str, sites: Sequence[Site], steps: Mapping[str, Sequence[Step]]
) -> dict[str, Errors]:
    """Return what is missing on a host, by its name and by the names of its sites."""
    host = hosts.workspace.inventory.hosts[name]
    remote = hosts.remote(host)
    limit, nonce = hosts.reading_limit(_LIMIT), secrets.token_hex(16)
    every = [(site, step) for site in sites for step in steps[site.name]]
    checks = {
        f"c{number}": (site, step, check)
        for number, (site, step) in enumerate(every)
        if (check := registry()[step.kind].needs(step, site).check)
    }
    commands = [Command(id_, check, timeout=limit, policy="go") for id_, (_, _, check) in checks.items()]
    found: dict[str, Errors] = {name: ()}
    if any(step.become and not cannot_become(step, host) for _, step in every):
        command = Command(_ROOT, ":", timeout=limit, policy="go")
        root = within(partial(remote.with_sudo, command, nonce))
        if isinstance(root, SitecrewError):
            found[name] = (root,)
        else:
            commands.append(root)
    if not commands:
        return found
    records = remote.read(commands)
    if _ROOT in records:
        found[name] = _sudo_errors(host, records[_ROOT], nonce)
    for id_, (site, step, _) in checks.items():
        if error := _missing_on_host(site, step, records[id_]):
            found[site.name] = (*found.get(site.name, ()), error)
    return found


def _sudo_errors(host: Host, record: CommandRecord, nonce: str) -> Errors:
    refusal = sudo_refusal(host, record.text + record.error.decode("utf-8", "replace"), nonce)
    return (HostError(refusal.why, hint=refusal.hint),) if refusal else ()


def _missing_on_host(site: Site, step: Step, record: CommandRecord) -> HostError | None:
    status = -1 if record.code is None else record.code
    result = Result(status=status, seconds=record.seconds, output=record.text, why=record.why)
    missing = registry()[step.kind].missing(step, site, result)
    return HostError(f"{step.id} would fail: {missing.why}", hint=missing.hint) if missing else None
