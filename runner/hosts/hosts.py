"""The inventory's hosts as SSH sees them, over connections that the process shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.execute import Endpoint, Limits, Pool
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
"""Bytes kept of the output of one task: the packed checksums of 100,000 files."""


_STEPS = 16
"""Of `limits.step` for a job that an earlier process began; cf. `Limits.job`."""
_LOGIN_AND_LAST_WORDS = 4
"""Silences that a host may keep before its readings and after them."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Connections, and what they are opened with. `redactor` learns every secret that is resolved."""

    workspace: Workspace
    pool: Pool
    redactor: Redactor
    tidied: set[tuple[str, int | None, str | None]] = field(default_factory=set)
    """Address, port and login of where this process has tidied up."""

    published: Wporg = field(init=False)
    """What wordpress.org publishes, asked from here."""

    def __post_init__(self) -> None:
        folder = self.workspace.folder / ".sitecrew" / "wordpress.org"
        object.__setattr__(self, "published", Wporg(folder, self.workspace.settings.wordpress_org))

    @property
    def limits(self) -> Limits:
        """Waits of the driver. Where a shorter silence is borne than by default, so are shorter cuts.

        A job whose tasks are not known here has the time of so many steps.
        """
        silence = self.workspace.settings.limits.driver_silence.total_seconds()
        step = self.workspace.settings.limits.step.total_seconds()
        usual = Limits()
        own = self._longest_of_its_own()
        return Limits(
            silence=silence,
            hello=min(usual.hello, 5 * silence),
            reattach=min(usual.reattach, 5 * silence),
            margin=min(usual.margin, 5 * silence),
            job=max(_STEPS * step, 2 * own),
            ending=max(2 * step, own),
            tidying=min(usual.tidying, step),
            output=_OUTPUT,
        )

    def _longest_of_its_own(self) -> float:
        """Seconds of the longest step that has a time limit of its own."""
        steps = (step for book in self.workspace.playbooks.values() for step in book.steps)
        return max((step.timeout.total_seconds() for step in steps if step.timeout), default=0.0)

    def endpoint(self, host: Host) -> Endpoint:
        """Where a host is and how one logs in there; secrets are fetched when they are asked for."""
        return _endpoint(host, self.workspace, self._secret)

    def remote(self, host: Host) -> Remote:
        """Return the way to a host."""
        return SshRemote(
            host, self.workspace, self.pool, self.redactor, self.limits, self.endpoint(host), self.tidied
        )

    def remote_of(self, site: Site) -> Remote:
        """Return the way to the host of a site, as the inventory has it."""
        return self.remote(self.workspace.inventory.hosts[site.host])

    def link(self, host: Host) -> None:
        """Open a connection ahead of its use.

        Raises:
            UnreachableError: (and kin) the host cannot be reached.
        """
        self.pool.link(self.endpoint(host))

    def reading_limit(self, seconds: int) -> int:
        """Seconds that one reading may take: what it needs, but at most `limits.step`."""
        return reading_limit(self.workspace, seconds)

    def command_limit(self, reading: float) -> float:
        """Seconds after which a command gives up a host whose readings may take so many together."""
        return reading + _LOGIN_AND_LAST_WORDS * self.limits.silence

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
