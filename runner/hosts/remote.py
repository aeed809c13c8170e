"""A host of the inventory: run jobs and commands on it, read it, transfer files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from runner.errors import HostError
from runner.execute import (
    Command,
    CommandRecord,
    Control,
    Event,
    Job,
    JobRecord,
    Pool,
    Sent,
    Source,
    Span,
    Timeouts,
    ack_job,
    attach_job,
    collect_garbage,
    read,
    run_job,
    stream,
    upload,
)
from runner.execute.sftp import Transfer, transfer
from runner.execute.watch import Judge
from runner.hosts.sudo import with_sudo
from runner.load import Redactor
from runner.model import Host, SecretRef, Site

if TYPE_CHECKING:
    from runner.execute import Endpoint
    from runner.load import Workspace

_FRESH_SILENCE = 20.0
CAP = 8 << 20
"""Bytes kept of the output of one command."""

__all__ = ["CAP", "Remote", "SshRemote", "reading_limit"]


class Remote(Protocol):
    """One host: jobs, readings, streams and files.

    Every method raises `UnreachableError` (or a subclass) if there is no connection or it breaks, and
    `ProtocolError` if the host's answers violate the protocol or exceed a limit.
    """

    @property
    def host(self) -> Host:
        """The host's entry in the inventory."""

    @property
    def workspace(self) -> Workspace:
        """The workspace that the host belongs to."""

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open."""

    def run(
        self,
        job: Job,
        *,
        on_event: Callable[[Event], None] | None = None,
        verdict: Judge | None = None,
        control: Control | None = None,
    ) -> JobRecord:
        """Start a job, or attach to it if it was started before; return its record after it has ended.

        Raises:
            JobRefusedError: the host refused the job; nothing was started.
            LostError: the job may have been started; how it ended is unknown.
            DiedError: all processes of the job were killed.
        """

    def attach(
        self,
        job: str,
        *,
        span: Span | None = None,
        verdict: Judge | None = None,
        control: Control | None = None,
    ) -> JobRecord | None:
        """Follow a job that was started before; None if the host does not know it, so that nothing of it ran.

        Raises:
            LostError: how it ended is unknown.
            DiedError: all processes of the job were killed.
        """

    def acknowledge(self, job: str) -> None:
        """Let the host forget a job whose outcome is recorded."""

    def read(self, commands: Sequence[Command], *, cap: int = CAP) -> Mapping[str, CommandRecord]:
        """Run commands that change nothing; return the record of each.

        Args:
            commands: each runs in a shell of its own.
            cap: bytes kept of the output of each; by default 8 MiB.

        Raises:
            HostError: not all of them ran.
        """

    def stream(
        self, commands: Sequence[Command], sink: Callable[[str, bytes], object], *, ceiling: int
    ) -> Mapping[str, CommandRecord]:
        """Run commands and pass their stdout to `sink`; the records contain exit status, size and stderr."""

    def upload(self, before: str, take: str, source: Source) -> Sent:
        """Run `before`, then `take` with what `source` writes on its stdin."""

    def sftp(self) -> AbstractContextManager[Transfer]:
        """Open an SFTP session."""

    def fresh(self) -> AbstractContextManager[Remote]:
        """Return the host over a new connection that gives up after 20 s of silence."""

    def collect_garbage(self) -> None:
        """Delete old jobs and restore points, once per process."""

    def with_sudo(self, command: Command, mark: str) -> Command:
        """Return the command, changed to run as root.

        Raises:
            SecretError: the host's sudo password cannot be resolved.
        """

    def environment(self, site: Site) -> tuple[dict[str, str], dict[str, str]]:
        """Return the variables that the site's configuration needs: plain ones, and secrets.

        Raises:
            SecretError: a value cannot be resolved.
        """

    def for_site(self, site: Site, commands: Iterable[Command]) -> tuple[Command, ...]:
        """Return the commands with the site's `environment`."""

    def limit(self, seconds: int) -> int:
        """Return the seconds that one reading may take: at most `limits.step`."""


@dataclass(frozen=True, slots=True)
class SshRemote:
    """A host over SSH, through the driver."""

    host: Host
    workspace: Workspace
    pool: Pool
    redactor: Redactor
    timeouts: Timeouts
    endpoint: Endpoint
    cleaned: set[tuple[str, int | None, str | None]] = field(default_factory=set)
    """Address, port and login of the hosts on which this process has collected garbage."""

    @property
    def is_connected(self) -> bool:
        """See `Remote`."""
        return self.pool.existing(self.endpoint) is not None

    def run(
        self,
        job: Job,
        *,
        on_event: Callable[[Event], None] | None = None,
        verdict: Judge | None = None,
        control: Control | None = None,
    ) -> JobRecord:
        """See `Remote`."""
        return run_job(
            self.pool,
            self.endpoint,
            job,
            on_event=on_event,
            verdict=verdict,
            control=control,
            limits=self.timeouts,
        )

    def attach(
        self,
        job: str,
        *,
        span: Span | None = None,
        verdict: Judge | None = None,
        control: Control | None = None,
    ) -> JobRecord | None:
        """See `Remote`."""
        return attach_job(
            self.pool,
            self.endpoint,
            job,
            span=span,
            verdict=verdict,
            control=control,
            limits=self.timeouts,
        )

    def acknowledge(self, job: str) -> None:
        """See `Remote`."""
        ack_job(self.pool, self.endpoint, job, limits=self.timeouts)

    def read(self, commands: Sequence[Command], *, cap: int = CAP) -> Mapping[str, CommandRecord]:
        """See `Remote`."""
        records = read(self.pool, self.endpoint, commands, limits=self.timeouts, cap=cap)
        if missing := [one.id for one in commands if one.id not in records]:
            raise HostError(
                f"{self.endpoint.called}: {len(missing)} of {len(commands)} commands did not run on the host",
                hint="does the host kill the shell? Check `ulimit -a` and the login's start-up files",
            )
        return records

    def stream(
        self, commands: Sequence[Command], sink: Callable[[str, bytes], object], *, ceiling: int
    ) -> Mapping[str, CommandRecord]:
        """See `Remote`."""
        limits = self.timeouts
        return stream(self.pool, self.endpoint, commands, sink, ceiling=ceiling, limits=limits)

    def upload(self, before: str, take: str, source: Source) -> Sent:
        """See `Remote`."""
        limits = self.timeouts
        return upload(
            self.pool,
            self.endpoint,
            before,
            take,
            source,
            silence=limits.silence,
            limit=limits.ending,
        )

    def sftp(self) -> AbstractContextManager[Transfer]:
        """See `Remote`."""
        return transfer(self.pool, self.endpoint, limits=self.timeouts)

    @contextmanager
    def fresh(self) -> Iterator[Remote]:
        """See `Remote`."""
        with Pool(logins=1) as pool:
            yield replace(self, pool=pool, timeouts=replace(self.timeouts, silence=_FRESH_SILENCE))

    def collect_garbage(self) -> None:
        """See `Remote`."""
        login = (self.host.address, self.host.port, self.host.user)
        if login not in self.cleaned:
            self.cleaned.add(login)
            collect_garbage(self.pool, self.endpoint, limits=self.timeouts)

    def with_sudo(self, command: Command, mark: str) -> Command:
        """See `Remote`."""
        return with_sudo(command, self.host, mark, self.redactor, self.workspace.folder)

    def environment(self, site: Site) -> tuple[dict[str, str], dict[str, str]]:
        """See `Remote`."""
        plain = {name: value for name, value in site.env.items() if isinstance(value, str)}
        references = {name: value for name, value in site.env.items() if isinstance(value, SecretRef)}
        folder = self.workspace.folder
        return plain, {name: self.redactor.resolve(ref, base=folder) for name, ref in references.items()}

    def for_site(self, site: Site, commands: Iterable[Command]) -> tuple[Command, ...]:
        """See `Remote`."""
        plain, secret = self.environment(site)
        if not plain and not secret:
            return tuple(commands)
        return tuple(
            replace(one, env={**plain, **one.env}, secret={**secret, **one.secret}) for one in commands
        )

    def limit(self, seconds: int) -> int:
        """See `Remote`."""
        return reading_limit(self.workspace, seconds)


def reading_limit(workspace: Workspace, seconds: int) -> int:
    """Return the seconds that one reading may take: at most `limits.step`."""
    return max(1, min(seconds, int(workspace.settings.limits.step.total_seconds())))
