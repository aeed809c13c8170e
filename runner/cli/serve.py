"""`serve` and `tick`: start maintenance windows when they are due."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runner.cli.options import as_json, verbosity, with_variables, with_workspace
from runner.cli.screen import when_closed
from runner.cli.signals import Stops, handle_signals
from runner.errors import ExitCode, SitecrewError
from runner.units import count

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.cli.log import Log
    from runner.load import Workspace
    from runner.workflows.announcer import Announcer
    from runner.workflows.notices import CrewNotifier
    from runner.workflows.reload import WorkspaceFiles
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Scheduler
    from runner.workflows.watch import CrewWatch

__all__ = ["serve", "tick"]

_MAIL_INTERVAL = 60.0
"""Seconds between two attempts to send queued reports."""
_ANNOUNCE_INTERVAL = 30.0
"""Seconds between two searches for openings to announce."""
_NOTICE_INTERVAL = 5.0
"""Seconds between two searches for something that the crew has to know."""
F = TypeVar("F", bound=Callable[..., Any])


def _log_format(command: F) -> F:
    """`--log-format`; `--json` is short for `--log-format json`."""
    return click.option(
        "--log-format",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Format of the log: text on stderr, or JSON lines on stdout, like --json.",
    )(command)


@click.command()
@with_workspace
@with_variables
@verbosity
@_log_format
@as_json
def serve(workspace: Workspace, **options: Any) -> int:
    """Run the scheduler: start maintenance windows when they are due, until it is stopped.

    Changed files are read again before the next window; SIGHUP reads them at once. While a file has mistakes,
    windows are started with the last version without mistakes.

    Press Ctrl-C once to finish the sites in progress and exit, twice to cancel them. SIGTERM is the same.
    Problems are logged when they appear, change and end. If no window can be started (the ledger could not be
    written for five minutes, another process has taken over, or the scheduler's thread has died), it finishes
    the sites in progress and exits with 1, for a service manager to restart it.
    """
    from runner.cli.prune import keep_pruning
    from runner.cli.service.monitor import Monitor, Reloads
    from runner.cli.service.notify import Notifier
    from runner.workflows.announcer import Announcer
    from runner.workflows.heartbeat import Heartbeat
    from runner.workflows.pruning import DailyPruning
    from runner.workflows.reload import WorkspaceFiles
    from runner.workflows.scheduler import Health
    from runner.workflows.scheduler import serve as run_scheduler
    from runner.workflows.watch import CrewWatch

    notifier, files = Notifier(), WorkspaceFiles(workspace)
    with _open_scheduler(workspace, files) as (session, scheduler, works):
        log = _open_log(options, session)
        reloads, stops = Reloads(files, log, notifier), Stops(session, works)
        health = Health(session, scheduler, files)
        health.heartbeat = Heartbeat(lambda: files.last)
        crew_notifier = _crew_notifier(session, files, scheduler)
        crew = CrewWatch(crew_notifier, files, health)
        monitor = Monitor(health, session, works, log=log, notifier=notifier, stop=stops.requested)
        with handle_signals(stops.interrupt, lambda: stops.hang_up(otherwise=reloads.request.set)):
            _recover_runs(scheduler, log)
            _log_next_window(workspace, log)
            stop = stops.requested
            health.ticking = _start_thread("scheduler", run_scheduler, scheduler, stop, health)
            _start_thread(
                "mail", _repeat, partial(_send_mail, files, session, log), _MAIL_INTERVAL, stop, log
            )
            _start_thread("notices", _repeat, partial(_notify, crew, log), _NOTICE_INTERVAL, stop, log)
            pruning = DailyPruning(session.ledger, scheduler, works, lambda: files.last)
            _start_thread("pruning", keep_pruning, pruning, stop, log)
            announcer = Announcer(session.ledger, lambda: files.last, crew_notifier.queue)
            announce = partial(_announce, announcer, log)
            _start_thread("announcements", _repeat, announce, _ANNOUNCE_INTERVAL, stop, log)

            def check() -> bool:
                reloads()
                monitor(files, scheduler)
                return monitor.may_wait

            _log_until_stopped(session, works, log, stops.requested, check)
        if monitor.given_up:
            _notify(crew, log)
    return ExitCode.UNEXPECTED if monitor.given_up else ExitCode.OK


def _crew_notifier(session: Session, files: WorkspaceFiles, scheduler: Scheduler) -> CrewNotifier:
    from runner.workflows.notices import CrewNotifier

    return CrewNotifier(
        session.ledger,
        lambda: files.last,
        lambda: scheduler.not_resumed,
        lambda: scheduler.approvals.planning,
    )


def _recover_runs(scheduler: Scheduler, log: Log) -> None:
    """Take over the runs of dead processes, and log what was done with each."""
    from runner.cli.log import LogEvent

    for one in scheduler.recover_runs():
        word = "resumed" if one.resumed else "settled"
        log.write(LogEvent.RUN_RECOVERED, f"{one.run}: {word}; its process had died", run=one.run)
    _log_not_resumed(scheduler, log)


def _start_thread(name: str, target: Callable[..., object], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
    thread.start()
    return thread


def _repeat(work: Callable[[], object], every: float, stop: threading.Event, log: Log) -> None:
    """Call a function in intervals until `stop` is set; an error is logged and does not end it."""
    from runner.hosts.boundary import UnexpectedError, repeat

    def report(error: Exception | None) -> None:
        if error is not None:
            log.error(error if isinstance(error, SitecrewError) else UnexpectedError.of(error))

    if not stop.wait(every):
        repeat(work, every=every, until=stop, report=report)


def _send_mail(files: WorkspaceFiles, session: Session, log: Log) -> None:
    """Try to send queued reports."""
    from runner.cli.log import LogEvent
    from runner.cli.report import send_queued_reports

    send_queued_reports(files.last, session.ledger, partial(log.write, LogEvent.MAIL))


def _announce(announcer: Announcer, log: Log) -> None:
    """Announce openings to clients."""
    from runner.cli.announce import announce_due
    from runner.cli.log import LogEvent

    announce_due(announcer, partial(log.write, LogEvent.ANNOUNCEMENT))


def _notify(crew: CrewWatch, log: Log) -> None:
    """Notify the crew of what is due."""
    from runner.cli.log import LogEvent
    from runner.cli.output import print_attempts

    crew.turn(partial(print_attempts, write=partial(log.write, LogEvent.NOTICE)))


@click.command()
@with_workspace
@with_variables
@verbosity
@_log_format
@as_json
def tick(workspace: Workspace, **options: Any) -> int:
    """Run due maintenance windows once and exit. For a cron job or systemd timer."""
    from runner.cli.announce import announce_due
    from runner.cli.log import Level, LogEvent
    from runner.cli.notify import send_due_notices
    from runner.cli.prune import prune_if_due
    from runner.cli.report import send_queued_reports
    from runner.hosts.boundary import within
    from runner.model import Outcome, exit_code, first_code
    from runner.workflows.announcer import Announcer
    from runner.workflows.notices import CrewNotifier
    from runner.workflows.pruning import DailyPruning

    with _open_scheduler(workspace) as (session, scheduler, works):
        log, stops = _open_log(options, session), Stops(session, works)
        with handle_signals(stops.interrupt, stops.hang_up):
            started = set(scheduler.tick())
            if scheduler.approvals.wait(stops.requested):
                started |= set(scheduler.tick())  # approved plans are checked now
            _log_not_resumed(scheduler, log)
            for about, why in scheduler.problems.items():
                log.write(LogEvent.PROBLEM, f"{about}: {why}", Level.WARNING, final=False)
            locked = _log_until_stopped(session, works, log, None, lambda: True)
        send_queued_reports(workspace, session.ledger, partial(log.write, LogEvent.MAIL))
        notify = CrewNotifier(session.ledger, lambda: workspace).queue
        announcer = Announcer(session.ledger, lambda: workspace, notify)
        announce_due(announcer, partial(log.write, LogEvent.ANNOUNCEMENT))
        send_due_notices(workspace, session, scheduler, partial(log.write, LogEvent.NOTICE))
        pruning = DailyPruning(session.ledger, scheduler, works, lambda: workspace)
        within(partial(prune_if_due, pruning, threading.Event(), log))
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


def _open_log(options: dict[str, Any], session: Session) -> Log:
    from runner.cli.log import Log, LogFormat

    return Log(
        as_json=options["json_"] or options["log_format"] == LogFormat.JSON,
        quiet=options["quiet"],
        verbose=options["verbose"],
        redact=session.redactor.redact,
    )


def _log_until_stopped(
    session: Session,
    works: Works,
    log: Log,
    stop: threading.Event | None,
    check: Callable[[], bool],
) -> bool:
    """Log events until `stop` is set (None: at once) and no run is in progress.

    Args:
        session: of this process.
        works: executes the runs.
        log: where events are written.
        stop: set when no further run is started.
        check: called several times a second; False to leave the sites in progress.

    Returns:
        Whether a site was locked.
    """
    from runner.cli.progress.listener import Safe

    locked, listener = False, Safe(log)

    def is_busy() -> bool:
        running = check() and bool(works.in_hand)
        return running or not (stop is None or stop.is_set()) or not session.events.empty()

    while is_busy():
        try:
            event = session.events.get(timeout=0.2)
        except Empty:
            listener.tick()
            continue
        if isinstance(event, SitecrewError):
            log.error(event)
        elif not isinstance(event, BaseException):
            listener(event)
            locked = locked or bool(event.data.get("locked"))
    check()  # `stop` may have been set after the last one
    return locked


def _log_not_resumed(scheduler: Scheduler, log: Log) -> None:
    from runner.cli.log import Level, LogEvent

    for run, why in scheduler.not_resumed.items():
        message = f"{run}: not resumed, although its process has died: {why.with_hint}"
        log.write(LogEvent.RUN_NOT_RECOVERED, message, Level.ERROR, run=run)


def _log_next_window(workspace: Workspace, log: Log) -> None:
    from runner.cli.log import LogEvent
    from runner.plan import next_windows

    windows = count(len(workspace.inventory.windows), "window")
    for due in next_windows(workspace.inventory, datetime.now(UTC), 1):
        message = (
            f"{windows}; the next is {due.window} for {due.client}"
            f" on {due.local:%A %Y-%m-%d %H:%M} ({due.local.tzinfo})"
        )
        log.write(LogEvent.STARTED, message, next=due.as_json())
        return
    log.write(LogEvent.STARTED, "there are no windows in the inventory: nothing to do", next=None)
