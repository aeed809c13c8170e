"""Keeping the windows: each due one is decided once, as run, missed or skipped, and begun if it runs.

`schedule` only ticks; when a window is due is our own arithmetic (`runner.plan.windows`). A run's id is made
of its window, client and start, and so is the claim on it: a second scheduler meets both and starts nothing.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from runner.errors import LockedError, SitecrewError
from runner.model import CatchUp, Overlap, State, Window
from runner.plan import Occurrence, occurrences, rings, select
from runner.record import WindowState
from runner.workflows.boundary import UnexpectedError, reported, within
from runner.workflows.run import Works, begin, new_order, reopen, stopping_limit

if TYPE_CHECKING:
    from runner.workflows.session import Session

__all__ = ["Clock", "Health", "Trouble", "serve"]

_LOOK_BACK = timedelta(days=35)
_PUNCTUAL = timedelta(minutes=2)
"""How late a window may be begun that is not to be caught up."""
_TICK = 1
PATIENCE = 300.0
"""Seconds for which `serve` goes on although nothing can be decided or written."""


@dataclass(frozen=True, slots=True)
class _Due:
    window: Window
    client: str
    occurrence: Occurrence

    @property
    def run(self) -> str:
        """The id of the run that this opening gets, whoever begins it."""
        return f"{self.window.name}-{self.occurrence.starts:%Y%m%d-%H%M}-{self.client}"


class Clock:
    """Looks for what is due and begins it."""

    def __init__(self, session: Session, works: Works) -> None:
        self._session = session
        self._works = works
        self._unstarted: list[str] = []
        """Runs that are ours and written down, and that could not be started yet."""
        self.troubles: dict[str, str] = {}
        """Windows that could not be decided or started in the last tick, each with the reason."""
        self.left: dict[str, str] = {}
        """Runs of dead processes that `rescue` could not take up, each with the reason and what to type."""

    def rescue(self) -> tuple[str, ...]:
        """Take up the windows' runs whose process died; what cannot be taken up is in `left`."""
        self._session.bury_the_dead()
        living = {lease.executor for lease in self._session.ledger.living()}
        taken = []
        for summary in self._session.ledger.list_runs(limit=200):
            if summary.state is State.ENDED or summary.trigger != "window" or summary.executor in living:
                continue
            found = within(partial(reopen, self._session, summary.run))
            if isinstance(found, LockedError):
                continue
            if isinstance(found, SitecrewError):
                self.left[summary.run] = found.with_hint
            else:
                taken.append(summary.run)
        self._unstarted += taken
        self.troubles = self._start()
        return tuple(taken)

    def tick(self) -> tuple[str, ...]:
        """Decide every window that is due now; returns the ids of the runs that were begun.

        A client's window that cannot be decided or started is left for the next tick, and the others go on.

        Raises:
            LedgerError, EngineError: nothing can be decided now.
        """
        now, begun = self._session.now(), []
        troubles: dict[str, str] = {}
        inventory = self._session.workspace.inventory
        for window in inventory.windows.values():
            for client in dict.fromkeys(site.client for site in select(inventory, window.sites)):
                found = within(partial(self._tick, window, client, now))
                if isinstance(found, SitecrewError):
                    troubles[f"window {window.name} of {client}"] = str(found)
                else:
                    begun += found
        self.troubles = troubles | self._start()
        return tuple(begun)

    def _tick(self, window: Window, client: str, now: datetime) -> list[str]:
        begun = []
        for due in self._due(window, client, now):
            if self._decide(due, now):
                self._unstarted.append(due.run)
                begun.append(due.run)
        return begun

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

    def _due(self, window: Window, client: str, now: datetime) -> Iterator[_Due]:
        zone = ZoneInfo(window.timezone or self._session.workspace.inventory.clients[client].timezone)
        delay = _jitter(window, client)
        for occurrence in occurrences(window, zone, self._since(window, client, now)):
            if occurrence.starts + delay > now:
                break
            yield _Due(window, client, occurrence)

    def _since(self, window: Window, client: str, now: datetime) -> datetime:
        """After the last decided opening; at the first launch, an opening that may still be begun counts."""
        recent = self._session.ledger.list_windows(window.name, since=now - _LOOK_BACK)
        decided = [view.starts for view in recent if view.client == client]
        return max(decided, default=now - window.deadline)

    def _decide(self, due: _Due, now: datetime) -> bool:
        state, why = self._verdict(due, now)
        if state is None:
            return False
        ledger, occurrence = self._session.ledger, due.occurrence
        if state is WindowState.RUN:
            self._begin(due)
        won = ledger.claim_window(
            due.window.name,
            occurrence.starts,
            closes=occurrence.closes,
            state=state,
            client=due.client,
            run=due.run if state is WindowState.RUN else None,
            why=why,
        )
        if won:
            self._session.emit(f"window.{state}", due.run, why=why, window=due.window.name)
        return won and state is WindowState.RUN and ledger.claim_run(due.run, self._session.executor)

    def _verdict(self, due: _Due, now: datetime) -> tuple[WindowState | None, str]:
        window, late = due.window, now - due.occurrence.starts - _jitter(due.window, due.client)
        if due.occurrence.blackout:
            return WindowState.SKIPPED, "the day is blacked out"
        allowed = window.deadline if window.catch_up is CatchUp.LATEST else _PUNCTUAL
        if late > allowed or now >= due.occurrence.closes:
            return WindowState.MISSED, f"nobody was there to begin it within {allowed}"
        if self._still_running(window, due.client):
            if window.overlap is Overlap.SKIP:
                return WindowState.SKIPPED, "the one before was still running"
            return None, ""
        return WindowState.RUN, ""

    def _still_running(self, window: Window, client: str) -> bool:
        return any(
            summary.state is not State.ENDED and summary.run.endswith(f"-{client}")
            for summary in self._session.ledger.list_runs(limit=50)
            if summary.window == window.name
        )

    def _begin(self, due: _Due) -> None:
        workspace, now = self._session.workspace, self._session.now()
        sites = [site for site in select(workspace.inventory, due.window.sites) if site.client == due.client]
        order = new_order(
            workspace,
            workspace.playbooks[due.window.playbook],
            rings(sites, due.window.rings or workspace.settings.policy.ring_order),
            now=now,
            run=due.run,
            window=due.window.name,
            closes=due.occurrence.closes,
        )
        begin(self._session, order, trigger="window", claim=False)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps `serve` from its promise now. `final`: it cannot be kept any more, and serve ends."""

    said: str
    final: bool = False


class Health:
    """Whether the windows are kept: the clock ticks, the ledger can be written, the lease holds."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session, self._clock = session, clock
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
            told = "; ".join(f"{about}: {why}" for about, why in self._clock.troubles.items())
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
    ticker.every(_TICK).seconds.do(reported, clock.tick, health.report)
    ticker.run_all()
    while not stop.is_set():
        ticker.run_pending()
        stop.wait(max(0.05, min(ticker.idle_seconds or _TICK, _TICK)))


def _jitter(window: Window, client: str) -> timedelta:
    """The same share of the window's jitter for a client every time, so that starts spread and stay put."""
    digest = hashlib.sha256(f"{window.name}\0{client}".encode()).digest()
    return window.jitter * (int.from_bytes(digest[:4]) / 2**32)
