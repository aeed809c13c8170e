"""Follow one job across links: start or attach, decode, attach again at the exact offset, pass words on."""

from __future__ import annotations

import math
import random
import re
import threading
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
from runner.execute.answers import Answers, Budget, breach
from runner.execute.events import STATUSES, Awaiting, DiedError, Ended, JobRecord, Journal, number
from runner.execute.limits import Span
from runner.execute.link import ClosedError, CutError
from runner.execute.noshell import SilentShellError
from runner.execute.watch import Judge, Watch
from runner.execute.wire import command, opening
from runner.untrusted import sentence

if TYPE_CHECKING:
    from runner.execute.endpoint import Endpoint
    from runner.execute.link import Exec, Link
    from runner.execute.pool import Pool

__all__ = ["Follower"]


_PATIENCE = 3
"""Logins in a row whose shell does not reach our command, before the job is given up."""
_KNOCKS = 2
"""Logins whose shell does not reach our command, before a job that was not sent is given up."""
_FRUITLESS = 30
"""Execs in a row that bring nothing new of the job, before it is given up."""
_FEW = 5
"""Such execs, once they go on for longer than a cut may last."""
_STOPS = 20.0
"""Seconds within which a host stops a task that is cancelled."""
_NONCE = re.compile("[0-9a-f]{32}")


class _AgainError(Exception):
    """The host's follower gave up without cause: attach again over the same link."""


class Follower:
    """One job, across links."""

    def __init__(self, pool: Pool, endpoint: Endpoint, job: str, watch: Watch) -> None:
        self._pool, self._endpoint, self._job, self._watch = pool, endpoint, job, watch
        self._limits, self._control = watch.limits, watch.control
        self._journal: Journal | None = None
        self._exec: Exec | None = None
        self._begun = False
        """The host may have begun the job."""
        self._begun_before = False
        """Perhaps over an earlier link."""
        self._attached = False
        self._greeted = False
        self._decided = False
        """At the greeting of this link the host had its verdict already."""
        self._links = self._knocks = 0
        self._tries = 0
        self._fruitless = 0
        """Greetings since something was heard of the job."""
        self._alive_at = self._greeted_at = self._news_at = time.monotonic()
        limits = self._limits
        self._outages = limits.reattach
        """Seconds without a link that are still forgiven."""
        span = watch.span or Span(tasks=limits.job, rest=limits.ending)
        self._wait = span.wait
        self._rest = span.rest + span.wait + limits.margin
        """Seconds for what is left after a verdict or a cancel."""
        self._whole = span.tasks + span.rest + limits.margin
        self._budget = Budget(endpoint.called, limits, self._whole, received=limits.received + watch.flood)
        self._judging: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._held_at = 0.0

    def run(self, mode: str, body: str = "", secrets: str = "") -> JobRecord | None:
        """Follow over as many links as it takes."""
        if mode == "cancel":
            self._control.cancelled = time.monotonic()
        while True:
            try:
                link = self._pool.link(self._endpoint)
                record = self._follow(link, mode, body, secrets)
            except _AgainError:
                time.sleep(0.2)
            except ProtocolError as error:
                self._raise_failure()
                raise (self._lost(f"{error}; {error.hint}") if self._begun else error) from error
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
                mode, body, secrets = "attach", "", ""

    @property
    def may_have_begun(self) -> bool:
        """Whether the host may have begun the job."""
        return self._begun

    def _bear(self, error: CutError | UnreachableError) -> None:
        """Wait a moment before the next link, or give up."""
        if isinstance(error, UnreachableError) and not self._begun:
            if isinstance(error, SilentShellError) and self._knocks < _KNOCKS:
                return
            raise error
        if isinstance(error, SilentShellError) and self._links >= _PATIENCE and self._journal is None:
            raise self._lost(f"{error}; {error.hint}") from error
        if isinstance(error, NoShellError) and self._links == 1:
            raise error
        if isinstance(error, LoginRefusedError | HostKeyError | NoShellError):
            raise self._lost(str(error)) from error
        if isinstance(error, ClosedError) or time.monotonic() - self._alive_at > self._limits.reattach:
            if not self._begun:
                raise UnreachableError(
                    f"{self._endpoint.called}: the link breaks each time ({error})"
                ) from error
            raise self._lost(f"no link to it any more ({error})") from error
        time.sleep(min(0.05 * 2.0**self._tries, 5.0) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        self._tries += 1

    def _follow(self, link: Link, mode: str, body: str, secrets: str) -> JobRecord | None:
        """One exec, to the job's end or to the link's."""
        limits = self._limits
        if mode == "start" and not link.greeted:
            self._knock(link)
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
        exec_ = link.run(command(self._endpoint.shell), limit, data=start.data)
        self._begun_before = self._begun
        if mode == "start":
            self._sent()  # only now: of a text that did not leave whole nothing is run
        self._exec = exec_
        record = None
        try:
            answers = Answers(
                link, exec_, start.nonce, limits=limits, budget=self._budget, first=("hello", "error", "eof")
            )
            record = self._listen(answers, exec_, mode)
        finally:
            self._exec = None
            if record is None:
                exec_.close()
            else:
                link.linger(self._job, exec_)
        return record

    def _sent(self) -> None:
        """The job's time counts from here, not from the first knock."""
        if not self._begun:
            self._begun, self._alive_at = True, time.monotonic()
            self._budget.allow(self._whole)

    def _knock(self, link: Link) -> None:
        """Ask for the job before it is sent: a shell that may or may not reach our command gets none.

        Raises:
            SilentShellError: it was not reached in time; of this exec nothing can be begun.
            NoShellError, CutError, ProtocolError: as for the job itself.
        """
        self._knocks += 1
        limits, shell = self._limits, self._endpoint.shell
        start = opening("attach", self._job, beat=limits.beat, linger=0, shell=shell)
        exec_ = link.run(command(shell), limits.hello, data=start.data)
        self._budget.allow(limits.hello + limits.margin)
        first = ("hello", "error", "eof")
        answers = Answers(link, exec_, start.nonce, limits=limits, budget=self._budget, first=first)
        try:
            while not answers.greeted:
                answers.receive()
                answers.hear_noise(exec_.waiting_error())
        finally:
            exec_.close()

    def _listen(self, answers: Answers, exec_: Exec, mode: str) -> JobRecord | None:
        self._greeted = self._decided = False
        while True:
            pieces = answers.receive(self._wake())
            if not answers.greeted:
                answers.hear_noise(exec_.waiting_error())
            for piece in pieces:
                if isinstance(piece, bytes):
                    self._read(piece)
                elif piece.words == ("error", "absent") and mode != "start" and self._journal is None:
                    return None
                elif (record := self._hear(piece.words, exec_)) is not None:
                    return record
            if self._journal is not None and self._journal.ended is not None:
                return self._record([])
            self._judge()
            self._keep_time()

    def _keep_time(self) -> None:
        """While we look ourselves, the time is ours; after a cancel little of it is left."""
        if self._is_judging():
            self._budget.deadline = max(self._budget.deadline, time.monotonic() + self._rest)
        self._budget.deadline = min(self._budget.deadline, self._control.cancelled + self._rest + _STOPS)

    def _hear(self, words: tuple[str, ...], exec_: Exec) -> JobRecord | None:
        """One frame of the link."""
        match words:
            case ["hb"]:
                self._alive_at = time.monotonic()
                if self._alive_at - self._greeted_at > self._limits.beat / 2:
                    self._hear_news()
            case ["hello", how, nonce, state] if _NONCE.fullmatch(nonce):
                self._greeted, self._decided = True, state == "decided"
                self._greet(how, nonce)
                self._control.bind(exec_)
            case ["eof", "done", *rest]:
                return self._record(rest)
            case ["eof", "dead"]:
                raise self._died("its processes on the host were killed, or the host was restarted")
            case ["eof", _]:
                raise _AgainError
            case ["error", why]:
                raise self._refused(why)
            case _:
                raise breach(self._endpoint.called, f"says {sentence(' '.join(words), 60)!r}")
        return None

    def _greet(self, how: str, nonce: str) -> None:
        self._forgive()
        self._fruitless += 1
        stale = time.monotonic() - self._news_at > self._limits.reattach
        if self._fruitless > (_FEW if stale else _FRUITLESS):
            raise self._lost("the host greets each time, and then says nothing of it")
        self._begun = True
        if self._journal is None:
            limits = self._limits
            self._journal = Journal(
                nonce, cap=limits.output, kept=limits.kept, known=self._watch.tasks, frames=limits.frames
            )
            self._attached = how == "attached"

    def _forgive(self) -> None:
        """While there was no link the job may have ended: that time is not the host's, up to a limit."""
        self._greeted_at = time.monotonic()
        if self._links > 1:
            outage = min(self._greeted_at - self._alive_at, self._outages)
            self._outages -= outage
            self._budget.deadline += outage
        self._alive_at = self._greeted_at

    def _hear_news(self) -> None:
        self._news_at = time.monotonic()
        self._tries = self._fruitless = 0

    def _read(self, data: bytes) -> None:
        if self._journal is not None:
            self._alive_at = time.monotonic()
            self._hear_news()
            for event in self._journal.read(data):
                if isinstance(event, Awaiting):  # said once
                    self._budget.deadline += self._wait
                if self._watch.on_event is not None:
                    self._watch.on_event(event)
            if self._journal.exhausted:
                raise breach(self._endpoint.called, "sends frames without end")

    def _record(self, words: list[str]) -> JobRecord:
        """The outcome from the job's last frame, or from its tombstone."""
        journal = self._journal
        if journal is None:
            raise self._lost("it ended without a greeting")
        ended = journal.ended
        if ended is None:
            if not words or words[0] not in STATUSES:
                raise self._died("its record is empty or cut: was the disk full?")
            ended = Ended(words[0], number(words[1]) if len(words) > 1 else 0)
            if self._watch.on_event is not None:
                self._watch.on_event(ended)
        return self._told(ended.status)

    def _refused(self, why: str) -> Exception:
        if self._journal is not None or (why != "absent" and self._begun_before):
            return self._lost(f"the host says {sentence(why, 40)!r} of a job that had begun")
        reasons = {
            "body": "the job's text did not arrive whole, or the disk is full",
            "nofolder": "no folder to write in",
        }
        reason = reasons.get(why) or repr(sentence(why, 40))
        return JobRefusedError(
            f"{self._endpoint.called}: the host did not take the job: {reason}",
            hint="Nothing was begun. Look at free space, and at the rights of home, /var/tmp and /tmp.",
        )

    def _lost(self, why: str) -> LostError:
        return LostError(
            f"{self._endpoint.called}: how job {self._job[:12]} ended is not known: {why}",
            hint="Look at the site, and at `sitecrew show`. Then: sitecrew resume",
        )

    def _died(self, why: str) -> DiedError:
        lost = self._lost(why)
        return DiedError(str(lost), hint=lost.hint, record=self._told("died"))

    def _told(self, status: str) -> JobRecord:
        journal = self._journal
        return JobRecord(
            job=self._job,
            status=status,
            tasks=journal.tasks() if journal else {},
            decided=journal.decided if journal else None,
            lock=journal.lock if journal else None,
            attached=self._attached,
            links=self._links,
        )

    def _wake(self) -> float:
        """When to stop waiting for bytes: the dead man must be held off."""
        return self._held_at + self._pace() if self._is_judging() else math.inf

    def _pace(self) -> float:
        awaiting = self._journal.awaiting if self._journal else None
        return max(min(self._limits.wait, awaiting.seconds / 3), 0.2) if awaiting else self._limits.wait

    def _is_judging(self) -> bool:
        return self._judging is not None and self._judging.is_alive()

    def _judge(self) -> None:
        """Ask for the verdict once, and hold the dead man off while it is looked for."""
        self._raise_failure()
        awaiting = self._journal.awaiting if self._journal else None
        if awaiting is None or self._decided:
            return
        if self._judging is None and self._watch.verdict is not None:
            self._held_at = time.monotonic()
            self._judging = threading.Thread(
                target=self._ask, args=(self._watch.verdict, awaiting), daemon=True
            )
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
