"""Commands about windows: serve, tick, schedule."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import as_json, verbosity, with_variables, with_workspace
from runner.cli.output import emit_json, say, table
from runner.cli.screen import when_closed
from runner.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.cli.progress import Listener
    from runner.load import Workspace
    from runner.workflows.reload import Files
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Clock, Health

__all__ = ["schedule", "serve", "tick"]

_MAIL_SECONDS = 60.0
"""Between two looks into the outbox."""


@click.command()
@with_workspace
@with_variables
@verbosity
@as_json
def serve(workspace: Workspace, **options: Any) -> int:
    """Keep the windows of the inventory, until it is stopped.

    Files that change are read again before the next window. While one has mistakes, no window is started.

    Ctrl-C: the sites in hand are finished, then it ends. Trouble is printed each time that it changes. When
    no window can be kept any more (the ledger cannot be written for five minutes, another process took over,
    the clock stopped), it finishes what is in hand and exits with 1: a service manager may start it again.
    """
    from runner.workflows.reload import Files
    from runner.workflows.scheduler import Health
    from runner.workflows.scheduler import serve as keep

    stop = threading.Event()
    files = Files(workspace)
    with _clock(workspace, files) as (session, clock, works):
        tell = _listener(options)
        _stop_on_signal(stop, session)
        rescued = clock.rescue()
        _say_left(clock)
        if not options["quiet"]:
            for run in rescued:
                say(f"took up {run}, whose process had died")
            _say_next(workspace)
        health = Health(session, clock, files)
        health.ticking = threading.Thread(target=keep, args=(clock, stop, health), name="clock", daemon=True)
        health.ticking.start()
        threading.Thread(target=_mail, args=(files, session, stop), name="mail", daemon=True).start()
        watch = _Watch(health, session, stop)
        _tell_until(session, works, tell, stop, watch)
        tell.close()
    return ExitCode.UNEXPECTED if watch.given_up else ExitCode.OK


def _mail(files: Files, session: Session, stop: threading.Event) -> None:
    """Send reports again that a server has put off, until `serve` ends."""
    from runner.cli.report import say_waiting_mail

    while not stop.wait(_MAIL_SECONDS):
        say_waiting_mail(files.last, session.ledger)


class _Watch:
    """Prints the scheduler's trouble each time that it changes, and ends `serve` when it is final."""

    def __init__(self, health: Health, session: Session, stop: threading.Event) -> None:
        self._health, self._session, self._stop = health, session, stop
        self._told = ""
        self.given_up = False
        self._until = math.inf

    @property
    def patient(self) -> bool:
        """Whether the sites in hand are still waited for."""
        return time.monotonic() < self._until

    def __call__(self) -> None:
        if self._stop.is_set():
            return
        trouble = self._health.trouble()
        said = trouble.said if trouble else ""
        if said != self._told:
            self._told = said
            say(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}  {said or 'all is well again'}")
        if trouble and trouble.final:
            say("serve ends, since it cannot keep its windows; start it again when the cause is gone")
            self.given_up = True
            self._until = time.monotonic() + self._health.farewell
            self._session.draining.set()
            self._stop.set()


@click.command()
@with_workspace
@with_variables
@verbosity
@as_json
def tick(workspace: Workspace, **options: Any) -> int:
    """Look once for windows that are due, run them, and end. For a timer of the system's own."""
    from runner.cli.report import say_waiting_mail

    with _clock(workspace) as (session, clock, works):
        tell = _listener(options)
        begun = set(clock.tick())
        _say_left(clock)
        for about, why in clock.troubles.items():
            say(f"{about}: {why}")
        stop = threading.Event()
        _stop_on_signal(stop, session)
        stop.set()
        locked = _tell_until(session, works, tell, stop)
        tell.close()
        say_waiting_mail(workspace, session.ledger)
        outcomes = [row.outcome for run in begun for row in session.ledger.site_rows(run)]
        from runner.model import Outcome, exit_code, first_code

        code = exit_code([outcome or Outcome.CANCELLED for outcome in outcomes], locked=locked)
        troubles = [ExitCode.UNEXPECTED for _ in clock.troubles]
        return first_code([code, *troubles, *(error.exit_code for error in clock.left.values())])


@click.group()
def schedule() -> None:
    """When the windows come."""


@schedule.command(name="next")
@with_workspace
@click.option("--from", "start", metavar="T", help="RFC 3339 instant. Default: now.")
@click.option(
    "--count", default=10, show_default=True, type=click.IntRange(1, 10_000), metavar="N", help="How many."
)
@as_json
def next_(workspace: Workspace, start: str | None, count: int, json_: bool) -> None:
    """The next openings of every window, in order of their start."""
    from runner.plan import next_windows

    found = next_windows(workspace.inventory, _instant(start), count)
    if json_:
        emit_json([due.as_json() for due in found])
        return
    table(
        ("starts (client's time)", "starts (UTC)", "window", "client", "sites"),
        [
            (
                f"{due.local:%a %Y-%m-%d %H:%M}",
                f"{due.starts:%Y-%m-%d %H:%M}",
                due.window,
                due.client,
                str(len(due.sites)),
            )
            for due in found
        ],
    )


@schedule.command(name="list")
@with_workspace
@click.option(
    "-n", "--count", default=20, show_default=True, type=click.IntRange(1), help="How many, newest first."
)
@as_json
def list_(workspace: Workspace, count: int, json_: bool) -> None:
    """Windows that were due, and what became of each: run, missed or skipped."""
    from runner.cli.show import reading_list

    ledger = reading_list(workspace)
    rows = [
        {
            "window": view.window,
            "client": view.client,
            "starts": view.starts.isoformat(),
            "closes": view.closes.isoformat(),
            "state": view.state.value,
            "run": view.run,
            "why": view.why,
        }
        for view in (ledger.list_windows(limit=count) if ledger else ())
    ]
    if json_:
        emit_json(rows)
    elif ledger and not rows:
        say("no window has been due yet; when the next ones are: sitecrew schedule next")
    elif ledger:
        heads = ("window", "client", "starts", "state", "run", "why")
        table(heads, [[str(row[key] or "") for key in heads] for row in rows])


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not an instant", hint="write 2026-11-24T01:00:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def _clock(workspace: Workspace, files: Files | None = None) -> Iterator[tuple[Session, Clock, Works]]:
    from runner.apply.session import Session
    from runner.record.operators import SCHEDULER
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Clock

    session = Session(workspace if workspace.operator else replace(workspace, operator=SCHEDULER))
    session.tell_recognised(session.recognised)
    try:
        works = Works(session)
        with when_closed(lambda: None):  # windows are kept, whether somebody reads it or not
            yield session, Clock(session, works, files.current if files else None), works
        works.close()
    finally:
        session.close()


def _listener(options: dict[str, Any]) -> Listener:
    from runner.cli.progress import Errors, JsonLines, Lines

    if options["json_"]:
        return JsonLines()
    return Errors() if options["quiet"] else Lines(verbose=options["verbose"])


def _stop_on_signal(stop: threading.Event, session: Session) -> None:
    def stopped(number: int, frame: object) -> None:  # noqa: ARG001
        session.draining.set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)


def _tell_until(
    session: Session, works: Works, tell: Listener, stop: threading.Event, watch: _Watch | None = None
) -> bool:
    """Tell until `stop` is set and nothing is in hand; True if a site was left to another run."""
    from queue import Empty

    from runner.cli.output import complain
    from runner.errors import SitecrewError

    locked = False

    def goes_on() -> bool:
        in_hand = bool(works.in_hand) and (watch is None or watch.patient)
        return not stop.is_set() or in_hand or not session.events.empty()

    while goes_on():
        if watch is not None:
            watch()
        try:
            event = session.events.get(timeout=0.2)
        except Empty:
            continue
        if isinstance(event, SitecrewError):
            complain(event)
        elif not isinstance(event, BaseException):
            tell(event)
            locked = locked or bool(event.data.get("locked"))
    return locked


def _say_left(clock: Clock) -> None:
    for run, why in clock.left.items():
        say(f"{run}, whose process had died, is not taken up: {why.with_hint}")


def _say_next(workspace: Workspace) -> None:
    from runner.plan import next_windows

    for due in next_windows(workspace.inventory, datetime.now(UTC), 1):
        say(f"keeping {len(workspace.inventory.windows)} windows; the next is {due.window} for {due.client}")
        say(f"  on {due.local:%A %d %B %Y at %H:%M} ({due.local.tzinfo})")
        return
    say("there are no windows in inventory.yaml; waiting for nothing")
