"""The scheduler: decides each due opening of a window once, as run, missed or skipped.

`runner.plan.schedules` computes when a window is due; the ledger's state shows what is decided, so that a
second scheduler, a crash or downtime changes nothing. The library `schedule` only provides the ticks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError
from runner.hosts.boundary import UnexpectedError, reported, within
from runner.inspect.durations import estimate_sites, missed_first
from runner.inspect.windows import window_row
from runner.model import Overlap
from runner.plan import blackouts_between, rings
from runner.plan.approval import Refusal
from runner.plan.schedules import Opening, Planned, planned
from runner.record import WhyNot, WindowState
from runner.shell import command
from runner.workflows.approvals import Approvals, Start, sites_of
from runner.workflows.idle import IdleTicks
from runner.workflows.orders import new_order
from runner.workflows.recovery import Recovered, Recovery
from runner.workflows.run import Works, begin, stopping_limit
from runner.workflows.schedules import PlannedWindows, ScheduleRecorder

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.load import Workspace
    from runner.workflows.heartbeat import Heartbeat
    from runner.workflows.reload import WorkspaceFiles

__all__ = ["Health", "Problem", "Scheduler", "serve"]

_TICK = 1
PATIENCE = 300.0
"""Seconds for which `serve` continues although nothing can be decided or written."""


class Scheduler:
    """Starts runs of windows that are due.

    Args:
        session: the session.
        works: executes the runs.
        read: returns the workspace in force, None while its files are being changed; by default the
            session's.
    """

    def __init__(
        self, session: Session, works: Works, read: Callable[[], Workspace | None] | None = None
    ) -> None:
        self._session = session
        self._works = works
        self._read = read or (lambda: session.workspace)
        self._accepted: Workspace | None = None
        """The last workspace whose names do not contradict the ledger."""
        self._planned: tuple[Workspace, PlannedWindows, dict[str, str]] | None = None
        self._schedules = ScheduleRecorder(session)
        self.approvals = Approvals(session)
        self._idle = IdleTicks(session.ledger)
        self._unstarted: list[str] = []
        """Runs that are recorded for this process and could not be started yet."""
        self._recovery = Recovery(session, lambda run: run in self._unstarted or run in works.in_hand)
        self.problems: dict[str, str] = {}
        """Windows that could not be decided or started in the last tick, each with the reason."""

    @property
    def not_resumed(self) -> Mapping[str, SitecrewError]:
        """Runs of dead processes that `recover_runs` could not take over, each with the error."""
        return self._recovery.errors

    @property
    def next_opening(self) -> Opening | None:
        """The undecided opening that is due next; None if there is none or before the first tick."""
        return self._schedules.next_opening

    def recover_runs(self) -> tuple[Recovered, ...]:
        """Take over the runs whose process died, to be resumed or settled by this process.

        Nothing is taken over if the ledger has a gap: the runs may have ended in it.
        """
        if self._session.mark.gap():
            return ()
        recovered = self._recovery.take_over()
        self._unstarted += [one.run for one in recovered]
        return recovered

    def tick(self) -> tuple[str, ...]:
        """Take over abandoned runs and decide each due opening; return the runs that are started.

        Runs that are only settled are not returned.

        A client's window that cannot be decided or started is tried again in the next tick; others are not
        affected.

        Raises:
            LedgerError, EngineError: nothing can be decided now.
        """
        now, recovered = self._session.now(), self.recover_runs()
        runs = [one.run for one in recovered if one.resumed]
        workspace = self._read()
        if workspace:
            for one in recovered:
                self._session.assign(one.run, workspace)
        if self._idle.can_skip(workspace, now):
            self.problems = self._start()
            return tuple(runs)
        self._idle.forget()
        started, complete = self._decide_all(workspace, now)
        self.problems |= self._start()
        if complete and not self.problems:
            self._idle.keep(workspace, now, self._schedules.next_opening)
        return (*runs, *started)

    def _decide_all(self, read: Workspace | None, now: datetime) -> tuple[tuple[str, ...], bool]:
        """Decide each due opening; return the new runs, and whether no opening waits."""
        runs: list[str] = []
        renamed = within(partial(self._session.ledger.websites.sync, read.inventory)) if read else ()
        if not isinstance(renamed, SitecrewError):
            self._session.tell_recognised(renamed)
            self._accepted = read or self._accepted
        workspace = self._accepted if read else None
        windows, problems = self._plan(workspace) if workspace else (None, {})
        if isinstance(renamed, SitecrewError):
            problems["inventory"] = renamed.with_hint
        if gap := self._session.mark.gap():
            problems["ledger"] = f"{gap.text}; see: {command('ledger', 'gap')}"
        startable = self._schedules.settle(windows, now)
        problems |= self._schedules.problems
        if workspace:
            self.approvals.prepare(workspace, self._schedules.in_force, now)
        for opening in startable:
            found = within(partial(self._decide, workspace, opening, now))
            if isinstance(found, SitecrewError):
                problems["window {} of {}".format(*opening.planned.key)] = str(found)
            elif found:
                self._unstarted.append(opening.run)
                runs.append(opening.run)
        self.problems = problems
        return tuple(runs), not startable

    def _plan(self, workspace: Workspace) -> tuple[PlannedWindows, dict[str, str]]:
        """Return the windows of a workspace, and those that cannot be planned, each with the reason."""
        if self._planned is None or self._planned[0] is not workspace:
            found: list[Planned] = []
            problems = {}
            for window in workspace.inventory.windows.values():
                some = within(partial(planned, workspace.inventory, window))
                if isinstance(some, SitecrewError):
                    problems[window.name] = str(some)
                else:
                    found += some
            self._planned = workspace, PlannedWindows(tuple(found), frozenset(problems)), problems
        _, windows, problems = self._planned
        return windows, {f"window {name}": why for name, why in problems.items()}

    def _start(self) -> dict[str, str]:
        """Start the runs that are not started yet; return those that cannot be, each with the reason."""
        problems = {}
        for run in tuple(self._unstarted):
            found = within(partial(self._works.start, run))
            if isinstance(found, SitecrewError):
                problems[f"run {run}"] = str(found)
            else:
                self._unstarted.remove(run)
        return problems

    def _decide(self, workspace: Workspace | None, opening: Opening, now: datetime) -> bool:
        """Record the run of an opening; False if it waits, is skipped, or another process was first."""
        session = self._session
        if workspace is None:
            return self._wait(opening, WhyNot.MISTAKES)
        if opening.planned.is_closed(now):
            return self._wait(opening, WhyNot.CLOSED)
        if self._is_busy(opening):
            queued = opening.planned.window.overlap is Overlap.QUEUE
            return self._wait(opening, WhyNot.BUSY) if queued else self._skip(opening, WhyNot.BUSY, now)
        start = self.approvals.start(workspace, opening)
        if isinstance(start, Refusal):
            why = session.reason(start.why)
            return self._skip(opening, why, now) if start.final else self._wait(opening, why)
        if not self._begin(workspace, opening, start, now):
            return False
        session.emit("window.run", opening.run, why="", window=opening.planned.window.name)
        return session.ledger.runs.claim(opening.run, session.executor)

    def _wait(self, opening: Opening, why: str) -> bool:
        """Note why an opening waits, in case it is missed; return False, as it is not started."""
        self._schedules.delays[*opening.planned.key, opening.starts] = why
        return False

    def _skip(self, opening: Opening, why: str, now: datetime) -> bool:
        """Record that an opening is skipped; return False, as it is not started."""
        row = window_row(opening, WindowState.SKIPPED, why, now)
        if self._session.ledger.windows.claim(row):
            self._session.emit("window.skipped", opening.run, why=row.why, window=row.window)
        return False

    def _is_busy(self, opening: Opening) -> bool:
        """Whether an earlier run of the window is in progress for this client."""
        window, client = opening.planned.key
        found = self._session.ledger.runs.list_unfinished(window=window, client=client)
        return any(run.run not in self.not_resumed for run in found)

    def _begin(self, workspace: Workspace, opening: Opening, start: Start, now: datetime) -> bool:
        window, ledger = opening.planned.window, self._session.ledger
        playbook = workspace.playbooks[window.playbook]
        sites = missed_first(ledger, playbook, sites_of(workspace, opening))
        closes = opening.occurrence.closes
        order = new_order(
            workspace,
            playbook,
            rings(sites, window.rings or workspace.settings.policy.ring_order),
            now=now,
            run=opening.run,
            window=window.name,
            opens=opening.due,
            closes=closes,
            estimates=estimate_sites(ledger, workspace.inventory, playbook, sites, closes - opening.due),
            blackouts=blackouts_between(window, opening.starts, closes),
            timezone=window.timezone,
            locked=start.locked,
            withheld=start.terms.withheld,
            no_majors=start.terms.no_majors,
        )
        row = window_row(opening, WindowState.RUN, "", now, run=opening.run)
        self._session.assign(opening.run, workspace)
        return begin(self._session, order, trigger="window", opening=row, approval=start.approval)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why windows cannot be started now."""

    text: str
    final: bool = False
    """Whether `serve` must exit."""


class Health:
    """Whether the scheduler works: it ticks, the ledger can be written, and it holds its lease."""

    def __init__(self, session: Session, scheduler: Scheduler, files: WorkspaceFiles | None = None) -> None:
        self._session, self._scheduler, self._files = session, scheduler, files
        self._failure: Exception | None = None
        self._worked = time.monotonic()
        self.ticks = 0
        """Number of ticks that have completed without an error."""
        self.finish_limit = stopping_limit(session.workspace.settings.limits)
        """Seconds for which the sites in progress may finish before `serve` exits with a final problem."""
        self.ticking: threading.Thread | None = None
        self.heartbeat: Heartbeat | None = None

    def report(self, error: Exception | None) -> None:
        """Store the error of the last tick, or None."""
        self._failure = error
        self.ticks += error is None
        if self.heartbeat and error is None and self._session.holds_lease():
            self.heartbeat.ticked()

    def problem(self) -> Problem | None:
        """Return the current problem, if there is one: of the files, the scheduler or the heartbeat."""
        found = self.scheduler_problem()
        mistake = self._files.problem if self._files else ""
        beat = self.heartbeat.problem if self.heartbeat else ""
        text = "; ".join(filter(None, (mistake, found.text if found else "", beat)))
        return Problem(text, final=bool(found and found.final)) if text else None

    def scheduler_problem(self) -> Problem | None:
        """Return the current problem of the scheduler, if there is one."""
        session = self._session
        if session.lease_lost.is_set():
            return Problem("another process has taken over from this one", final=True)
        if self.ticking is not None and not self.ticking.is_alive():
            return Problem("the scheduler's thread has died", final=True)
        failure = self._failure or session.ledger_trouble
        if failure is None:
            self._worked = time.monotonic()
            text = "; ".join(f"{about}: {why}" for about, why in self._scheduler.problems.items())
            return Problem(text) if text else None
        text = str(failure) if isinstance(failure, SitecrewError) else str(UnexpectedError.of(failure))
        seconds = time.monotonic() - self._worked
        if seconds > PATIENCE:
            return Problem(f"no window could be started for {seconds / 60:.0f} min: {text}", final=True)
        return Problem(text)


def serve(scheduler: Scheduler, stop: threading.Event, health: Health) -> None:
    """Tick until `stop` is set. The error of a tick is reported to `health` and does not end the loop."""
    import schedule

    ticker = schedule.Scheduler()
    ticking = ticker.every(_TICK).seconds.do(reported, scheduler.tick, health.report)
    ticking.run()
    while not stop.is_set():
        idle = ticker.idle_seconds or 0
        if idle >= _TICK:
            ticking.run()  # the system clock was set back or has stopped: the next tick would be late
        else:
            ticker.run_pending()
        stop.wait(min(max(idle, 0.05), _TICK))
