"""A host in memory, for tests: it answers commands, runs jobs like the driver, and fails as a test asks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from runner.errors import LostError, UnreachableError
from runner.execute import (
    Awaiting,
    Command,
    CommandRecord,
    Control,
    DiedError,
    Event,
    Job,
    JobRecord,
    Sent,
    Source,
    Span,
)
from runner.hosts.fake_job import Answer, ControllerKilled, FakeJob, Fault, FaultKind
from runner.hosts.remote import CAP, reading_limit
from runner.load import Redactor
from runner.model import Host, SecretRef, Site

if TYPE_CHECKING:
    from runner.execute.sftp import Transfer
    from runner.execute.watch import Judge
    from runner.load import Workspace

__all__ = ["Answer", "Answers", "ControllerKilled", "FakeRemote", "Fault", "FaultKind"]

Reply: TypeAlias = Answer | str
"""An answer, or only its output."""
Answers: TypeAlias = Mapping[str, Reply | Callable[[Command], Reply]] | Callable[[Command], Reply]
"""Answers by command id, or what answers every command. A command without one exits with 0.

The check of a job has the id `look`, its cleanup `tidy`.
"""


class FakeRemote:
    """A `Remote` without a connection.

    Jobs, events and calls outlive the controller: a test resumes a run by calling the same code again.

    Args:
        host: the host's entry in the inventory.
        workspace: the workspace that the host belongs to.
        answers: how commands end.
        redactor: resolves secrets.
    """

    def __init__(
        self, host: Host, workspace: Workspace, answers: Answers, *, redactor: Redactor | None = None
    ) -> None:
        self.host, self.workspace = host, workspace
        self.redactor = redactor or Redactor()
        self.answers = answers
        self.jobs: dict[str, FakeJob] = {}
        """By id, in the order in which they were started."""
        self.events: list[Event] = []
        """Of all jobs."""
        self.calls: list[tuple[str, str]] = []
        """Names of the methods that reached the host, each with the job or the ids of the commands."""
        self.uploads: list[bytes] = []
        self.faults: list[Fault] = []
        """Those that have not happened yet."""
        self.failures: dict[str, list[BaseException]] = {}
        """By method, what its next calls raise before they reach the host."""
        self.offline = False
        """The host cannot be reached."""
        self.still_waits = False
        """A job without a controller waits until one attaches, instead of deciding by itself."""
        self.owners: dict[str, str] = {}
        """By directory of a lock, the other run that holds it, as `run/site`."""
        self.refuses = ""
        """The status of jobs that the host does not start, such as `nospace` or `nosite`."""

    @property
    def is_connected(self) -> bool:
        """See `Remote`."""
        return not self.offline

    def run(
        self,
        job: Job,
        *,
        on_event: Callable[[Event], None] | None = None,
        verdict: Judge | None = None,
        control: Control | None = None,
    ) -> JobRecord:
        """See `Remote`."""
        self._reach("run", job.id)
        known = self.jobs.get(job.id)
        if known is None:
            owner = self.owners.get(job.lock.site, "") if job.lock else ""
            owner = "" if job.lock and owner == job.lock.owner else owner
            self.jobs[job.id] = FakeJob(job, self.answer, owner=owner, refused=self.refuses)
        follower = _Follower(self, self.jobs[job.id], attached=known is not None)
        return follower.follow(on_event, verdict, control)

    def attach(
        self,
        job: str,
        *,
        span: Span | None = None,  # noqa: ARG002
        verdict: Judge | None = None,
        control: Control | None = None,
    ) -> JobRecord | None:
        """See `Remote`."""
        self._reach("attach", job)
        known = self.jobs.get(job)
        return _Follower(self, known, attached=True).follow(None, verdict, control) if known else None

    def acknowledge(self, job: str) -> None:
        """See `Remote`."""
        self._reach("acknowledge", job)
        if job in self.jobs:
            self.jobs[job].acknowledged = True

    def read(self, commands: Sequence[Command], *, cap: int = CAP) -> Mapping[str, CommandRecord]:  # noqa: ARG002
        """See `Remote`."""
        self._reach("read", " ".join(one.id for one in commands))
        return {one.id: self.answer(one).record(one) for one in commands}

    def stream(
        self,
        commands: Sequence[Command],
        sink: Callable[[str, bytes], object],
        *,
        ceiling: int,  # noqa: ARG002
    ) -> Mapping[str, CommandRecord]:
        """See `Remote`."""
        self._reach("stream", " ".join(one.id for one in commands))
        records = {one.id: self.answer(one).record(one) for one in commands}
        for name, record in records.items():
            sink(name, record.output)
        return {name: replace(record, output=b"") for name, record in records.items()}

    def upload(self, before: str, take: str, source: Source) -> Sent:
        """See `Remote`. The command `before` or `take` that fails decides."""
        self._reach("upload", "")
        if (first := self.answer(Command("before", before))).code:
            return Sent(first.code, first.output, 0)
        pipe = io.BytesIO()
        source(pipe)
        self.uploads.append(pipe.getvalue())
        taken = self.answer(Command("take", take))
        return Sent(taken.code, taken.output, len(pipe.getvalue()))

    def sftp(self) -> AbstractContextManager[Transfer]:
        """See `Remote`. A fake host has no SFTP server."""
        self._reach("sftp", "")
        raise UnreachableError(f"{self.host.name}: no SFTP server")

    @contextmanager
    def fresh(self) -> Iterator[FakeRemote]:
        """See `Remote`."""
        self._reach("fresh", "")
        yield self

    def collect_garbage(self) -> None:
        """See `Remote`."""
        self._reach("collect_garbage", "")

    def with_sudo(self, command: Command, mark: str) -> Command:  # noqa: ARG002
        """See `Remote`."""
        return command

    def environment(self, site: Site) -> tuple[dict[str, str], dict[str, str]]:
        """See `Remote`."""
        plain = {name: value for name, value in site.env.items() if isinstance(value, str)}
        secret = {name: value for name, value in site.env.items() if isinstance(value, SecretRef)}
        folder = self.workspace.folder
        return plain, {name: self.redactor.resolve(value, base=folder) for name, value in secret.items()}

    def for_site(self, site: Site, commands: Iterable[Command]) -> tuple[Command, ...]:
        """See `Remote`."""
        plain, secret = self.environment(site)
        return tuple(
            replace(one, env={**plain, **one.env}, secret={**secret, **one.secret}) for one in commands
        )

    def limit(self, seconds: int) -> int:
        """See `Remote`."""
        return reading_limit(self.workspace, seconds)

    def count(self, call: str) -> int:
        """Return how often a method reached the host."""
        return sum(name == call for name, _ in self.calls)

    def fires(self, *kinds: FaultKind) -> FaultKind | None:
        """Return the kind of the fault that happens at the last event, if it is one of these."""
        found = next((one for one in self.faults if one.kind in kinds and one.at <= len(self.events)), None)
        if found is not None:
            self.faults.remove(found)
        return found.kind if found else None

    def answer(self, command: Command) -> Answer:
        """Run a command."""
        table = self.answers
        found = table(command) if callable(table) else table.get(command.id, Answer())
        found = found(command) if callable(found) else found
        return Answer(output=found) if isinstance(found, str) else found

    def _reach(self, call: str, what: str) -> None:
        if self.failures.get(call):
            raise self.failures[call].pop(0)
        if self.offline:
            raise UnreachableError(f"cannot connect to {self.host.name}: connection refused")
        self.calls.append((call, what))


class _Follower:
    """One call that follows a job to its end."""

    def __init__(self, remote: FakeRemote, job: FakeJob, *, attached: bool) -> None:
        self._remote, self._job, self._attached = remote, job, attached
        self._links = 1

    def follow(
        self, on_event: Callable[[Event], None] | None, verdict: Judge | None, control: Control | None
    ) -> JobRecord:
        job = self._job
        if job.acknowledged:
            return job.record(attached=True)
        job.control = control
        try:
            for event in self._events():
                if on_event is not None:
                    on_event(event)
                if isinstance(event, Awaiting) and job.is_waiting and verdict is not None:
                    self._ask(verdict, event)
        except BaseException:
            self._leave()
            raise
        return job.record(attached=self._attached, links=self._links)

    def _events(self) -> Iterator[Event]:
        """Yield all events of the job: what the host has written, then what is new."""
        job, number = self._job, 0
        while True:
            if number < len(job.events):
                number += 1
                yield job.events[number - 1]
            elif job.ended:
                return
            elif job.dead:
                raise self._died()
            else:
                self._advance()
                self._suffer()

    def _advance(self) -> None:
        """Let the host write the next event; its processes may be killed there."""
        job, remote = self._job, self._remote
        remote.events.append(job.advance())
        match remote.fires(FaultKind.DIE, FaultKind.DIE_UNWRITTEN, FaultKind.DRIVER):
            case FaultKind.DIE:
                job.dead = not job.ended
            case FaultKind.DIE_UNWRITTEN:
                job.events.pop()
                job.dead = True
            case FaultKind.DRIVER if not job.ended:
                job.kill_driver()

    def _suffer(self) -> None:
        """Apply a fault of the connection or the controller at the last event."""
        match self._remote.fires(FaultKind.CUT, FaultKind.AWAY, FaultKind.LOST, FaultKind.KILL):
            case FaultKind.CUT:
                self._links += 1
            case FaultKind.AWAY:
                self._finish_alone()
                self._links += 1
            case FaultKind.LOST:
                raise LostError(f"{self._remote.host.name}: how job {self._job.job.id[:12]} ended is unknown")
            case FaultKind.KILL:
                raise ControllerKilled

    def _ask(self, verdict: Judge, event: Awaiting) -> None:
        late = self._remote.fires(FaultKind.LATE)
        if late:
            self._finish_alone()
        word = verdict(event)
        if not late:
            self._job.verdict = word or ""

    def _leave(self) -> None:
        """Let the job go on without a controller."""
        self._job.control = None
        self._finish_alone(until_waiting=self._remote.still_waits)

    def _finish_alone(self, *, until_waiting: bool = False) -> None:
        job = self._job
        while not (job.ended or job.dead or (until_waiting and job.is_waiting)):
            self._advance()

    def _died(self) -> DiedError:
        name, record = self._remote.host.name, self._job.record(attached=self._attached, links=self._links)
        return DiedError(f"{name}: all processes of job {self._job.job.id[:12]} were killed", record=record)
