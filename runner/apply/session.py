"""The session of a process that runs playbooks: its ledger, lease, connections and events."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from runner import crashlog
from runner.apply.cancellation import Cancellation, Closing
from runner.apply.context import SiteContext
from runner.apply.journal import Journal
from runner.errors import EngineError, SecretError
from runner.execute import Pool
from runner.hosts.boundary import repeat
from runner.hosts.exclusive import Exclusive
from runner.hosts.hosts import Hosts
from runner.inspect.health import prober_of
from runner.load import Redactor
from runner.load.variables import matches_stored
from runner.model import Order, RunEvent, SecretRef, Site, SitePlan, Step
from runner.plan import rollback_begins
from runner.record import LEASE, Ledger
from runner.record.mark import LedgerMark
from runner.record.operators import operator_here
from runner.record.processes import is_gone, process_start, stopped_at
from runner.shell import command
from runner.untrusted import cleaned, sentence

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Session"]

_RENEW = 3.0
_IDLE = 1.0
_LONGEST_REASON = 2000


class Session:
    """Everything that the runs of one process share. Close it with `close`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        crashlog.keep_in(workspace.folder)
        self.ledger = Ledger.open(workspace.settings.ledger, operator=operator_here(workspace.operator))
        try:
            self.recognised = self.ledger.websites.sync(workspace.inventory)
            """Sentences about renamed sites, and about names that now mean another website."""
        except BaseException:
            self.ledger.close()
            raise
        self.redactor = Redactor()
        for value in workspace.variables.values():
            if isinstance(value, str):
                self.redactor.add(value)
        self._fitting: set[tuple[str, str]] = set()
        self.hosts = Hosts(workspace, Pool(logins=workspace.settings.parallel.logins_per_host), self.redactor)
        self.executor = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.events: SimpleQueue[RunEvent | BaseException] = SimpleQueue()
        self.draining = threading.Event()
        """Set when no further site of any run is started."""
        self.lease_lost = threading.Event()
        """Set when another process has taken over the runs of this one, which starts nothing more."""
        self.ledger_trouble: Exception | None = None
        """Why the ledger could not be written last time; None if it could."""
        self.exclusive = Exclusive()
        self.ask: Callable[[Step], bool | None] | None = None
        """Called before each step of a run with --step: run it, skip it, or (None) stop here."""
        self._views: dict[str, Session] = {}
        self._stops: dict[str, Cancellation] = {}
        self._stops_lock = threading.Lock()
        self._closed = threading.Event()
        self._renewed = time.monotonic()
        self.mark = LedgerMark(workspace.folder, self.ledger)
        """Shows whether an older ledger was put back."""
        self.ledger.leases.acquire(
            self.executor,
            host=socket.gethostname(),
            pid=os.getpid(),
            process_start=process_start(os.getpid()) or "",
        )
        threading.Thread(target=self._keep_lease, name="lease", daemon=True).start()

    @staticmethod
    def now() -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def emit(
        self, event: str, run: str, site: str | None = None, step: str | None = None, /, **data: object
    ) -> None:
        """Emit an event. Untrusted text in its data is cleaned here, for every kind of output."""
        self.events.put(
            RunEvent(event=event, at=self.now(), run=run, site=site, step=step, data=cleaned(data))
        )

    def next_event(self, idle: Callable[[], object]) -> RunEvent:
        """Return the next event; call `idle` if none waits, and then each second until there is one.

        Raises:
            SitecrewError: a run of this process has failed.
        """
        wait = 0.0
        while True:
            try:
                event = self.events.get(timeout=wait)
            except Empty:
                idle()
                wait = _IDLE
                continue
            if isinstance(event, BaseException):
                raise event
            return event

    def tell_recognised(self, sentences: Iterable[str]) -> None:
        """Emit the sentences of `Ledger.recognise`."""
        for text in sentences:
            self.emit("inventory.recognised", "", said=text)

    def journal(self, run: str, site: str) -> Journal:
        """Return the journal of a site in a run."""
        return Journal(self.ledger, self.redactor, self.emit, run, site, self.now)

    def context(self, order: Order, site: Site, attempt: int) -> SiteContext:
        """Return the context of a site before it is planned."""
        return SiteContext(
            workspace=self.workspace,
            order=order,
            site=site,
            attempt=attempt,
            plan=SitePlan(site=site.name, client=site.client),
            remote=self.hosts.remote(order.hosts[site.host]),
            prober=prober_of(self.hosts, site, order.limits.look.total_seconds()),
            journal=self.journal(order.run, site.name),
            stop=self.stop_of_site(order, site),
            redactor=self.redactor,
            published=self.hosts.published,
            variables=partial(self.variables, order),
        )

    def reason(self, text: str) -> str:
        """Return a reason on one line, without secrets."""
        return self.redactor.redact(sentence(text, _LONGEST_REASON))

    def variables(self, order: Order) -> dict[str, str]:
        """Return the values of the order's variables: references resolved, others as given with -e.

        Raises:
            SecretError: a value is missing or not the one that the run started with. A run that is being
                stopped needs none.
        """
        found = {name: self._value(name, kept) for name, kept in order.variables.items()}
        missing = [name for name, value in found.items() if value is None]
        if missing and not self.stopping(order.run):
            raise SecretError(
                f"run {order.run} was started with other values of: {', '.join(missing)}",
                hint="values are not stored; give them again: "
                + command("resume", order.run, *(part for name in missing for part in ("-e", f"{name}=..."))),
            )
        return {name: value for name, value in found.items() if value is not None}

    def _value(self, name: str, kept: str | SecretRef) -> str | None:
        if isinstance(kept, SecretRef):
            return self.redactor.resolve(kept, base=self.workspace.folder)
        given = self.workspace.variables.get(name)
        if isinstance(given, SecretRef):
            given = self.redactor.resolve(given, base=self.workspace.folder)
        if given is None or ((kept, given) not in self._fitting and not matches_stored(kept, given)):
            return None
        self._fitting.add((kept, given))
        return given

    def assign(self, run: str, workspace: Workspace) -> None:
        """Have a run use the workspace as it was read when the run was started or resumed."""
        if workspace is self.workspace:
            return
        view = next((one for one in self._views.values() if one.workspace is workspace), None)
        if view is None:
            view = copy(self)
            view.workspace = workspace
            view.hosts = replace(self.hosts, workspace=workspace)
        self._views[run] = view

    def of(self, run: str) -> Session:
        """Return this session with the workspace of a run."""
        return self._views.get(run, self)

    def stop(self, run: str) -> Cancellation:
        """Return the cancellation of a run."""
        with self._stops_lock:
            return self._stops.setdefault(run, Cancellation())

    def stop_of_site(self, order: Order, site: Site) -> Cancellation:
        """Return the cancellation of a site, which also ends as the run's window closes."""
        stop = self.stop(order.run)
        if order.closes is None:
            return stop
        begins = rollback_begins(order.estimates.get(site.name), order.closes)
        stop = stop.of_site(site.name, Closing(begins, order.closes))
        stop.close(self.now())
        return stop

    def stopping(self, run: str) -> bool:
        """Whether nothing more of the run is to be started."""
        return self.draining.is_set() or self.stop(run).asked.is_set()

    def drain(self, run: str) -> None:
        """Finish the sites in progress and start no more."""
        self.draining.set()
        self.emit("run.draining", run)

    def cancel(self, run: str) -> None:
        """Stop the run's running jobs and start no more of it."""
        self.stop(run).ask()
        self.emit("run.cancelling", run)

    def settle(self, run: str) -> None:
        """Follow the jobs of an interrupted run to their end and start no more of it."""
        self.stop(run).settle()

    def begin_attempt(self, run: str) -> None:
        """Forget that an earlier attempt of the run was ended early."""
        with self._stops_lock:
            self._stops.pop(run, None)

    def check_open(self) -> None:
        """Raise if the session is closed: later failures say nothing about a site.

        Raises:
            EngineError: the session is closed.
        """
        if self._closed.is_set():
            raise EngineError("this process is exiting", hint="continue its runs: sitecrew resume")

    def holds_lease(self) -> bool:
        """Whether the ledger could be written lately, and no other process has taken over."""
        late = time.monotonic() - self._renewed > LEASE.total_seconds()
        return not (late or self.ledger_trouble or self.lease_lost.is_set())

    def close(self) -> None:
        """Close the connections, release the lease and close the ledger."""
        self._closed.set()
        self.hosts.pool.close()
        self.ledger.leases.release(self.executor)
        self.mark.update()
        self.ledger.close()

    def release_dead_leases(self) -> None:
        """Release the leases of processes of this machine that no longer exist."""
        for lease in self.ledger.leases.list_unreleased():
            if is_gone(lease):
                self.ledger.leases.release(lease.executor)

    def living(self) -> frozenset[str]:
        """Return the executors that are alive: on this machine by process id, on others by their lease."""
        now = datetime.now(UTC)
        found = self.ledger.leases.list_unreleased()
        return frozenset(lease.executor for lease in found if stopped_at(lease, now) is None)

    def _keep_lease(self) -> None:
        """Renew the lease until the session is closed. Errors, such as a full disk, are retried."""

        def renew() -> None:
            if not self._closed.is_set() and not self.ledger.leases.renew(self.executor):
                self.lease_lost.set()
                self.draining.set()
            self._renewed = time.monotonic()
            self.mark.update()

        def report(error: Exception | None) -> None:
            self.ledger_trouble = error

        repeat(renew, every=_RENEW, until=self._closed, report=report)
