"""The durable workflow engine (DBOS Transact); no other module imports it.

It stores only queue positions: the ledger and the job folders on the hosts are authoritative. If its file is
deleted, a run is resumed from those. Workflows take ids and return small JSON values. A workflow that is
started twice with the same id runs once.

An exception of the engine says nothing about a site; callers treat it as *lost*.
"""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from runner.errors import EngineError

if TYPE_CHECKING:
    from dbos import WorkflowHandle

__all__ = ["APPLICATION_VERSION", "Engine", "Handle", "Queue", "engine_url"]

APPLICATION_VERSION = "1"
"""Increased by hand when a workflow changes so that earlier work cannot continue."""

_QUEUE_POLL = 0.1
"""Seconds between polls of a queue; each is a transaction, even if the queue is full."""
_RESULT_POLL = 0.5
"""Seconds between polls for a workflow's result."""
_POLLS_PER_STATUS = 10
"""Polls for a result between two checks whether the engine ended the workflow without its body returning."""
_GRACE = 1.0
"""Seconds within which the body of an ended workflow must return."""
_APPLICATION = "sitecrew"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue whose entries are partitioned by host, to limit the load on each."""

    name: str
    at_once: int
    at_once_per_partition: int | None
    """None if no partition can exceed its limit: then entries are dequeued in batches, not one by one."""


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

    def __init__(self, url: str, *, executor: str) -> None:
        from dbos import DBOS, DBOSConfig  # takes a third of a second, and only runs need it
        from dbos import DBOSPortableJSONSerializer as Json

        _quiet()
        if url.startswith("sqlite:///"):
            _private_file(Path(url.removeprefix("sqlite:///")))
        self._url = url
        # the engine's own way to wait for a workflow polls its file and writes a row for each result
        self._ends: WeakValueDictionary[str, Future[Any]] = WeakValueDictionary()
        config: DBOSConfig = {
            "name": _APPLICATION,
            "system_database_url": url,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor,
            "log_level": "CRITICAL",
            "serializer": Json(),
            "db_engine_kwargs": {
                "hide_parameters": True,
                "connect_args": {"timeout": 40, "factory": _UnsyncedConnection},
            }
            if url.startswith("sqlite")
            else {"hide_parameters": True},
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
        with _explained():
            self._register(queues)
            gc.freeze()  # what is loaded by now stays, so exclude it from later collections
            self._dbos.launch()

    def start(self, workflow_id: str, body: Callable[..., Any], *args: Any) -> Handle:
        """Start a workflow in a thread of this process."""
        from dbos import SetWorkflowID

        end = self._ends[workflow_id] = Future[Any]()
        with _explained(), SetWorkflowID(workflow_id):
            return Handle(self._dbos.start_workflow(body, *args), end)

    def enqueue(
        self, queue: Queue, partition: str, workflow_id: str, body: Callable[..., Any], *args: Any
    ) -> Handle:
        """Queue a workflow. It is started when the queue and its partition have a free slot."""
        from dbos import SetEnqueueOptions, SetWorkflowID

        end = self._ends[workflow_id] = Future[Any]()
        key = None if queue.at_once_per_partition is None else partition
        with _explained(), SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=key):
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

    def _register(self, queues: Sequence[Queue]) -> None:
        """Create the queues before the launch; the engine would notice later ones only after a second."""
        from dbos import DBOSClient

        self._dbos.migrate(self._url)
        client = DBOSClient(system_database_url=self._url, application_name=_APPLICATION)
        try:
            for queue in queues:
                client.register_queue(
                    queue.name,
                    worker_concurrency=queue.at_once,
                    partition_concurrency=queue.at_once_per_partition,
                    polling_interval_sec=_QUEUE_POLL,
                )
        finally:
            client.destroy()


def engine_url(ledger: str) -> str:
    """Return the URL of the engine's file, which is next to the ledger."""
    path = Path(ledger.removeprefix("sqlite:///"))
    return f"sqlite:///{path.with_name('engine.db')}"


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an error of the engine's database into an `EngineError` with a hint."""
    try:
        yield
    except Exception as error:
        reason = getattr(error, "orig", None) or error
        raise EngineError(
            f"the engine cannot write its file: {reason}",
            hint="is the disk full, or .sitecrew/ not writable? Fix that, then: sitecrew resume",
        ) from error


class _UnsyncedConnection(sqlite3.Connection):
    """Does not wait for the disk: a power cut may lose queue positions, which the ledger has too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA synchronous = NORMAL")


def _quiet() -> None:
    logger = logging.getLogger("dbos")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())


def _private_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path, timeout=40)) as file:
        file.execute("PRAGMA journal_mode=WAL")
