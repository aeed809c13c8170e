"""Watch the scheduler of `serve`: log its problems, follow reloads, and keep systemd informed."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from runner.cli.log import Level, Log, LogEvent
from runner.cli.service.notify import Notifier, Watchdog
from runner.units import count, local

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.workflows.reload import WorkspaceFiles
    from runner.workflows.run import Works
    from runner.workflows.scheduler import Health, Scheduler

__all__ = ["Monitor", "Reloads"]


class Monitor:
    """Call it several times a second, from the main thread.

    Args:
        health: of the scheduler.
        session: of this process.
        works: executes the runs.
        log: where problems and reloads are written.
        notifier: sends messages to systemd.
        stop: set when `serve` is to exit; this object sets it if a problem is final.
    """

    def __init__(
        self,
        health: Health,
        session: Session,
        works: Works,
        *,
        log: Log,
        notifier: Notifier,
        stop: threading.Event,
    ) -> None:
        self._health, self._session, self._works = health, session, works
        self._log, self._notifier, self._stop = log, notifier, stop
        self._watchdog = Watchdog(notifier)
        self._printed = ""
        self._ready = self._stopping = False
        self._deadline = math.inf
        self.given_up = False
        """Whether the problem was final."""

    @property
    def may_wait(self) -> bool:
        """Whether there is time left to finish the sites in progress."""
        return time.monotonic() < self._deadline

    def __call__(self, files: WorkspaceFiles, scheduler: Scheduler) -> None:
        """Check everything once."""
        if not self._stop.is_set():
            self._check_health()
        if self._stop.is_set():
            self._finish()
            return
        if not self._health.ticks:
            return  # not ready before the first tick has completed
        if not self._ready:
            self._ready = True
            self._notifier.ready()
        self._watchdog(self._health.ticks)
        self._notifier.status(self._status(files, scheduler))

    def _check_health(self) -> None:
        problem = self._health.problem()
        text = problem.text if problem else ""
        if text != self._printed:
            self._printed = text
            if problem:
                level = Level.ERROR if problem.final else Level.WARNING
                self._log.write(LogEvent.PROBLEM, text, level, final=problem.final)
            else:
                self._log.write(LogEvent.RECOVERED, "the scheduler is working again")
        if problem and problem.final:
            self._log.write(
                LogEvent.STOPPING,
                "serve exits: it can no longer start windows; start it again when the cause is fixed",
                Level.ERROR,
            )
            self.given_up = True
            self._deadline = time.monotonic() + self._health.finish_limit
            self._session.draining.set()
            self._stop.set()

    def _finish(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._notifier.stopping()
            if not self.given_up:
                runs = f": finishing the sites of {self._runs()}" if self._works.in_hand else ""
                self._log.write(LogEvent.STOPPING, f"stopping{runs}")
        self._watchdog(time.monotonic())
        self._notifier.status(f"finishing {self._runs()}, starting no other sites")

    def _status(self, files: WorkspaceFiles, scheduler: Scheduler) -> str:
        """Return the problem, or the next window; and the runs in progress."""
        if self._printed:
            text = self._printed
        elif (opening := scheduler.next_opening) and opening.due > self._session.now():
            window, client = opening.planned.key
            text = f"next: {window} for {client}, {local(opening.due, zone=True)}"
        elif files.last.inventory.windows:
            text = "a window is due"
        else:
            text = "no windows in the inventory"
        return f"{text}; {self._runs()} in progress" if self._works.in_hand else text

    def _runs(self) -> str:
        return count(len(self._works.in_hand), "run")


class Reloads:
    """Follows the reloads of the workspace's files."""

    def __init__(self, files: WorkspaceFiles, log: Log, notifier: Notifier) -> None:
        self._files, self._log, self._notifier = files, log, notifier
        self._seen = 0
        self._requested: int | None = None
        """The number of reloads at the request that is waited for."""
        self.request = threading.Event()
        """Set by the handler of SIGHUP."""

    def __call__(self) -> None:
        """Pass on a request, and log a completed reload."""
        if self.request.is_set():
            self.request.clear()
            self._requested = self._files.reloads
            self._notifier.reloading()
            self._files.request()
        reloads = self._files.reloads
        if reloads > self._seen:
            self._seen = reloads
            if not self._files.problem:  # which is logged as a problem of the scheduler
                windows = count(len(self._files.last.inventory.windows), "window")
                self._log.write(LogEvent.RELOADED, f"the workspace has been reloaded: {windows}")
        if self._requested is not None and reloads > self._requested:
            self._requested = None
            self._notifier.ready()
