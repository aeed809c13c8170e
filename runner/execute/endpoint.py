"""Where a host is and how one logs in there: the inventory's word first, then ssh's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import SshConfigError
from runner.execute.ssh_lookup import look_up
from runner.execute.ssh_options import Login

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.execute.ssh_options import SshOptions

__all__ = ["Endpoint", "Target", "resolve"]

_HOPS = 16


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A login as the inventory names it. What is None comes from the ssh config, else from SSH's defaults."""

    address: str
    port: int | None = None
    user: str | None = None
    name: str = ""
    """The host's name in the inventory, for messages."""
    identity_file: Path | None = None
    gateway: Endpoint | None = None
    known_hosts: tuple[Path, ...] = ()
    """Empty: those of ssh's configuration."""
    ssh_config: Path | None = Path("~/.ssh/config")
    """None: no ssh config is read."""
    shell: str = "/bin/sh"
    password: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    passphrase: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    hops: int = field(default=0, compare=False, repr=False)
    """How many hosts of a ProxyJump are behind this one."""

    @property
    def called(self) -> str:
        """The host's name for people."""
        return self.name or self.address


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint with nothing left open."""

    host: str
    port: int
    user: str
    key_name: str
    """Under which the host's key is on record."""
    key_port: int
    """The port that belongs to that name; an alias has none, which is 22."""
    user_known_hosts: tuple[Path, ...]
    """Files that `trust` writes to."""
    known_hosts: tuple[Path, ...]
    """These and the system's, which are only read."""
    chosen: Path | None
    """The private key that the inventory names."""
    gateway: Endpoint | None
    proxy_command: str | None
    options: SshOptions

    @property
    def key(self) -> tuple[object, ...]:
        """Two endpoints with the same key share a connection."""
        return (self.host, self.port, self.user, self.gateway, self.proxy_command)

    @property
    def identities(self) -> tuple[Path, ...]:
        """Private keys in the order in which ssh takes them up, whether they exist or not."""
        chosen = (self.chosen,) if self.chosen else ()
        return tuple(dict.fromkeys((*chosen, *self.options.identity_files)))


def resolve(endpoint: Endpoint) -> Target:
    """The endpoint as ssh's configuration completes it. Options that weaken host-key checks are not honoured.

    Raises:
        SshConfigError: the configuration cannot be used.
    """
    login = Login(endpoint.address, endpoint.port, endpoint.user)
    try:
        options = look_up(login, endpoint.ssh_config)
    except SshConfigError as error:
        raise SshConfigError(f"{endpoint.called}: {error}", hint=error.hint) from error
    gateway = endpoint.gateway
    if gateway is None and options.proxy_jump:
        gateway = _jump(options.proxy_jump, endpoint)
    user_known_hosts = endpoint.known_hosts or options.user_known_hosts
    return Target(
        host=options.hostname,
        port=options.port,
        user=options.user,
        key_name=options.host_key_alias or options.hostname,
        key_port=22 if options.host_key_alias else options.port,
        user_known_hosts=user_known_hosts,
        known_hosts=(*user_known_hosts, *(() if endpoint.known_hosts else options.global_known_hosts)),
        chosen=endpoint.identity_file.expanduser() if endpoint.identity_file else None,
        gateway=gateway,
        proxy_command=None if gateway else options.proxy_command or None,
        options=options,
    )


def _jump(hops: str, endpoint: Endpoint) -> Endpoint:
    """``user@first:port,second`` as endpoints, the last of which is the host's gateway."""
    called, depth = endpoint.called, endpoint.hops + 1
    if depth > _HOPS:
        raise SshConfigError(
            f"{called}: the ProxyJumps of the ssh config lead in a circle",
            hint="Exclude the jump host from the Host pattern that holds the ProxyJump.",
        )
    gateway: Endpoint | None = None
    for hop in hops.split(","):
        user, address, port = _hop(hop.strip().removeprefix("ssh://").rstrip("/"), called)
        if address == endpoint.address and port in {None, endpoint.port}:
            raise SshConfigError(
                f"{called}: the ssh config makes this host its own ProxyJump",
                hint="Exclude the jump host from the Host pattern that holds the ProxyJump.",
            )
        first = Endpoint(
            address,
            port=port,
            user=user,
            known_hosts=endpoint.known_hosts,
            ssh_config=endpoint.ssh_config,
            passphrase=endpoint.passphrase,
            hops=depth,
        )
        gateway = replace(first, gateway=gateway)
    if gateway is None:
        raise SshConfigError(
            f"{called}: an empty ProxyJump in the ssh config", hint="Name a host there, or `none`."
        )
    return gateway


def _hop(text: str, called: str) -> tuple[str | None, str, int | None]:
    """User, address and port of ``user@address:port``."""
    user, _, rest = text.rpartition("@")
    address, port = rest, ""
    if rest.startswith("["):
        address, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    elif rest.count(":") == 1:
        address, _, port = rest.partition(":")
    if not address or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):  # noqa: PLR2004
        raise SshConfigError(
            f"{called}: the ssh config's ProxyJump names no host and port: {text[:80]!r}",
            hint="Write it as user@host:port.",
        )
    return user or None, address, int(port) if port else None
