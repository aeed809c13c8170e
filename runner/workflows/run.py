"""A run: ring after ring, each site as a workflow of its own on a queue with a limit per host."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runner.apply.ending import abandoned
from runner.apply.site import work_on
from runner.errors import ExitCode, LockedError, SitecrewError
from runner.hosts.boundary import UnexpectedError, repeat
from runner.load import freeze, thaw
from runner.model import Limits, Order, Outcome, RunEvent, State, Trigger, exit_code, worst
from runner.record.views import NewRun, OrderedSite, OrderedStep
from runner.shell import command
from runner.steps import Where, registry
from runner.units import duration
from runner.workflows.engine import Engine, Handle, Queue
from runner.workflows.rings import Halt, wait_for_next_ring

if TYPE_CHECKING:
    from runner.apply.session import Session
    from runner.record import ApprovalView, WindowView

__all__ = ["Finished", "Works", "begin", "reopen", "stopping_limit"]

_CANCEL_POLL = 1.0
_UNCONFIRMED = frozenset({Outcome.LOST, Outcome.UNREACHABLE})
_CONFIRMED_WITHIN = timedelta(days=1)
"""Time after the start of a job for which its host is asked again."""
_POLL = 0.1
_POLL_ALL_DAY = 0.5
"""Seconds between polls of the queue in a process that is idle most of the time."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended, with the outcome of each site; None for a site without an outcome."""

    run: str
    outcome: Outcome
    sites: Mapping[str, Outcome | None]
    locked: bool = False
    undo: bool = False
    unconfirmed: tuple[str, ...] = ()
    """Sites of a cancelled or settled run whose hosts have not confirmed the end of a job; it stays open."""

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the process."""
        outcomes = [outcome or Outcome.CANCELLED for outcome in self.sites.values()]
        return exit_code(outcomes, locked=self.locked, undo=self.undo)


def begin(
    session: Session,
    order: Order,
    *,
    trigger: str,
    claim: bool = True,
    opening: WindowView | None = None,
    approval: ApprovalView | None = None,
) -> bool:
    """Record a run before it starts; with `claim`, for execution by this process.

    Returns:
        False if the opening is already decided, its approval was answered again, or the run exists.
    """
    session.ledger.websites.check_names_free(order.sites)
    ring_of = {name: number for number, ring in enumerate(order.rings) for name in ring}
    run = NewRun(
        order_text=freeze(order),
        run=order.run,
        playbook=order.playbook.name,
        title=order.playbook.title,
        sites=tuple(
            OrderedSite(site.name, site.client, site.host, ring_of[site.name], position)
            for position, site in enumerate(order.sites)
        ),
        steps=tuple(OrderedStep(step.id, step.kind, step.title) for step in order.playbook.steps),
        started=session.now(),
        trigger=trigger,
        window=order.window,
        executor=session.executor if claim else None,
        act="undo" if order.undo else "exec" if trigger == Trigger.EXEC else "run",
        opening=opening,
        approval=approval,
        undoes=order.undo.run if order.undo else None,
    )
    return session.ledger.runs.create(run)


def reopen(session: Session, run: str, *, act: str = "resume") -> tuple[str, ...]:
    """Take over a run that no living process executes; return the sites that are not finished.

    Raises:
        LockedError: another process executes it.
        SecretError: a variable that it was started with was not given again.
        UsageError: a site's name now means another website.
    """
    if act == "resume":
        check_resumable(session, run)
    session.release_dead_leases()
    found = session.ledger.runs.take_over({run: act}, session.executor)
    if run in found.errors:
        raise found.errors[run]
    if run not in found.runs:
        raise LockedError(
            f"run {run} is being executed by another process",
            hint=f"watch it: {command('show', run)}; stop it: {command('cancel', run)}",
        )
    session.begin_attempt(run)
    return found.runs[run]


def check_resumable(session: Session, run: str) -> None:
    """Raise if a run cannot be continued.

    Raises:
        SecretError: a variable that it was started with was not given again.
        UsageError: a site's name now means another website.
    """
    session.ledger.websites.check_names_unchanged(run)
    session.variables(thaw(session.ledger.runs.order_text(run)))


class Works:
    """Executes runs in this process, on a queue of its own.

    Args:
        session: the session.
        only: the only run that will be started, if that is known.
        late: whether sites are started even if their window has closed or closes too soon, or in a blackout.
    """

    def __init__(self, session: Session, *, only: str | None = None, late: bool = False) -> None:
        self._session = session
        self._late = late
        self._orders: dict[str, Order] = {}
        self._queue = self._new_queue(f"of-{session.executor}", only)
        self._engine = Engine(session.workspace.settings.ledger, executor=session.executor)
        self._site = self._engine.workflow("site", self._execute_site)
        self._run = self._engine.workflow("run", self._execute_run)
        self.in_hand: set[str] = set()
        """Runs that this process has started and that have not ended."""
        self._engine.launch([self._queue])
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="stop", daemon=True).start()

    def start(self, run: str) -> Handle:
        """Start a run that `begin` or `reopen` has prepared; its events go to the session."""
        self.in_hand.add(run)
        attempt = self._session.ledger.runs.summary(run).attempt
        if attempt > 1:
            self._engine.forget(f"run/{run}/")
        return self._engine.start(f"run/{run}/{attempt}", self._run, run, attempt)

    def follow(
        self, run: str, listener: Callable[[RunEvent], None], idle: Callable[[], object] = lambda: None
    ) -> Finished:
        """Start a run and call `listener` with each event, to its end; `idle` as in `Session.next_event`."""
        self.start(run)
        locked = False
        while True:
            event = self._session.next_event(idle)
            if event.run not in {run, ""}:
                continue  # of a run that is not followed to its end
            listener(event)
            locked = locked or bool(event.data.get("locked"))
            if event.event in {"run.finished", "run.unconfirmed"}:
                sites: Any = event.data["sites"]
                unconfirmed: Any = event.data.get("unconfirmed", ())
                outcome = Outcome(str(event.data.get("outcome", Outcome.LOST)))
                undo = self._order(run).undo is not None
                return Finished(run, outcome, sites, locked, undo=undo, unconfirmed=unconfirmed)

    def close(self) -> None:
        """Delete the queue, which no other process uses."""
        self._closed.set()
        self._engine.close([self._queue])

    def _new_queue(self, name: str, only: str | None) -> Queue:
        parallel = self._session.workspace.settings.parallel
        if only is not None:
            order = self._order(only)
            busiest = Counter(order.hosts[site.host].address for site in order.sites).most_common(1)
            if not busiest or busiest[0][1] <= parallel.per_host:
                return Queue(name, parallel.sites, None)
        return Queue(name, parallel.sites, parallel.per_host, _POLL if only else _POLL_ALL_DAY)

    def _order(self, run: str) -> Order:
        if run not in self._orders:
            order = thaw(self._session.ledger.runs.order_text(run))
            if self._late:
                over = order.closes is not None and order.closes <= self._session.now()
                starts = {name: replace(one, seconds=0) for name, one in order.estimates.items()}
                order = replace(order, closes=None if over else order.closes, estimates=starts, blackouts=())
            self._orders[run] = order
        return self._orders[run]

    def _execute_run(self, run: str, attempt: int) -> str:
        try:
            outcome = self._rings(run, attempt)
        except Exception as error:
            self._session.events.put(error if isinstance(error, SitecrewError) else _unexpected(error))
            raise
        finally:
            self.in_hand.discard(run)
        return outcome.value

    def _rings(self, run: str, attempt: int) -> Outcome:
        session, order = self._session.of(run), self._order(run)
        waiting = {row.site for row in session.ledger.sites.list_unfinished(run)}
        again = "run.settling" if session.stop(run).is_settling else "run.resumed"
        session.emit(
            "run.started" if attempt == 1 else again,
            run,
            playbook=order.playbook.name,
            sites=[site.name for site in order.sites if site.name in waiting],
        )
        self._withhold(order, waiting)
        for number, ring in enumerate(order.rings):
            names = [name for name in ring if name in waiting]
            left = [name for later in order.rings[number + 1 :] for name in later if name in waiting]
            if names and len(order.rings) > 1:
                session.emit("ring.started", run, ring=number + 1, of=len(order.rings), sites=names)
            self._ring(run, attempt, names)
            if left and (stopped := wait_for_next_ring(session, order, number)):
                self._skip_sites(run, number + 2, left, stopped)
                break
        return self._finish(run)

    def _withhold(self, order: Order, waiting: set[str]) -> None:
        """Skip the sites that were not approved, and remove them from `waiting`."""
        session = self._session
        for name in sorted(waiting & order.withheld.keys()):
            why = session.reason(order.withheld[name])
            session.ledger.sites.finished(order.run, name, Outcome.SKIPPED, why, session.now())
            session.emit("site.finished", order.run, name, outcome=Outcome.SKIPPED, why=why)
            waiting.remove(name)

    def _skip_sites(self, run: str, ring: int, names: Sequence[str], stopped: Halt) -> None:
        session = self._session
        session.emit("ring.stopped", run, ring=ring, why=stopped.why, sites=names)
        for name in names:
            session.ledger.sites.finished(run, name, stopped.outcome, stopped.why, session.now())
            session.emit("site.finished", run, name, outcome=stopped.outcome, why=stopped.why)

    def _ring(self, run: str, attempt: int, names: Sequence[str]) -> None:
        order = self._order(run)
        sites = {site.name: site for site in order.sites}
        handles = {
            name: self._engine.enqueue(
                self._queue,
                order.hosts[sites[name].host].address,
                f"run/{run}/{attempt}/{name}",
                self._site,
                run,
                attempt,
                name,
            )
            for name in names
        }
        session = self._session
        stop, limit = session.stop(run), stopping_limit(order.limits)
        for name, handle in handles.items():
            try:
                handle.result(lambda: stop.is_overdue(limit))
            except TimeoutError:
                why = f"its host did not confirm the cancellation within {duration(limit)}"
                self._abandon(run, name, why)
            except Exception as error:  # noqa: BLE001  # no error here says anything about the site
                session.check_open()
                failure = error if isinstance(error, SitecrewError) else UnexpectedError.of(error)
                self._abandon(run, name, failure.with_hint)

    def _abandon(self, run: str, name: str, why: str) -> None:
        """Record the outcome of a site that the run no longer waits for."""
        session = self._session
        started = any(row.site == name and row.started for row in session.ledger.sites.list(run))
        uploads = any(registry()[step.kind].where is Where.UPLOAD for step in self._order(run).playbook.steps)
        segments = session.ledger.jobs.list(run, name)
        ending = abandoned(session.reason(why), segments, started=started, uploads=uploads)
        session.ledger.sites.finished(run, name, ending.outcome, ending.why, session.now())
        session.emit("site.finished", run, name, outcome=ending.outcome, why=ending.why)

    def _execute_site(self, run: str, attempt: int, name: str) -> str:
        order = self._order(run)
        site = next(site for site in order.sites if site.name == name)
        return work_on(self._session.of(run), order, site, attempt).outcome.value

    def _finish(self, run: str) -> Outcome:
        session = self._session
        sites = {row.site: row.outcome for row in session.ledger.sites.list(run)}
        if unconfirmed := self._unconfirmed(run, sites):
            if session.stop(run).cancelled:
                session.ledger.runs.set_state(run, State.CANCELLING)
            session.emit("run.unconfirmed", run, sites=sites, unconfirmed=unconfirmed)
            return Outcome.LOST
        outcome = worst(found or Outcome.CANCELLED for found in sites.values())
        session.ledger.runs.finished(run, outcome, session.now())
        session.emit("run.finished", run, outcome=outcome, sites=sites)
        return outcome

    def _unconfirmed(self, run: str, sites: Mapping[str, Outcome | None]) -> tuple[str, ...]:
        """Return the sites of a cancelled or settled run whose hosts have not confirmed the end of a job.

        The run stays open, so that they are asked again. After a day, a host is given up.
        """
        stop = self._session.stop(run)
        if not (stop.cancelled or stop.is_settling):
            return ()
        since = self._session.now() - _CONFIRMED_WITHIN
        found = self._session.ledger.jobs.sites_with_open(run, since=since)
        return tuple(site for site in sites if site in found and sites[site] in _UNCONFIRMED)

    def _watch(self) -> None:
        """Stop runs as their windows close, and those that another process has cancelled.

        Errors are ignored until the next poll.
        """

        def stop_runs() -> None:
            for run in tuple(self.in_hand):
                session.stop(run).close(session.now())
            for run in tuple(self.in_hand):
                asked = session.ledger.runs.state(run) is State.CANCELLING
                if asked and not session.stop(run).cancelled:
                    session.cancel(run)

        session = self._session
        repeat(stop_runs, every=_CANCEL_POLL, until=self._closed, report=lambda _: None)


def stopping_limit(limits: Limits) -> float:
    """Return the seconds for a host to stop a job, undo it and confirm: a step's limit and some silence."""
    return limits.step.total_seconds() + 3 * limits.driver_silence.total_seconds()


def _unexpected(error: Exception) -> SitecrewError:
    failure = UnexpectedError.of(error)
    failure.exit_code = ExitCode.UNEXPECTED
    failure.hint = "resume the run: sitecrew resume"
    return failure
