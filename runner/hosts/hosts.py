"""The inventory's hosts as SSH sees them, over connections that the process shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import HostError
from runner.execute import Endpoint, Limits, Pool, TaskRecord, read
from runner.execute import Task as Command
from runner.load import Redactor, resolve
from runner.model import Host, SecretRef, Site
from runner.wporg import Wporg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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

    def read(self, host: Host, tasks: Sequence[Command]) -> Mapping[str, TaskRecord]:
        """Run tasks that change nothing; each has its answer.

        Raises:
            UnreachableError: (and kin) the host cannot be reached.
            HostError: it did not answer all of them.
        """
        endpoint = self.endpoint(host)
        records = read(self.pool, endpoint, tasks, limits=self.limits)
        if missing := [task.id for task in tasks if task.id not in records]:
            raise HostError(
                f"{endpoint.called}: the host did not answer {len(missing)} of {len(tasks)} questions",
                hint="does the host end our shell? look at ulimit -a and the login's start-up files",
            )
        return records

    def of_site(self, site: Site, tasks: Iterable[Command]) -> tuple[Command, ...]:
        """Tasks that start WordPress, with what the site's configuration needs in the environment.

        Raises:
            SecretError: a value cannot be had.
        """
        plain, secret = self.environment(site)
        if not plain and not secret:
            return tuple(tasks)
        return tuple(
            replace(task, env={**plain, **task.env}, secret={**secret, **task.secret}) for task in tasks
        )

    def environment(self, site: Site) -> tuple[dict[str, str], dict[str, str]]:
        """What a site's configuration needs, the secrets apart; the redactor knows these.

        Raises:
            SecretError: a value cannot be had.
        """
        plain = {name: value for name, value in site.env.items() if isinstance(value, str)}
        references = {name: value for name, value in site.env.items() if isinstance(value, SecretRef)}
        folder = self.workspace.folder
        return plain, {name: self.redactor.resolve(ref, base=folder) for name, ref in references.items()}

    def reading_limit(self, seconds: int) -> int:
        """Seconds for one reading: those that it needs, at most `limits.step`."""
        return max(1, min(seconds, int(self.workspace.settings.limits.step.total_seconds())))

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
