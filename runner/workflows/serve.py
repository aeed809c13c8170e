"""Keeping the windows: each due one is decided once, as run, missed or skipped, and begun if it runs.

`schedule` only ticks; when a window is due is our own arithmetic (`runner.plan.windows`). A run's id is made
of its window, client and start, and so is the claim on it: a second scheduler meets both and starts nothing.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from runner.errors import LockedError, SecretError, SitecrewError
from runner.model import CatchUp, Overlap, State, Window
from runner.plan import Occurrence, occurrences, rings, select
from runner.record import WindowState
from runner.workflows.run import Works, begin, new_order, reopen

if TYPE_CHECKING:
    from runner.workflows.session import Session

__all__ = ["Clock", "serve"]

_LOOK_BACK = timedelta(days=35)
_PUNCTUAL = timedelta(minutes=2)
"""How late a window may be begun that is not to be caught up."""
_TICK = 1


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

    def rescue(self) -> tuple[str, ...]:
        """Take up the windows' runs whose process died."""
        self._session.bury_the_dead()
        taken = []
        for summary in self._session.ledger.list_runs(limit=200):
            if summary.state is State.ENDED or summary.trigger != "window":
                continue
            try:
                reopen(self._session, summary.run)
            except (LockedError, SecretError):
                continue
            self._works.start(summary.run)
            taken.append(summary.run)
        return tuple(taken)

    def tick(self) -> tuple[str, ...]:
        """Decide every window that is due now; returns the ids of the runs that were begun."""
        now = self._session.now()
        begun = []
        for due in self._due(now):
            if self._decide(due, now):
                self._works.start(due.run)
                begun.append(due.run)
        return tuple(begun)

    def _due(self, now: datetime) -> Iterator[_Due]:
        inventory = self._session.workspace.inventory
        for window in inventory.windows.values():
            for client in dict.fromkeys(site.client for site in select(inventory, window.sites)):
                zone = ZoneInfo(window.timezone or inventory.clients[client].timezone)
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


def serve(clock: Clock, stop: threading.Event, troubled: threading.Event) -> None:
    """Tick until `stop`; a tick that fails is told by `troubled` and does not end the clock."""
    import schedule

    ticker = schedule.Scheduler()

    def tick() -> None:
        try:
            clock.tick()
            troubled.clear()
        except SitecrewError:
            troubled.set()

    ticker.every(_TICK).seconds.do(tick)
    ticker.run_all()
    while not stop.is_set():
        ticker.run_pending()
        stop.wait(max(0.05, min(ticker.idle_seconds or _TICK, _TICK)))


def _jitter(window: Window, client: str) -> timedelta:
    """The same share of the window's jitter for a client every time, so that starts spread and stay put."""
    digest = hashlib.sha256(f"{window.name}\0{client}".encode()).digest()
    return window.jitter * (int.from_bytes(digest[:4]) / 2**32)
