"""Run a job to its known outcome: start or attach, follow, attach again after a cut, pass words on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from runner.errors import (
    HostKeyError,
    JobRefusedError,
    LoginRefusedError,
    LostError,
    NoShellError,
    UnreachableError,
)
from runner.execute.events import Awaiting, Ended, Event, JobRecord, Journal
from runner.execute.frames import Decoder, Frame
from runner.execute.link import CutError
from runner.execute.wire import command, opening

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.job import Job
    from runner.execute.link import Exec, Link
    from runner.execute.pool import Pool

__all__ = ["Control", "Limits", "Verdict", "ack_job", "attach_job", "run_job", "tell_job"]

Verdict: TypeAlias = Literal["keep", "undo"]
Word: TypeAlias = Literal["keep", "undo", "cancel"]
OnEvent: TypeAlias = Callable[[Event], None]
Judge: TypeAlias = Callable[[Awaiting], Verdict | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, where not said otherwise."""

    hello: float = 20.0
    """Until the host's first answer on an exec."""
    silence: float = 60.0
    """Without a byte, not even a heartbeat: the link is taken for dead."""
    beat: int = 10
    """Between the host's heartbeats."""
    reattach: float = 300.0
    """After a cut, until the job is given up as lost."""
    wait: float = 10.0
    """Between the words that hold the dead man off while we look."""
    linger: int = 30
    """How long the host keeps the exec of a job that is over, for `ack`."""
    output: int = 1 << 20
    """Bytes of output kept of each task."""


class Control:
    """Speaks to a job that another thread follows. Words outlive cut links."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._words: list[str] = []
        self._exec: Exec | None = None

    def cancel(self) -> None:
        """Stop the running task, skip the others, clean up."""
        self.say("cancel")

    def say(self, word: Word) -> None:
        """Send now, and again on every later link: the host heeds the first of them only."""
        with self._lock:
            self._words.append(word)
            self._send(word)

    def hold(self) -> None:
        """Restart the dead man's timer."""
        with self._lock:
            self._send("wait")

    def bind(self, exec_: Exec | None) -> None:
        """The exec that takes words from now on; it gets what has been said."""
        with self._lock:
            self._exec = exec_
            for word in self._words:
                self._send(word)

    def _send(self, word: str) -> None:
        if self._exec is not None:
            try:
                self._exec.send(f"{word}\n".encode(), 10.0)
            except CutError:
                self._exec = None


def run_job(
    pool: Pool,
    endpoint: Endpoint,
    job: Job,
    *,
    on_event: OnEvent | None = None,
    verdict: Judge | None = None,
    control: Control | None = None,
    limits: Limits | None = None,
) -> JobRecord:
    """Do the job, or join it where it has been begun, and return its outcome.

    `on_event` sees every event from the job's beginning, also those from before this call; it runs in this thread and
    its exceptions go to the caller, while the job goes on. `verdict` is called in a thread of its own when the job
    waits; what it raises goes to the caller and is never a verdict: the host then decides by itself. None from it
    leaves the decision to the host too.

    Raises:
        UnreachableError: (and kin) nothing was begun.
        JobRefusedError: the host would not take the job; nothing was begun.
        LostError: it may have been begun, and what came of it is not known.
    """
    follower = _Follower(pool, endpoint, job.id, on_event, verdict, control or Control(), limits or Limits())
    record = follower.run("start", job.body(), job.secrets())
    if record is None:
        raise LostError(f"{endpoint.called}: job {job.id} vanished")
    return record


def attach_job(
    pool: Pool,
    endpoint: Endpoint,
    job_id: str,
    *,
    on_event: OnEvent | None = None,
    verdict: Judge | None = None,
    control: Control | None = None,
    limits: Limits | None = None,
) -> JobRecord | None:
    """Join a job without starting it; None when the host knows of no such job: nothing of it has ever run.

    Raises:
        UnreachableError: no connection.
        LostError: it was begun, and what came of it is not known.
    """
    follower = _Follower(pool, endpoint, job_id, on_event, verdict, control or Control(), limits or Limits())
    return follower.run("attach")


def tell_job(
    pool: Pool,
    endpoint: Endpoint,
    job_id: str,
    word: Word,
    *,
    on_event: OnEvent | None = None,
    limits: Limits | None = None,
) -> JobRecord | None:
    """Say keep, undo or cancel to a job over an exec of its own, and follow it to its end. Otherwise as `attach_job`."""
    follower = _Follower(pool, endpoint, job_id, on_event, None, Control(), limits or Limits())
    return follower.run(word)


def ack_job(pool: Pool, endpoint: Endpoint, job_id: str, *, confirm: bool = False) -> None:
    """The outcome is on record here: the host forgets everything but that the job is done.

    Costs nothing where the job's exec is still open. It may be lost with a link: then the host's garbage is collected
    some day. With `confirm` it is asked for over an exec of its own.

    Raises:
        UnreachableError: no connection, where an exec of its own was needed.
        CutError: with `confirm`, the answer did not come.
    """
    link = pool.existing(endpoint)
    kept = link.lingering(job_id) if link else None
    if kept is not None:
        try:
            kept.send(b"ack\n", 10.0)
        except CutError:
            kept = None
        else:
            kept.close()
    if kept is None or confirm:
        _ask(pool.link(endpoint), endpoint, job_id)


def _ask(link: Link, endpoint: Endpoint, job_id: str) -> None:
    start = opening("ack", job_id, shell=endpoint.shell)
    exec_ = link.run(command(endpoint.shell), 20.0)
    try:
        exec_.send(start.data, 20.0)
        while exec_.receive(20.0):
            pass
    finally:
        exec_.close()


class _AgainError(Exception):
    """The host's follower gave up without cause: attach again over the same link."""


class _Follower:
    """One job, across links."""

    def __init__(
        self,
        pool: Pool,
        endpoint: Endpoint,
        job: str,
        on_event: OnEvent | None,
        verdict: Judge | None,
        control: Control,
        limits: Limits,
    ) -> None:
        self._pool, self._endpoint, self._job = pool, endpoint, job
        self._on_event, self._verdict, self._control, self._limits = on_event, verdict, control, limits
        self._journal: Journal | None = None
        self._exec: Exec | None = None
        self._begun = False
        """The host may have begun the job."""
        self._attached = False
        self._links = 0
        self._tries = 0
        self._alive_at = time.monotonic()
        self._judging: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._held_at = 0.0

    def run(self, mode: str, body: bytes = b"", secrets: str = "") -> JobRecord | None:
        """Follow over as many links as it takes."""
        while True:
            try:
                link = self._pool.link(self._endpoint)
                record = self._follow(link, mode, body, secrets)
            except _AgainError:
                time.sleep(0.2)
            except (CutError, UnreachableError) as error:
                self._raise_failure()
                self._bear(error)
            else:
                if self._judging is not None:
                    self._judging.join()
                return record
            finally:
                self._control.bind(None)
            if self._journal is not None and mode == "start":
                mode, body, secrets = "attach", b"", ""

    def _bear(self, error: CutError | UnreachableError) -> None:
        """Wait a moment before the next link, or give up."""
        if isinstance(error, UnreachableError) and not self._begun:
            raise error
        if isinstance(error, NoShellError) and self._links == 1:
            raise error
        if isinstance(error, LoginRefusedError | HostKeyError | NoShellError):
            raise self._lost(str(error)) from error
        if time.monotonic() - self._alive_at > self._limits.reattach:
            if not self._begun:
                raise UnreachableError(
                    f"{self._endpoint.called}: the link breaks each time ({error})"
                ) from error
            raise self._lost(f"no link for {self._limits.reattach:.0f} s ({error})") from error
        time.sleep(min(0.05 * 2.0**self._tries, 5.0) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._tries += 1

    def _follow(self, link: Link, mode: str, body: bytes, secrets: str) -> JobRecord | None:
        """One exec, to the job's end or to the link's."""
        limits = self._limits
        start = opening(
            mode,
            self._job,
            body=body,
            secrets=secrets,
            offset=self._journal.offset if self._journal else 0,
            beat=limits.beat,
            linger=limits.linger,
            shell=self._endpoint.shell,
        )
        exec_ = link.run(command(self._endpoint.shell), limits.hello)
        self._exec = exec_
        self._links += 1
        record = None
        try:
            exec_.send(start.data, limits.hello + len(body) / 50_000)
            self._begun |= mode == "start"
            record = self._listen(link, exec_, Decoder(start.nonce), mode)
        finally:
            self._exec = None
            if record is None:
                exec_.close()
            else:
                link.linger(self._job, exec_)
        return record

    def _listen(self, link: Link, exec_: Exec, decoder: Decoder, mode: str) -> JobRecord | None:
        heard = time.monotonic()
        noise = b""
        greeted = decided = False
        while True:
            limit = self._limits.silence if greeted else self._limits.hello
            data = exec_.receive(self._patience(heard + limit))
            now = time.monotonic()
            if data is None and now >= heard + limit:
                link.close()
                raise CutError(f"nothing heard for {limit:.0f} s")
            if data:
                heard = self._alive_at = now
            elif data is not None:
                raise self._closed(exec_, noise, greeted=greeted)
            if data and not greeted:
                noise = (noise + data)[-2000:]
            noise = (noise + exec_.waiting_error())[-2000:]
            for piece in decoder.feed(data or b""):
                if isinstance(piece, bytes):
                    self._read(piece)
                    continue
                match piece.words:
                    case ["hello", how, nonce, state]:
                        greeted, decided = True, state == "decided"
                        self._greet(how, nonce)
                        self._control.bind(exec_)
                    case ["eof", "done", *words]:
                        return self._record(words)
                    case ["eof", "dead"]:
                        raise self._lost("its driver and warden were killed, or the host was restarted")
                    case ["eof", _]:
                        raise _AgainError
                    case ["error", why]:
                        return self._refused(why, mode)
            if self._journal is not None and self._journal.ended is not None:
                return self._record([])
            self._judge(decided=decided)

    def _greet(self, how: str, nonce: str) -> None:
        self._begun = True
        self._tries = 0
        if self._journal is None:
            self._journal = Journal(nonce, cap=self._limits.output)
            self._attached = how == "attached"

    def _read(self, data: bytes) -> None:
        if self._journal is not None:
            for event in self._journal.read(data):
                if self._on_event is not None:
                    self._on_event(event)

    def _record(self, words: list[str]) -> JobRecord:
        """The outcome from the job's last frame, or from its tombstone."""
        journal = self._journal
        if journal is None:
            raise self._lost("it ended without a greeting")
        ended = journal.ended
        if ended is None:
            if not words:
                raise self._lost("its record is empty: was the disk full?")
            ended = Ended(words[0], int(words[1]) if len(words) > 1 and words[1].isdigit() else 0)
            if self._on_event is not None:
                self._on_event(ended)
        return JobRecord(
            job=self._job,
            status=ended.status,
            tasks=journal.tasks(),
            decided=journal.decided,
            lock=journal.lock,
            attached=self._attached,
            links=self._links,
        )

    def _refused(self, why: str, mode: str) -> None:
        if self._journal is not None or (why != "absent" and self._links > 1):
            raise self._lost(f"the host says {why} of a job that had begun")
        if why == "absent" and mode != "start":
            return
        reasons = {
            "body": "the job's text did not arrive whole, or the disk is full",
            "nofolder": "no folder to write in",
        }
        raise JobRefusedError(
            f"{self._endpoint.called}: the host did not take the job: {reasons.get(why, why)}",
            hint="Nothing was begun. Look at free space and at the rights of the home folder, /var/tmp and /tmp.",
        )

    def _closed(self, exec_: Exec, noise: bytes, *, greeted: bool) -> Exception:
        """The exec ended: no shell there, where it ended by itself without a greeting; else the link."""
        if not greeted and exec_.exit_status(2.0) is not None:
            said = noise.decode("utf-8", "replace").strip()[-200:]
            return NoShellError(
                f"{self._endpoint.called}: no POSIX shell for this account: {said!r}",
                hint="An account that may only use sftp cannot be worked with; ask the provider for shell access.",
            )
        return CutError("the exec ended")

    def _lost(self, why: str) -> LostError:
        return LostError(
            f"{self._endpoint.called}: the outcome of job {self._job} is not known: {why}",
            hint="Nothing else is done to this site before that is known. Type: sitecrew resume RUN",
        )

    def _patience(self, until: float) -> float:
        """How long to wait for bytes: until the silence is too long, or it is time to hold the dead man off."""
        now = time.monotonic()
        if self._is_judging():
            until = min(until, self._held_at + self._pace())
        return max(until - now, 0.01)

    def _pace(self) -> float:
        awaiting = self._journal.awaiting if self._journal else None
        return min(self._limits.wait, awaiting.seconds / 3) if awaiting else self._limits.wait

    def _is_judging(self) -> bool:
        return self._judging is not None and self._judging.is_alive()

    def _judge(self, *, decided: bool) -> None:
        """Ask for the verdict once, and hold the dead man off while it is looked for."""
        self._raise_failure()
        awaiting = self._journal.awaiting if self._journal else None
        if awaiting is None or decided:
            return
        if self._judging is None and self._verdict is not None:
            self._held_at = time.monotonic()
            self._judging = threading.Thread(target=self._ask, args=(self._verdict, awaiting), daemon=True)
            self._judging.start()
        elif self._is_judging() and time.monotonic() - self._held_at >= self._pace():
            self._held_at = time.monotonic()
            self._control.hold()

    def _ask(self, verdict: Judge, awaiting: Awaiting) -> None:
        try:
            word = verdict(awaiting)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            self._failure = error
            exec_ = self._exec
            if exec_ is not None:
                exec_.close()
        else:
            if word is not None:
                self._control.say(word)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
