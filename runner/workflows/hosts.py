"""The inventory's hosts as SSH sees them, over connections that the process shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.execute import Endpoint, Limits, Pool
from runner.load import Redactor, resolve
from runner.model import Host, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.load import Workspace

__all__ = ["Hosts"]


@dataclass(frozen=True, slots=True)
class Hosts:
    """Connections, and what they are opened with. `redactor` learns every secret that is resolved."""

    workspace: Workspace
    pool: Pool
    redactor: Redactor
    tidied: set[tuple[str, int | None, str | None]] = field(default_factory=set)
    """Address, port and login of where this process has tidied up."""

    @property
    def limits(self) -> Limits:
        """Waits of the driver."""
        return Limits(silence=self.workspace.settings.limits.driver_silence.total_seconds())

    def endpoint(self, host: Host) -> Endpoint:
        """Where a host is and how one logs in there; secrets are fetched when they are asked for."""
        return _endpoint(host, self.workspace, self._secret)

    def _secret(self, ref: SecretRef | None) -> Callable[[], str] | None:
        if ref is None:
            return None

        def fetch() -> str:
            value = resolve(ref, base=self.workspace.folder)
            self.redactor.add(value)
            return value

        return fetch


def _endpoint(
    host: Host, workspace: Workspace, secret: Callable[[SecretRef | None], Callable[[], str] | None]
) -> Endpoint:
    ssh = workspace.settings.ssh
    return Endpoint(
        address=host.address,
        port=host.port,
        user=host.user,
        name=host.name,
        identity_file=Path(host.identity_file) if host.identity_file else None,
        gateway=_gateway(host.gateway, workspace, secret) if host.gateway else None,
        known_hosts=() if ssh.known_hosts == _DEFAULT_KNOWN_HOSTS else (Path(ssh.known_hosts).expanduser(),),
        ssh_config=Path(ssh.config).expanduser(),
        password=secret(host.password),
        passphrase=secret(host.passphrase),
    )


_DEFAULT_KNOWN_HOSTS = "~/.ssh/known_hosts"


def _gateway(
    name: str, workspace: Workspace, secret: Callable[[SecretRef | None], Callable[[], str] | None]
) -> Endpoint:
    hosts: Mapping[str, Host] = workspace.inventory.hosts
    if name in hosts:
        return _endpoint(hosts[name], workspace, secret)
    user, _, place = name.rpartition("@")
    address, _, port = place.partition(":")
    return _endpoint(
        Host(name=name, address=address, user=user or None, port=int(port) if port else None),
        workspace,
        secret,
    )
