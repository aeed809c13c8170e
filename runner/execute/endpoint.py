"""The address and login of a host: from the inventory first, then from the ssh config."""

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
    """A login as given in the inventory. None means: from the ssh config, else the default of SSH."""

    address: str
    port: int | None = None
    user: str | None = None
    name: str = ""
    """The host's name in the inventory, for messages."""
    identity_file: Path | None = None
    gateway: Endpoint | None = None
    known_hosts: tuple[Path, ...] = ()
    """Empty: the files of the ssh config."""
    ssh_config: Path | None = Path("~/.ssh/config")
    """None: do not read any ssh config."""
    shell: str = "/bin/sh"
    password: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    passphrase: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    hops: int = field(default=0, compare=False, repr=False)
    """How many hosts of a ProxyJump are reached through this one."""

    @property
    def called(self) -> str:
        """The host's name in messages."""
        return self.name or self.address


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint with all settings resolved."""

    host: str
    port: int
    user: str
    key_name: str
    """The name of the host in known_hosts."""
    key_port: int
    """The port for that name in known_hosts; 22 for an alias."""
    user_known_hosts: tuple[Path, ...]
    """The files that `trust` writes to."""
    known_hosts: tuple[Path, ...]
    """The same, and the system's files, which are only read."""
    chosen: Path | None
    """The private key named in the inventory."""
    gateway: Endpoint | None
    proxy_command: str | None
    options: SshOptions

    @property
    def key(self) -> tuple[object, ...]:
        """Endpoints with the same key share a connection."""
        return (self.host, self.port, self.user, self.gateway, self.proxy_command)

    @property
    def identities(self) -> tuple[Path, ...]:
        """Private key files in the order of ssh, whether they exist or not."""
        chosen = (self.chosen,) if self.chosen else ()
        return tuple(dict.fromkeys((*chosen, *self.options.identity_files)))


def resolve(endpoint: Endpoint) -> Target:
    """Complete an endpoint from the ssh config. Options that weaken host key checks are ignored.

    Raises:
        SshConfigError: the ssh config has an error.
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
    """Parse ``user@first:port,second``; return the endpoint of the last, which is the host's gateway."""
    called, depth = endpoint.called, endpoint.hops + 1
    if depth > _HOPS:
        raise SshConfigError(
            f"{called}: the ProxyJumps in the ssh config form a loop",
            hint="Exclude the jump host from the Host pattern with the ProxyJump.",
        )
    gateway: Endpoint | None = None
    for hop in hops.split(","):
        user, address, port = _hop(hop.strip().removeprefix("ssh://").rstrip("/"), called)
        if address == endpoint.address and port in {None, endpoint.port}:
            raise SshConfigError(
                f"{called}: in the ssh config this host is its own ProxyJump",
                hint="Exclude the jump host from the Host pattern with the ProxyJump.",
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
            f"{called}: empty ProxyJump in the ssh config", hint="Set it to a host, or to `none`."
        )
    return gateway


def _hop(text: str, called: str) -> tuple[str | None, str, int | None]:
    """Split ``user@address:port``."""
    user, _, rest = text.rpartition("@")
    address, port = rest, ""
    if rest.startswith("["):
        address, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    elif rest.count(":") == 1:
        address, _, port = rest.partition(":")
    if not address or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):  # noqa: PLR2004
        raise SshConfigError(
            f"{called}: invalid ProxyJump in the ssh config: {text[:80]!r}",
            hint="Write it as user@host:port.",
        )
    return user or None, address, int(port) if port else None
