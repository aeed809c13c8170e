"""Where a host is and how one logs in there, after ~/.ssh/config has had its say."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramiko import SSHConfig

__all__ = ["Endpoint", "Target", "resolve"]

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


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
    """Empty: ~/.ssh/known_hosts and the system's."""
    ssh_config: Path | None = Path("~/.ssh/config")
    """None: no ssh config is read."""
    shell: str = "/bin/sh"
    password: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    passphrase: Callable[[], str] | None = field(default=None, compare=False, repr=False)

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
    known_hosts: tuple[Path, ...]
    identities: tuple[Path, ...]
    agent: bool
    gateway: Endpoint | None
    proxy_command: str | None

    @property
    def key(self) -> tuple[object, ...]:
        """Two endpoints with the same key share a connection."""
        return (self.host, self.port, self.user, self.gateway, self.proxy_command)


def resolve(endpoint: Endpoint) -> Target:
    """The endpoint as the ssh config completes it. Options that weaken host-key checks are not honoured."""
    found = _config(endpoint.ssh_config).lookup(endpoint.address)
    host = str(found.get("hostname", endpoint.address))
    port = endpoint.port or int(found.get("port", 22))
    user = endpoint.user or str(found.get("user", "")) or getpass.getuser()
    chosen = [endpoint.identity_file] if endpoint.identity_file else found.get("identityfile", [])
    identities = tuple(Path(path).expanduser() for path in chosen)
    defaults = tuple(path for name in DEFAULT_KEYS if (path := Path.home() / ".ssh" / name).exists())
    gateway = endpoint.gateway
    jump = str(found.get("proxyjump", "none"))
    if gateway is None and jump != "none":
        gateway = _jump(jump, endpoint)
    return Target(
        host=host,
        port=port,
        user=user,
        key_name=str(found.get("hostkeyalias", host)),
        known_hosts=_known_hosts(endpoint, str(found.get("userknownhostsfile", ""))),
        identities=identities or defaults,
        agent=not identities,
        gateway=gateway,
        proxy_command=None if gateway else found.get("proxycommand"),
    )


def _known_hosts(endpoint: Endpoint, configured: str) -> tuple[Path, ...]:
    if endpoint.known_hosts:
        return endpoint.known_hosts
    names = configured.split() or ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]
    return (*(Path(name).expanduser() for name in names), Path("/etc/ssh/ssh_known_hosts"))


def _jump(hops: str, endpoint: Endpoint) -> Endpoint:
    """``user@first:port,second`` as endpoints, the last of which is the host's gateway."""
    gateway: Endpoint | None = None
    for hop in hops.split(","):
        user, _, rest = hop.strip().rpartition("@")
        address, port = rest, ""
        if rest.startswith("["):
            address, _, port = rest[1:].partition("]")
            port = port.lstrip(":")
        elif rest.count(":") == 1:
            address, _, port = rest.partition(":")
        if address == endpoint.address:
            raise UsageError(
                f"{endpoint.called}: the ssh config makes this host its own ProxyJump",
                hint="Exclude the jump host from the Host pattern that holds the ProxyJump.",
            )
        gateway = Endpoint(
            address=address,
            port=int(port) if port else None,
            user=user or None,
            gateway=gateway,
            known_hosts=endpoint.known_hosts,
            ssh_config=endpoint.ssh_config,
            passphrase=endpoint.passphrase,
        )
    if gateway is None:
        raise UsageError(f"{endpoint.called}: an empty ProxyJump in the ssh config")
    return gateway


_configs: dict[Path, tuple[int, SSHConfig]] = {}


def _config(path: Path | None) -> SSHConfig:
    from paramiko import SSHConfig

    if path is None:
        return SSHConfig()
    path = Path(os.path.expanduser(path))  # noqa: PTH111 - HOME may have been changed since
    try:
        mark = path.stat().st_mtime_ns
    except OSError:
        return SSHConfig()
    if path not in _configs or _configs[path][0] != mark:
        _configs[path] = (mark, SSHConfig.from_path(str(path)))
    return _configs[path][1]
