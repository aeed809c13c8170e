"""`serve` and `tick`: start maintenance windows when they are due."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from queue import Empty
from typing import TYPE_CHECKING, Any

import click

from runner.cli.errors import complain
from runner.cli.notify import print_notice
from runner.cli.options import as_json, verbosity, with_variables, with_workspace
from runner.cli.screen import say, when_closed
from runner.errors import ExitCode, SitecrewError
from runner.units import count, local

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.cli.progress.base import Listener
    from runner.load import Workspace
    from runner.workflows.reload import WorkspaceFiles
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Health, Scheduler
    from runner.workflows.watch import CrewWatch

__all__ = ["serve", "tick"]

_MAIL_INTERVAL = 60.0
"""Seconds between two attempts to send queued reports."""
_NOTICE_INTERVAL = 5.0
"""Seconds between two searches for something that the crew has to know."""


@click.command()
@with_workspace
@with_variables
@verbosity
@as_json
def serve(workspace: Workspace, **options: Any) -> int:
    """Run the scheduler: start maintenance windows when they are due, until it is stopped.

    Changed files are read again before the next window. While a file has mistakes, no window is started.

    Press Ctrl-C to finish the sites in progress and exit. Problems are printed when they appear, change and
    end. If no window can be started (the ledger could not be written for five minutes, another process has
    taken over, or the scheduler's thread has died), it finishes the sites in progress and exits with 1, for a
    service manager to restart it.
    """
    from runner.workflows.heartbeat import Heartbeat
    from runner.workflows.notices import CrewNotifier
    from runner.workflows.reload import WorkspaceFiles
    from runner.workflows.scheduler import Health
    from runner.workflows.scheduler import serve as run_scheduler
    from runner.workflows.watch import CrewWatch

    stop = threading.Event()
    files = WorkspaceFiles(workspace)
    with _open_scheduler(workspace, files) as (session, scheduler, works):
        print_event = _listener(options)
        _stop_on_signal(stop, session)
        resumed = scheduler.recover_runs()
        _print_not_resumed(scheduler)
        if not options["quiet"]:
            for run in resumed:
                say(f"{run}: resumed; its process had died")
            _print_next_window(workspace)
        health = Health(session, scheduler, files)
        health.heartbeat = Heartbeat(lambda: files.last)
        notifier = CrewNotifier(session.ledger, lambda: files.last, lambda: scheduler.not_resumed)
        crew = CrewWatch(notifier, files, health)
        health.ticking = threading.Thread(
            target=run_scheduler, args=(scheduler, stop, health), name="scheduler", daemon=True
        )
        health.ticking.start()
        threading.Thread(target=_send_mail, args=(files, session, stop), name="mail", daemon=True).start()
        threading.Thread(target=_notify, args=(crew, stop), name="notices", daemon=True).start()
        monitor = _HealthMonitor(health, session, stop)
        _print_until_stopped(session, works, print_event, stop, monitor)
        print_event.close()
        if monitor.given_up:
            crew.turn(print_notice)
    return ExitCode.UNEXPECTED if monitor.given_up else ExitCode.OK


def _send_mail(files: WorkspaceFiles, session: Session, stop: threading.Event) -> None:
    """Retry queued reports until `stop` is set."""
    from runner.cli.report import send_queued_reports

    while not stop.wait(_MAIL_INTERVAL):
        send_queued_reports(files.last, session.ledger)


def _notify(crew: CrewWatch, stop: threading.Event) -> None:
    """Notify the crew until `stop` is set."""
    while not stop.wait(_NOTICE_INTERVAL):
        crew.turn(print_notice)


class _HealthMonitor:
    """Prints problems of the scheduler when they change, and stops `serve` when one is final."""

    def __init__(self, health: Health, session: Session, stop: threading.Event) -> None:
        self._health, self._session, self._stop = health, session, stop
        self._printed = ""
        self.given_up = False
        self._deadline = math.inf

    @property
    def may_wait(self) -> bool:
        """Whether there is time left to finish the sites in progress."""
        return time.monotonic() < self._deadline

    def __call__(self) -> None:
        if self._stop.is_set():
            return
        problem = self._health.problem()
        text = problem.text if problem else ""
        if text != self._printed:
            self._printed = text
            say(f"{local(datetime.now(UTC), seconds=True)}  {text or 'the scheduler is working again'}")
        if problem and problem.final:
            say("serve exits: it can no longer start windows; start it again when the cause is fixed")
            self.given_up = True
            self._deadline = time.monotonic() + self._health.finish_limit
            self._session.draining.set()
            self._stop.set()


@click.command()
@with_workspace
@with_variables
@verbosity
@as_json
def tick(workspace: Workspace, **options: Any) -> int:
    """Run due maintenance windows once and exit. For a cron job or systemd timer."""
    from runner.cli.notify import send_due_notices
    from runner.cli.report import send_queued_reports
    from runner.model import Outcome, exit_code, first_code

    with _open_scheduler(workspace) as (session, scheduler, works):
        print_event = _listener(options)
        started = set(scheduler.tick())
        _print_not_resumed(scheduler)
        for about, why in scheduler.problems.items():
            say(f"{about}: {why}")
        stop = threading.Event()
        _stop_on_signal(stop, session)
        stop.set()
        locked = _print_until_stopped(session, works, print_event, stop)
        print_event.close()
        send_queued_reports(workspace, session.ledger)
        send_due_notices(workspace, session, scheduler)
        outcomes = [row.outcome for run in started for row in session.ledger.sites.list(run)]
        code = exit_code([outcome or Outcome.CANCELLED for outcome in outcomes], locked=locked)
        problems = [ExitCode.UNEXPECTED for _ in scheduler.problems]
        return first_code([code, *problems, *(error.exit_code for error in scheduler.not_resumed.values())])


@contextmanager
def _open_scheduler(
    workspace: Workspace, files: WorkspaceFiles | None = None
) -> Iterator[tuple[Session, Scheduler, Works]]:
    from runner.apply.session import Session
    from runner.record.operators import SCHEDULER
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Scheduler

    session = Session(workspace if workspace.operator else replace(workspace, operator=SCHEDULER))
    session.tell_recognised(session.recognised)
    try:
        works = Works(session)
        with when_closed(lambda: None):  # windows run whether or not the output can be written
            yield session, Scheduler(session, works, files.current if files else None), works
        works.close()
    finally:
        session.close()


def _listener(options: dict[str, Any]) -> Listener:
    from runner.cli.progress.json_lines import JsonLines
    from runner.cli.progress.lines import Errors, Lines

    if options["json_"]:
        return JsonLines()
    return Errors() if options["quiet"] else Lines(verbose=options["verbose"])


def _stop_on_signal(stop: threading.Event, session: Session) -> None:
    def stopped(number: int, frame: object) -> None:  # noqa: ARG001
        session.draining.set()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stopped)


def _print_until_stopped(
    session: Session,
    works: Works,
    print_event: Listener,
    stop: threading.Event,
    monitor: _HealthMonitor | None = None,
) -> bool:
    """Print events until `stop` is set and no run is in progress; return whether a site was locked."""
    locked = False

    def is_busy() -> bool:
        running = bool(works.in_hand) and (monitor is None or monitor.may_wait)
        return not stop.is_set() or running or not session.events.empty()

    while is_busy():
        if monitor is not None:
            monitor()
        try:
            event = session.events.get(timeout=0.2)
        except Empty:
            continue
        if isinstance(event, SitecrewError):
            complain(event)
        elif not isinstance(event, BaseException):
            print_event(event)
            locked = locked or bool(event.data.get("locked"))
    return locked


def _print_not_resumed(scheduler: Scheduler) -> None:
    for run, why in scheduler.not_resumed.items():
        say(f"{run}: not resumed, although its process has died: {why.with_hint}")


def _print_next_window(workspace: Workspace) -> None:
    from runner.plan import next_windows

    for due in next_windows(workspace.inventory, datetime.now(UTC), 1):
        say(f"{count(len(workspace.inventory.windows), 'window')}; the next is {due.window} for {due.client}")
        say(f"  on {due.local:%A %Y-%m-%d %H:%M} ({due.local.tzinfo})")
        return
    say("there are no windows in the inventory: nothing to do")
