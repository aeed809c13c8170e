"""The inventory's hosts, over SSH connections that the process shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.execute import Endpoint, Pool, Timeouts
from runner.hosts.remote import SshRemote, reading_limit
from runner.load import Redactor, resolve
from runner.model import Host, SecretRef, Site
from runner.wporg import Wporg

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.hosts.remote import Remote
    from runner.load import Workspace

__all__ = ["Hosts"]

_OUTPUT = 4 << 20
"""Bytes kept of the output of one command: enough for the packed checksums of 100,000 files."""
_STEPS = 16
"""Time limit, in units of `limits.step`, of a job that an earlier process started; cf. `Limits.job`."""
_SILENCES = 4
"""How often a host may be silent for `driver_silence`, before and after its readings."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The connections of a process, and what they are opened with."""

    workspace: Workspace
    pool: Pool
    redactor: Redactor
    """Redacts every secret that is resolved."""
    cleaned: set[tuple[str, int | None, str | None]] = field(default_factory=set)
    """Address, port and login of the hosts on which this process has collected garbage."""

    published: Wporg = field(init=False)
    """What wordpress.org publishes about versions, requested from the controller."""

    def __post_init__(self) -> None:
        folder = self.workspace.folder / ".sitecrew" / "wordpress.org"
        object.__setattr__(self, "published", Wporg(folder, self.workspace.settings.wordpress_org))

    @property
    def limits(self) -> Timeouts:
        """The driver's time limits; a shorter `driver_silence` than the default shortens others too.

        A job whose commands this process does not know may take as long as 16 steps.
        """
        silence = self.workspace.settings.limits.driver_silence.total_seconds()
        step = self.workspace.settings.limits.step.total_seconds()
        usual = Timeouts()
        own = self._longest_timeout()
        return Timeouts(
            silence=silence,
            hello=min(usual.hello, 5 * silence),
            reattach=min(usual.reattach, 5 * silence),
            margin=min(usual.margin, 5 * silence),
            job=max(_STEPS * step, 2 * own),
            ending=max(2 * step, own),
            tidying=min(usual.tidying, step),
            output=_OUTPUT,
        )

    def _longest_timeout(self) -> float:
        """Return the longest `timeout` of a step, in seconds."""
        steps = (step for book in self.workspace.playbooks.values() for step in book.steps)
        return max((step.timeout.total_seconds() for step in steps if step.timeout), default=0.0)

    def endpoint(self, host: Host) -> Endpoint:
        """Return address and login of a host; secrets are resolved on first use."""
        return _endpoint(host, self.workspace, self._secret)

    def remote(self, host: Host) -> Remote:
        """Return the remote of a host."""
        return SshRemote(
            host, self.workspace, self.pool, self.redactor, self.limits, self.endpoint(host), self.cleaned
        )

    def remote_of(self, site: Site) -> Remote:
        """Return the remote of a site's host."""
        return self.remote(self.workspace.inventory.hosts[site.host])

    def link(self, host: Host) -> None:
        """Open a connection before it is needed.

        Raises:
            UnreachableError: the host cannot be reached.
        """
        self.pool.link(self.endpoint(host))

    def reading_limit(self, seconds: int) -> int:
        """Return the seconds that one reading may take: at most `limits.step`."""
        return reading_limit(self.workspace, seconds)

    def command_limit(self, reading: float) -> float:
        """Return the seconds after which a command gives up a host whose readings take `reading` in all."""
        return reading + _SILENCES * self.limits.silence

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
    user, _, server = name.rpartition("@")
    address, _, port = server.partition(":")
    return _endpoint(
        Host(name=name, address=address, user=user or None, port=int(port) if port else None),
        workspace,
        secret,
    )
