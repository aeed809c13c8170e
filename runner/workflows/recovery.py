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

from runner.errors import SitecrewError
from runner.hosts.boundary import within
from runner.model import State, Trigger
from runner.workflows.run import check_resumable, reopen

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.record import OpenRun

__all__ = ["Recovered", "Recovery", "settle_run"]

_CANCEL, _RESUME, _SETTLE = "cancel", "resume", "settle"
_AT_ONCE = 100
"""Runs per transaction."""
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
        acts = {one.run: _act(one) for one in found if one.run not in self.errors and self._check(one)}
        recovered: list[Recovered] = []
        names = tuple(acts)
        for start in range(0, len(names), _AT_ONCE):
            some = {run: acts[run] for run in names[start : start + _AT_ONCE]}
            taken = self._session.ledger.runs.take_over(some, self._session.executor)
            self.errors |= taken.errors
            recovered += [self._ready(run, acts[run]) for run in taken.runs]
        return tuple(recovered)

    def _check(self, one: OpenRun) -> bool:
        """Whether a run can be taken over, as far as that is known without claiming it."""
        if _act(one) != _RESUME:
            return True
        error = within(partial(check_resumable, self._session, one.run))
        if isinstance(error, SitecrewError):
            self.errors[one.run] = error
        return error is None

    def _ready(self, run: str, act: str) -> Recovered:
        self._session.begin_attempt(run)
        _end_early(self._session, run, act)
        return Recovered(run, resumed=act == _RESUME)

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
    act = _CANCEL if cancel else _SETTLE
    reopen(session, run, act=act)
    _end_early(session, run, act)


def _act(one: OpenRun) -> str:
    """Return what is done with a run whose process has ended."""
    if one.state is State.CANCELLING:
        return _CANCEL
    return _RESUME if one.trigger == Trigger.WINDOW else _SETTLE


def _end_early(session: Session, run: str, act: str) -> None:
    if act == _CANCEL:
        session.cancel(run)
    elif act == _SETTLE:
        session.settle(run)
