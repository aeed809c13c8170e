"""The scheduler: each due opening of a window is decided once, as run, missed or skipped.

When a window is due is our own arithmetic (`runner.plan.schedules`); what is decided is asked from the ledger
by its state, so that a second scheduler, a crash and an absence change nothing. `schedule` only ticks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import LockedError, SitecrewError
from runner.hosts.boundary import UnexpectedError, reported, within
from runner.inspect.windows import window_row
from runner.model import DateRange, Overlap
from runner.plan import rings, select
from runner.plan.schedules import Opening, Planned, planned
from runner.record import WhyNot, WindowState
from runner.workflows.run import Works, begin, new_order, reopen, stopping_limit
from runner.workflows.schedules import Books, Wanted

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.load import Workspace
    from runner.workflows.reload import Files

__all__ = ["Clock", "Health", "Trouble", "serve"]

_TICK = 1
PATIENCE = 300.0
"""Seconds for which `serve` goes on although nothing can be decided or written."""
_AGAIN = 60.0
"""Seconds after which a run that this process gave up is taken up again."""


class Clock:
    """Looks for what is due and starts it."""

    def __init__(
        self, session: Session, works: Works, read: Callable[[], Workspace | None] | None = None
    ) -> None:
        """`read` gives the workspace as its files are now, None where they have mistakes."""
        self._session = session
        self._works = works
        self._read = read or (lambda: session.workspace)
        self._wanted: tuple[Workspace, Wanted, dict[str, str]] | None = None
        self._books = Books(session)
        self._unstarted: list[str] = []
        """Runs that are ours and written down, and that could not be started yet."""
        self._since: dict[str, float] = {}
        """Runs of this process that were given up, each with the instant at which that was seen."""
        self.troubles: dict[str, str] = {}
        """Windows that could not be decided or started in the last tick, each with the reason."""
        self.left: dict[str, SitecrewError] = {}
        """Runs of dead processes that `rescue` could not take up, each with the reason and what to type."""

    def rescue(self) -> tuple[str, ...]:
        """Take up the windows' runs whose process died; what cannot be taken up is in `left`."""
        self._session.bury_the_dead()
        found = self._abandoned()
        self.left = {run: why for run, why in self.left.items() if run in found}
        taken = []
        for run in found:
            if run in self.left:
                continue
            reopened = within(partial(reopen, self._session, run))
            if isinstance(reopened, LockedError):
                continue
            if isinstance(reopened, SitecrewError):
                self.left[run] = reopened
            else:
                taken.append(run)
        self._unstarted += taken
        return tuple(taken)

    def _abandoned(self) -> tuple[str, ...]:
        """Runs of windows that are open and that no living process works on, this one included."""
        found = self._session.ledger.open_runs(trigger="window")
        living = self._session.living() if found else frozenset()
        dead = [one.run for one in found if one.executor not in living]
        failed = [
            one.run for one in found if one.executor == self._session.executor and self._failed(one.run)
        ]
        self._since = {run: since for run, since in self._since.items() if run in failed}
        now = time.monotonic()
        waited = [run for run in failed if now - self._since.setdefault(run, now) >= _AGAIN]
        return (*dead, *waited)

    def _failed(self, run: str) -> bool:
        """Whether a run of this process was given up, as by a ledger that could not be written for long."""
        return run not in self._unstarted and run not in self._works.in_hand

    def tick(self) -> tuple[str, ...]:
        """Take up what was left, then decide every opening that is due; returns the runs that are started.

        A client's window that cannot be decided or started is left for the next tick, and the others go on.

        Raises:
            LedgerError, EngineError: nothing can be decided now.
        """
        now, begun = self._session.now(), [*self.rescue()]
        workspace = self._read()
        if workspace:
            for run in begun:
                self._session.assign(run, workspace)
        renamed = within(partial(self._session.ledger.recognise, workspace.inventory)) if workspace else ()
        if isinstance(renamed, SitecrewError):
            workspace = None
        else:
            self._session.tell_recognised(renamed)
        wanted, troubles = self._of(workspace) if workspace else (None, {})
        if isinstance(renamed, SitecrewError):
            troubles["inventory.yaml"] = renamed.with_hint
        startable = self._books.settle(wanted, now)
        troubles |= self._books.troubles
        for opening in startable:
            found = within(partial(self._decide, workspace, opening, now))
            if isinstance(found, SitecrewError):
                troubles["window {} of {}".format(*opening.planned.key)] = str(found)
            elif found:
                self._unstarted.append(opening.run)
                begun.append(opening.run)
        self.troubles = troubles | self._start()
        return tuple(begun)

    def _of(self, workspace: Workspace) -> tuple[Wanted, dict[str, str]]:
        """What a workspace wants, and the windows of which that cannot be said."""
        if self._wanted is None or self._wanted[0] is not workspace:
            found: list[Planned] = []
            troubles = {}
            for window in workspace.inventory.windows.values():
                some = within(partial(planned, workspace.inventory, window))
                if isinstance(some, SitecrewError):
                    troubles[window.name] = str(some)
                else:
                    found += some
            self._wanted = workspace, Wanted(tuple(found), frozenset(troubles)), troubles
        _, wanted, troubles = self._wanted
        return wanted, {f"window {name}": why for name, why in troubles.items()}

    def _start(self) -> dict[str, str]:
        """Start the runs that wait for it; those that cannot be started, each with the reason."""
        troubles = {}
        for run in tuple(self._unstarted):
            found = within(partial(self._works.start, run))
            if isinstance(found, SitecrewError):
                troubles[f"run {run}"] = str(found)
            else:
                self._unstarted.remove(run)
        return troubles

    def _decide(self, workspace: Workspace | None, opening: Opening, now: datetime) -> bool:
        """Start what may be started; False where it waits, is skipped, or another process was first."""
        session, key = self._session, (*opening.planned.key, opening.starts)
        if workspace is None:
            self._books.delays[key] = WhyNot.MISTAKES
            return False
        if self._is_busy(opening):
            if opening.planned.window.overlap is Overlap.QUEUE:
                self._books.delays[key] = WhyNot.BUSY
                return False
            row = window_row(opening, WindowState.SKIPPED, WhyNot.BUSY, now)
            if session.ledger.claim(row):
                session.emit("window.skipped", opening.run, why=row.why, window=row.window)
            return False
        if not self._begin(workspace, opening, now):
            return False
        session.emit("window.run", opening.run, why="", window=opening.planned.window.name)
        return session.ledger.claim_run(opening.run, session.executor)

    def _is_busy(self, opening: Opening) -> bool:
        """Whether an earlier run of the window is worked on for this client."""
        window, client = opening.planned.key
        found = self._session.ledger.open_runs(window=window, client=client)
        return any(run.run not in self.left for run in found)

    def _begin(self, workspace: Workspace, opening: Opening, now: datetime) -> bool:
        window, client = opening.planned.window, opening.planned.client
        sites = [site for site in select(workspace.inventory, window.sites) if site.client == client]
        order = new_order(
            workspace,
            workspace.playbooks[window.playbook],
            rings(sites, window.rings or workspace.settings.policy.ring_order),
            now=now,
            run=opening.run,
            window=window.name,
            closes=opening.occurrence.closes,
            blackouts=[span for span in window.blackouts if isinstance(span, DateRange)],
            timezone=window.timezone,
        )
        row = window_row(opening, WindowState.RUN, "", now, run=opening.run)
        self._session.assign(opening.run, workspace)
        return begin(self._session, order, trigger="window", opening=row)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps `serve` from its promise now. `final`: it cannot be kept any more, and serve ends."""

    said: str
    final: bool = False


class Health:
    """Whether the windows are kept: the clock ticks, the ledger can be written, the lease holds."""

    def __init__(self, session: Session, clock: Clock, files: Files | None = None) -> None:
        self._session, self._clock, self._files = session, clock, files
        self._failure: Exception | None = None
        self._well = time.monotonic()
        self.farewell = stopping_limit(session.workspace.settings.limits)
        """Seconds for which the sites in hand are finished when the windows cannot be kept any more."""
        self.ticking: threading.Thread | None = None

    def report(self, error: Exception | None) -> None:
        """Take how the last tick went."""
        self._failure = error

    def trouble(self) -> Trouble | None:
        """What to say now; None while all is well."""
        session = self._session
        if session.lease_lost.is_set():
            return Trouble("another process has taken over from this one", final=True)
        if self.ticking is not None and not self.ticking.is_alive():
            return Trouble("the clock has stopped", final=True)
        failure = self._failure or session.ledger_trouble
        if failure is None:
            self._well = time.monotonic()
            problem = self._files.problem if self._files else ""
            troubles = (f"{about}: {why}" for about, why in self._clock.troubles.items())
            told = "; ".join([*([problem] if problem else []), *troubles])
            return Trouble(told) if told else None
        said = str(failure) if isinstance(failure, SitecrewError) else str(UnexpectedError.of(failure))
        lasts = time.monotonic() - self._well
        if lasts > PATIENCE:
            return Trouble(f"no window could be kept for {lasts / 60:.0f} min: {said}", final=True)
        return Trouble(said)


def serve(clock: Clock, stop: threading.Event, health: Health) -> None:
    """Tick until `stop`. A tick that fails is reported to `health`, and the next one comes all the same."""
    import schedule

    ticker = schedule.Scheduler()
    ticking = ticker.every(_TICK).seconds.do(reported, clock.tick, health.report)
    ticking.run()
    while not stop.is_set():
        idle = ticker.idle_seconds or 0
        if idle >= _TICK:
            ticking.run()  # the clock was set back or stands still: the next tick would come late or never
        else:
            ticker.run_pending()
        stop.wait(min(max(idle, 0.05), _TICK))
