"""Follow one job over any number of connections: start it or attach to it, and parse its events."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

from runner.errors import (
    HostKeyError,
    JobRefusedError,
    LoginRefusedError,
    LostError,
    NoShellError,
    ProtocolError,
    UnreachableError,
)
from runner.execute.answers import FIRST_OF_JOB, Answers, Budget, breach, unexpected_frame
from runner.execute.events import Awaiting, Ended, number
from runner.execute.journal import Journal, reported_status
from runner.execute.knock import knock
from runner.execute.limits import Span
from runner.execute.link import ClosedError, CutError
from runner.execute.noshell import SilentShellError
from runner.execute.records import DiedError, JobRecord
from runner.execute.statuses import JobStatus
from runner.execute.verdict import VerdictThread
from runner.execute.wire import opening, shell_command
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.link import Exec, Link
    from runner.execute.pool import Pool
    from runner.execute.watch import Watch

__all__ = ["Follower"]


_SILENT_LOGINS = 3
"""Logins in a row whose shell does not run our command, before the job is given up."""
_KNOCKS = 2
"""The same before the job was sent."""
_FRUITLESS = 30
"""Exec channels in a row without news of the job, before it is given up."""
_FRUITLESS_STALE = 5
"""The same once there has been no news for longer than `Timeouts.reattach`."""
_STOPS = 20.0
"""Seconds within which a host stops a command that is cancelled."""
_NONCE = re.compile("[0-9a-f]{32}")
_REFUSALS = {
    "body": "the job's text arrived incomplete, or the disk is full",
    "nofolder": "no writable directory",
}


class _AgainError(Exception):
    """The process that follows the job on the host ended early: attach again over the same connection."""


class Follower:
    """Follows one job."""

    def __init__(self, pool: Pool, endpoint: Endpoint, job: str, watch: Watch) -> None:
        self._pool, self._endpoint, self._job, self._watch = pool, endpoint, job, watch
        self._limits, self._control = watch.limits, watch.control
        self._journal: Journal | None = None
        self._exec: Exec | None = None
        self._may_have_started = False
        self._may_have_started_before = False
        """Over an earlier exec channel."""
        self._attached = False
        self._decided = False
        """The host had its verdict when this connection was greeted."""
        self._links = self._knocks = 0
        self._reconnects = 0
        self._fruitless = 0
        """Greetings since the last news of the job."""
        self._alive_at = self._greeted_at = self._news_at = time.monotonic()
        limits = self._limits
        self._outage_left = limits.reattach
        """Seconds without a connection that may still be added to the deadline."""
        span = watch.span or Span(tasks=limits.job, rest=limits.ending)
        self._wait = span.wait
        self._rest = span.rest + span.wait + limits.margin
        """Seconds from a verdict or a cancel to the job's end."""
        self._whole = span.tasks + span.rest + limits.margin
        self._budget = Budget(endpoint.called, limits, self._whole, received=limits.received + watch.flood)
        self._verdict = VerdictThread(watch.verdict, self._control, limits.wait, self._close_exec)

    def run(self, mode: str, body: str = "", secrets: str = "") -> JobRecord | None:
        """Follow the job to its end, reconnecting as often as needed; None if the host has no such job.

        `mode`: start, attach, keep, undo or cancel.
        """
        if mode == "cancel":
            self._control.cancelled = time.monotonic()
        while True:
            try:
                link = self._pool.link(self._endpoint)
                record = self._follow(link, mode, body, secrets)
            except _AgainError:
                time.sleep(0.2)
            except ProtocolError as error:
                self._verdict.raise_failure()
                raise (self._lost(f"{error}; {error.hint}") if self._may_have_started else error) from error
            except (CutError, UnreachableError) as error:
                self._verdict.raise_failure()
                self._wait_or_give_up(error)
            else:
                self._verdict.join()
                return record
            finally:
                self._control.bind(None)
            if self._journal is not None and mode == "start":
                mode, body, secrets = "attach", "", ""

    @property
    def may_have_started(self) -> bool:
        """Whether the host may have started the job."""
        return self._may_have_started

    def _wait_or_give_up(self, error: CutError | UnreachableError) -> None:
        """Wait before the next connection, or raise."""
        if isinstance(error, UnreachableError) and not self._may_have_started:
            if isinstance(error, SilentShellError) and self._knocks < _KNOCKS:
                return
            raise error
        if isinstance(error, SilentShellError) and self._links >= _SILENT_LOGINS and self._journal is None:
            raise self._lost(f"{error}; {error.hint}") from error
        if isinstance(error, NoShellError) and self._links == 1:
            raise error
        if isinstance(error, LoginRefusedError | HostKeyError | NoShellError):
            raise self._lost(str(error)) from error
        if isinstance(error, ClosedError) or time.monotonic() - self._alive_at > self._limits.reattach:
            if not self._may_have_started:
                raise UnreachableError(
                    f"{self._endpoint.called}: the connection keeps breaking ({error})"
                ) from error
            raise self._lost(f"cannot reconnect ({error})") from error
        time.sleep(min(0.05 * 2.0**self._reconnects, 5.0) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._reconnects += 1

    def _follow(self, link: Link, mode: str, body: str, secrets: str) -> JobRecord | None:
        """Follow over one exec channel, to the end of the job or of the connection."""
        limits = self._limits
        if mode == "start" and not link.greeted:
            self._knocks += 1
            knock(link, self._endpoint, self._job, limits, self._budget)
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
        self._links += 1
        limit = limits.hello + len(start.data) / 50_000
        exec_ = link.run(shell_command(self._endpoint.shell), limit, data=start.data)
        self._may_have_started_before = self._may_have_started
        if mode == "start":
            self._note_sent()  # not earlier: the host runs nothing of an incomplete text
        self._exec = exec_
        record = None
        try:
            answers = Answers(
                link, exec_, start.nonce, limits=limits, budget=self._budget, first=FIRST_OF_JOB
            )
            record = self._listen(answers, exec_, mode)
        finally:
            self._exec = None
            if record is None:
                exec_.close()
            else:
                link.linger(self._job, exec_)
        return record

    def _note_sent(self) -> None:
        """Start the job's time limit: the time before it was sent does not count."""
        if not self._may_have_started:
            self._may_have_started, self._alive_at = True, time.monotonic()
            self._budget.allow(self._whole)

    def _listen(self, answers: Answers, exec_: Exec, mode: str) -> JobRecord | None:
        self._decided = False
        while True:
            pieces = answers.receive(self._verdict.next_hold(self._awaiting))
            if not answers.greeted:
                answers.count_noise(exec_.waiting_error())
            for piece in pieces:
                if isinstance(piece, bytes):
                    self._read_events(piece)
                elif piece.words == ("error", "absent") and mode != "start" and self._journal is None:
                    return None
                elif (record := self._handle_frame(piece.words, exec_)) is not None:
                    return record
            if self._journal is not None and self._journal.ended is not None:
                return self._final_record([])
            self._verdict.raise_failure()
            if self._awaiting is not None and not self._decided:
                self._verdict.start_or_hold(self._awaiting)
            self._adjust_deadline()

    @property
    def _awaiting(self) -> Awaiting | None:
        return self._journal.awaiting if self._journal else None

    def _adjust_deadline(self) -> None:
        """Do not charge the host for the time of our own health check; after a cancel, leave little time."""
        if self._verdict.is_running:
            self._budget.deadline = max(self._budget.deadline, time.monotonic() + self._rest)
        self._budget.deadline = min(self._budget.deadline, self._control.cancelled + self._rest + _STOPS)

    def _handle_frame(self, words: tuple[str, ...], exec_: Exec) -> JobRecord | None:
        match words:
            case ["hb"]:
                self._alive_at = time.monotonic()
                if self._alive_at - self._greeted_at > self._limits.beat / 2:
                    self._note_news()
            case ["hello", how, nonce, state] if _NONCE.fullmatch(nonce):
                self._decided = state == "decided"
                self._handle_hello(how, nonce)
                self._control.bind(exec_)
            case ["eof", "done", *rest]:
                return self._final_record(rest)
            case ["eof", "dead"]:
                raise self._died("its processes on the host were killed, or the host was restarted")
            case ["eof", _]:
                raise _AgainError
            case ["error", why]:
                raise self._refused(why)
            case _:
                raise unexpected_frame(self._endpoint.called, words)
        return None

    def _handle_hello(self, how: str, nonce: str) -> None:
        self._extend_deadline_by_outage()
        self._fruitless += 1
        stale = time.monotonic() - self._news_at > self._limits.reattach
        if self._fruitless > (_FRUITLESS_STALE if stale else _FRUITLESS):
            raise self._lost("the host answers each connection and then sends nothing about the job")
        self._may_have_started = True
        if self._journal is None:
            limits = self._limits
            self._journal = Journal(
                nonce,
                cap=limits.output,
                kept=limits.kept,
                known=self._watch.commands,
                frames=limits.frames,
            )
            self._attached = how == "attached"

    def _extend_deadline_by_outage(self) -> None:
        """The job may have ended during the outage, so that time does not count, up to a limit."""
        self._greeted_at = time.monotonic()
        if self._links > 1:
            outage = min(self._greeted_at - self._alive_at, self._outage_left)
            self._outage_left -= outage
            self._budget.deadline += outage
        self._alive_at = self._greeted_at

    def _note_news(self) -> None:
        self._news_at = time.monotonic()
        self._reconnects = self._fruitless = 0

    def _read_events(self, data: bytes) -> None:
        if self._journal is not None:
            self._alive_at = time.monotonic()
            self._note_news()
            for event in self._journal.read(data):
                if isinstance(event, Awaiting):  # at most once
                    self._budget.deadline += self._wait
                if self._watch.on_event is not None:
                    self._watch.on_event(event)
            if self._journal.exhausted:
                raise breach(self._endpoint.called, "sent too many frames")

    def _final_record(self, words: list[str]) -> JobRecord:
        """The result from the job's last frame, or from its tombstone (`words`)."""
        journal = self._journal
        if journal is None:
            raise self._lost("the host reported its end without a greeting")
        ended = journal.ended
        if ended is None:
            status = reported_status(words[0]) if words else None
            if status is None:
                raise self._died("its record on the host is empty or incomplete: the disk may have been full")
            ended = Ended(status, number(words[1]) if len(words) > 1 else 0)
            if self._watch.on_event is not None:
                self._watch.on_event(ended)
        return self._record(ended.status)

    def _refused(self, why: str) -> Exception:
        if self._journal is not None or (why != "absent" and self._may_have_started_before):
            return self._lost(f"the host answered {sentence(why, 40)!r} after the job was started")
        reason = _REFUSALS.get(why) or repr(sentence(why, 40))
        return JobRefusedError(
            f"{self._endpoint.called}: the host refused the job: {reason}",
            hint="Nothing was started. Check free space and the permissions of the home directory,"
            " /var/tmp and /tmp.",
        )

    def _lost(self, why: str) -> LostError:
        return LostError(
            f"{self._endpoint.called}: the result of job {self._job[:12]} is unknown: {why}",
            hint="Check the site and the output of `sitecrew show`. Then: sitecrew resume",
        )

    def _died(self, why: str) -> DiedError:
        lost = self._lost(why)
        return DiedError(str(lost), hint=lost.hint, record=self._record(JobStatus.DIED))

    def _record(self, status: JobStatus) -> JobRecord:
        journal = self._journal
        return JobRecord(
            job=self._job,
            status=status,
            commands=journal.commands() if journal else {},
            decided=journal.decided if journal else None,
            lock=journal.lock if journal else None,
            attached=self._attached,
            links=self._links,
        )

    def _close_exec(self) -> None:
        exec_ = self._exec
        if exec_ is not None:
            exec_.close()
