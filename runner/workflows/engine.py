"""The durable workflow engine (DBOS Transact); no other module imports it.

Its tables are in a file next to the ledger's, or in a schema of the ledger's PostgreSQL database. They
contain only queue positions: the ledger and the job folders on the hosts are authoritative. If they are
deleted, a run is resumed from those. Workflows take ids and return small JSON values. A workflow that is
started twice with the same id runs once.

An exception of the engine says nothing about a site; callers treat it as *lost*.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from runner.errors import EngineError
from runner.workflows.engine_database import APPLICATION, engine_database

if TYPE_CHECKING:
    from dbos import WorkflowHandle

    from runner.model import LedgerAddress

__all__ = ["APPLICATION_VERSION", "Engine", "Handle", "Queue"]

APPLICATION_VERSION = "1"
"""Increased by hand when a workflow changes so that earlier work cannot continue."""

_RESULT_POLL = 0.5
"""Seconds between polls for a workflow's result."""
_POLLS_PER_STATUS = 10
"""Polls for a result between two checks whether the engine ended the workflow without its body returning."""
_GRACE = 1.0
"""Seconds within which the body of an ended workflow must return."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue whose entries are partitioned by host, to limit the load on each."""

    name: str
    at_once: int
    at_once_per_partition: int | None
    """None if no partition can exceed its limit: then entries are dequeued in batches, not one by one."""
    poll: float = 0.1
    """Seconds between two polls; each is a transaction, even if the queue is full."""


class Handle:
    """A workflow that was started or queued by this process and runs in it."""

    def __init__(self, inner: WorkflowHandle[Any], end: Future[Any]) -> None:
        self._inner = inner
        self._end = end

    @property
    def id(self) -> str:
        """The workflow's id."""
        return self._inner.get_workflow_id()

    def result(self, given_up: Callable[[], bool] = lambda: False) -> Any:
        """Wait for the workflow; return what it returned, raise what it raised.

        Args:
            given_up: called twice a second; if it returns True, the waiting ends, but not the workflow.

        Raises:
            EngineError: the engine ended the workflow without its body returning.
            TimeoutError: the waiting was given up.
        """
        polls = count(1)
        while not wait([self._end], timeout=_RESULT_POLL).done:
            if given_up():
                raise TimeoutError
            if next(polls) % _POLLS_PER_STATUS:
                continue
            status = self._status()
            if status not in {"ENQUEUED", "PENDING"} and not wait([self._end], timeout=_GRACE).done:
                raise EngineError(f"the engine ended {self.id} early: {status}")
        return self._end.result()

    def _status(self) -> str:
        """Return the engine's status; from another thread, since a workflow would record the query."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            return str(thread.submit(self._inner.get_status).result().status)


class Engine:
    """The engine of a process. Register workflows first, then call `launch`."""

    def __init__(self, ledger: LedgerAddress, *, executor: str) -> None:
        from dbos import DBOS, DBOSConfig  # takes a third of a second, and only runs need it
        from dbos import DBOSPortableJSONSerializer as Json

        _quiet()
        self._database = engine_database(ledger)
        # the engine's own way to wait for a workflow polls its file and writes a row for each result
        self._ends: WeakValueDictionary[str, Future[Any]] = WeakValueDictionary()
        config: DBOSConfig = {
            "name": APPLICATION,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor,
            "log_level": "CRITICAL",
            "serializer": Json(),
            **self._database.options(),  # type: ignore[typeddict-item]
        }
        self._dbos = DBOS
        DBOS(config=config)

    def workflow(self, name: str, body: Callable[..., Any]) -> Callable[..., Any]:
        """Register a workflow under a permanent name; `body` takes and returns small JSON values."""

        def plain(*args: Any) -> Any:  # the engine sets attributes on it, which methods do not allow
            end = self._ends.get(self._dbos.workflow_id or "")
            try:
                result = body(*args)
            except BaseException as error:
                if end is not None and not end.done():
                    end.set_exception(error)
                raise
            if end is not None and not end.done():
                end.set_result(result)
            return result

        registered: Callable[..., Any] = self._dbos.workflow(name=name)(plain)
        return registered

    def launch(self, queues: Sequence[Queue]) -> None:
        """Start processing these queues only.

        Raises:
            EngineError: the engine's file cannot be written.
        """
        self._dbos.listen_queues([queue.name for queue in queues])
        with self._explained():
            self._register(queues)
            gc.freeze()  # what is loaded by now stays, so exclude it from later collections
            self._dbos.launch()

    def start(self, workflow_id: str, body: Callable[..., Any], *args: Any) -> Handle:
        """Start a workflow in a thread of this process."""
        from dbos import SetWorkflowID

        end = self._ends[workflow_id] = Future[Any]()
        with self._explained(), SetWorkflowID(workflow_id):
            return Handle(self._dbos.start_workflow(body, *args), end)

    def enqueue(
        self, queue: Queue, partition: str, workflow_id: str, body: Callable[..., Any], *args: Any
    ) -> Handle:
        """Queue a workflow. It is started when the queue and its partition have a free slot."""
        from dbos import SetEnqueueOptions, SetWorkflowID

        end = self._ends[workflow_id] = Future[Any]()
        key = None if queue.at_once_per_partition is None else partition
        with self._explained(), SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=key):
            return Handle(self._dbos.enqueue_workflow(queue.name, body, *args), end)

    def forget(self, prefix: str) -> None:
        """Cancel unfinished workflows with this id prefix; their work continues under other ids."""
        unfinished = self._dbos.list_workflows(
            workflow_id_prefix=prefix, status=["PENDING", "ENQUEUED"], load_input=False, load_output=False
        )
        if unfinished:
            self._dbos.cancel_workflows([status.workflow_id for status in unfinished])

    def close(self, queues: Sequence[Queue] = ()) -> None:
        """Delete queues that are no longer needed. The engine's threads end with the process."""
        for queue in queues:
            self._dbos.delete_queue(queue.name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn an error of the engine's database into an `EngineError` with a hint."""
        try:
            yield
        except Exception as error:
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise EngineError(
                f"the engine cannot write its {self._database.what}: {reason}", hint=self._database.hint
            ) from error

    def _register(self, queues: Sequence[Queue]) -> None:
        """Create the queues before the launch; the engine would notice later ones only after a second."""
        self._database.migrate()
        client = self._database.client()
        try:
            for queue in queues:
                client.register_queue(
                    queue.name,
                    worker_concurrency=queue.at_once,
                    partition_concurrency=queue.at_once_per_partition,
                    polling_interval_sec=queue.poll,
                )
        finally:
            client.destroy()


def _quiet() -> None:
    logger = logging.getLogger("dbos")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
