"""Runs whose process has ended: those of windows are continued, the others are settled.

To settle a run is to follow its running jobs to their end and to start nothing more of it: a run that a
person started must not go on hours later without them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import LockedError, SitecrewError
from runner.hosts.boundary import within
from runner.model import State, Trigger
from runner.workflows.run import reopen

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.record import OpenRun

__all__ = ["Recovered", "Recovery", "settle_run"]

_RETRY_AFTER = 60.0
"""Seconds after which a run that failed in this process is taken up again."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A run that this process has taken over, ready to be started."""

    run: str
    resumed: bool
    """Whether it is continued, rather than cancelled or settled."""


class Recovery:
    """Takes over the runs whose process has ended, for a scheduler.

    Args:
        session: the session.
        in_hand: whether this process is executing a run, or is about to.
    """

    def __init__(self, session: Session, in_hand: Callable[[str], bool]) -> None:
        self._session, self._in_hand = session, in_hand
        self._failed_since: dict[str, float] = {}
        """Runs that failed in this process, each with the time at which that was noticed."""
        self.errors: dict[str, SitecrewError] = {}
        """Runs that could not be taken over, each with the error; they are not tried again."""

    def take_over(self) -> tuple[Recovered, ...]:
        """Take over the runs whose process has ended, unless another process is first."""
        self._session.release_dead_leases()
        found = self._abandoned()
        runs = {one.run for one in found}
        self.errors = {run: error for run, error in self.errors.items() if run in runs}
        recovered = []
        for one in found:
            if one.run in self.errors:
                continue
            taken = within(partial(self._take, one))
            if isinstance(taken, Recovered):
                recovered.append(taken)
            elif not isinstance(taken, LockedError):
                self.errors[one.run] = taken
        return tuple(recovered)

    def _take(self, one: OpenRun) -> Recovered:
        if one.trigger == Trigger.WINDOW and one.state is not State.CANCELLING:
            reopen(self._session, one.run)
            return Recovered(one.run, resumed=True)
        settle_run(self._session, one.run, cancel=one.state is State.CANCELLING)
        return Recovered(one.run, resumed=False)

    def _abandoned(self) -> tuple[OpenRun, ...]:
        """Return open runs that no process executes, not even this one."""
        found = self._session.ledger.runs.list_open()
        living = self._session.living() if found else frozenset()
        dead = [one for one in found if one.executor not in living]
        mine = self._session.executor
        failed = [one for one in found if one.executor == mine and not self._in_hand(one.run)]
        names = {one.run for one in failed}
        self._failed_since = {run: since for run, since in self._failed_since.items() if run in names}
        now = time.monotonic()
        waited = [one for one in failed if now - self._failed_since.setdefault(one.run, now) >= _RETRY_AFTER]
        return (*dead, *waited)


def settle_run(session: Session, run: str, *, cancel: bool = False) -> None:
    """Take over an interrupted run, to be settled; with `cancel`, its running jobs are stopped.

    Raises:
        LockedError: another process executes it.
    """
    reopen(session, run, act="cancel" if cancel else "settle")
    if cancel:
        session.cancel(run)
    else:
        session.settle(run)
