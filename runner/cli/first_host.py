"""The first host of a new workspace: try the login, record its key, find the sites on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner.cli.discover import print_sites
from runner.cli.errors import complain
from runner.cli.questions import ask, confirm
from runner.cli.screen import say, style
from runner.errors import HostKeyError, LoginRefusedError, SitecrewError, UsageError
from runner.shell import command
from runner.untrusted import few

if TYPE_CHECKING:
    from runner.hosts.hosts import Hosts
    from runner.inspect.discover import FoundSite
    from runner.load import Workspace
    from runner.load.additions import NewHost

__all__ = ["FirstHost", "choose_sites", "named_sites", "try_host"]

_LISTED = 5
"""Sites that a message names."""


@dataclass(frozen=True, slots=True)
class FirstHost:
    """What was found on a host. `trusted` describes its key, if it was recorded now."""

    sites: tuple[FoundSite, ...] = ()
    trusted: str = ""
    is_reached: bool = False


def try_host(host: NewHost, *, fingerprint: str, can_ask: bool) -> FirstHost:
    """Log in to a host and find its sites. Errors are printed, with what to do about them.

    Args:
        host: the host.
        fingerprint: the expected fingerprint of its key; a key with another one is not recorded.
        can_ask: whether to ask about an unknown key.
    """
    from runner.execute import Pool
    from runner.hosts.hosts import Hosts
    from runner.inspect.discover import discover
    from runner.load import Redactor

    trusted = ""
    with _draft(host) as workspace, Pool() as pool:
        access = Hosts(workspace, pool, Redactor())
        known = workspace.inventory.hosts[host.name]
        say(f"connecting to {host.address} ...")
        try:
            trusted = _trusted(access, host.name, fingerprint, can_ask=can_ask)
            access.link(known)
            say("logged in; searching for websites ...")
            found = discover(access.remote(known))
        except SitecrewError as error:
            complain(error)
            if isinstance(error, LoginRefusedError):
                say(f"  To authorize your key there: {_copy_id(host)}")
            return FirstHost(trusted=trusted)
    print_sites(None, host.name, found.sites)
    for limit in found.limits:
        say(f"incomplete: {limit}")
    return FirstHost(found.sites, trusted, is_reached=True)


def _copy_id(host: NewHost) -> str:
    """Return the command that authorizes the person's key on the host."""
    login = f"{host.user}@{host.address}" if host.user else host.address
    return f"ssh-copy-id -p {host.port} {login}" if host.port else f"ssh-copy-id {login}"


@contextmanager
def _draft(host: NewHost) -> Iterator[Workspace]:
    """A workspace with this host in a temporary folder, with the settings of the user."""
    from runner.load import load_workspace
    from runner.load.insertion import with_additions

    with tempfile.TemporaryDirectory(prefix="sitecrew-init-") as name:
        folder = Path(name)
        (folder / "inventory.yaml").write_text(with_additions("", hosts=[host]), encoding="utf-8")
        yield load_workspace(folder)


def _trusted(access: Hosts, name: str, fingerprint: str, *, can_ask: bool) -> str:
    """Record the key of a host that has none on record; return a description of it.

    Raises:
        HostKeyError: the key is not the expected one, or was not accepted.
        UnreachableError: the host cannot be reached.
    """
    from runner.execute import KnownHosts, record

    endpoint = access.endpoint(access.workspace.inventory.hosts[name])
    target, key = access.pool.host_key(endpoint)
    known = KnownHosts(target.known_hosts)
    if known.keys(target.key_name, target.key_port):
        return ""  # the login compares it
    if known.is_revoked(target.key_name, target.key_port, key.blob):
        known.check(target.key_name, target.key_port, key, called=name)
    where = f"{target.host}:{target.port}"
    say(f"the key of {where} is not known yet:\n  {key.type}  {style(key.fingerprint, bold=True)}")
    if fingerprint and fingerprint != key.fingerprint:
        raise HostKeyError(
            f"{where} has another key than expected: {key.fingerprint}, not {fingerprint}",
            hint="compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
        )
    if not fingerprint and not (
        can_ask and confirm("Is this the key that the host itself prints?", default=False)
    ):
        raise HostKeyError(
            f"the key of {where} was not recorded",
            hint=f"compare it on the host: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, "
            f"then record it: {command('trust', name)}",
        )
    hashed = target.options.hash_known_hosts and not endpoint.known_hosts
    record(target.user_known_hosts, target.key_name, target.key_port, key, hashed=hashed, replace=False)
    say(f"recorded in {target.user_known_hosts[0]}")
    return f"{name} ({where}): {key.type} {key.fingerprint}"


def choose_sites(sites: Sequence[FoundSite]) -> list[FoundSite]:
    """Ask which of the sites to add."""
    from runner.load.values import Wrong

    usable = named_sites(sites, ())
    if not usable:
        return []
    for number, site in enumerate(usable, 1):
        say(f"  {number}  {site.url}")

    def parse(text: object) -> list[FoundSite]:
        words = str(text).replace(",", " ").split()
        if words == ["all"]:
            return usable
        if words == ["none"]:
            return []
        if not words or not all(one.isdecimal() and 1 <= int(one) <= len(usable) for one in words):
            raise Wrong("not a selection", f"all, none, or numbers from 1 to {len(usable)} like 1,2")
        return [usable[int(one) - 1] for one in dict.fromkeys(words)]

    chosen: list[FoundSite] = ask("Sites to maintain", parse, default="all")
    return chosen


def named_sites(sites: Sequence[FoundSite], names: Sequence[str]) -> list[FoundSite]:
    """Return the sites that can be added: those with these URLs, domains or folders, else all.

    Raises:
        UsageError: a name is that of no site.
    """
    usable = [site for site in sites if site.url and not site.note]
    chosen: dict[FoundSite, None] = {}
    for name in names:
        mine = [site for site in usable if name.rstrip("/") in _names_of(site)]
        if not mine:
            urls = few([site.url for site in usable], _LISTED)
            raise UsageError(
                f"--site {name}: there is no such site on the host", hint=urls and f"found: {urls}"
            )
        chosen |= dict.fromkeys(mine)
    return list(chosen) if names else usable


def _names_of(site: FoundSite) -> set[str]:
    return {site.url.rstrip("/"), urlsplit(site.url).netloc, site.path.rstrip("/")}
