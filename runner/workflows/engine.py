"""The durable engine, and the one module that knows it (DBOS Transact).

It holds positions in queues and nothing else: the ledger and the job folders on the hosts are the truth. If
its file is deleted, a run is resumed from those. Ids go in, small JSON comes out; a workflow's id is its
promise, so that the same id started twice runs once.

An exception of the engine is never a verdict about a site: callers treat it as *lost*.
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

__all__ = ["APPLICATION_VERSION", "Engine", "Handle", "Queue"]

APPLICATION_VERSION = "1"
"""Raised by hand when a workflow changes so that work begun before it cannot go on."""

_POLL = 0.1
"""Seconds between looks into a queue; each is a transaction, also where the queue is full."""
_PACE = 0.5
"""Seconds between questions whether a workflow is still waited for."""
_LOOK = 10
"""Every so many of them, a look whether the engine ended it although its body has not come back to us."""
_GRACE = 1.0
"""Seconds in which a body that has ended comes back to us."""
_APPLICATION = "sitecrew"


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue whose entries are partitioned, so that one host never gets more than its share."""

    name: str
    at_once: int
    at_once_per_partition: int | None
    """None where no partition can get too many: then entries are taken together, not one by one."""


class Handle:
    """A workflow that was started or queued here, and works in this process."""

    def __init__(self, inner: WorkflowHandle[Any], end: Future[Any]) -> None:
        self._inner = inner
        self._end = end

    @property
    def id(self) -> str:
        """The workflow's id."""
        return self._inner.get_workflow_id()

    def result(self, given_up: Callable[[], bool] = lambda: False) -> Any:
        """Wait for the end and return what the workflow returned; raise what it raised.

        Args:
            given_up: asked twice a second; it ends the waiting, not the workflow.

        Raises:
            EngineError: the engine ended it without its body's coming back.
            TimeoutError: it was given up.
        """
        looks = count(1)
        while not wait([self._end], timeout=_PACE).done:
            if given_up():
                raise TimeoutError
            if next(looks) % _LOOK:
                continue
            status = self._status()
            if status not in {"ENQUEUED", "PENDING"} and not wait([self._end], timeout=_GRACE).done:
                raise EngineError(f"the engine gave up {self.id}: {status}")
        return self._end.result()

    def _status(self) -> str:
        """What the engine says; asked in a thread of its own, since a workflow notes each question."""
        with ThreadPoolExecutor(max_workers=1) as aside:
            return str(aside.submit(self._inner.get_status).result().status)


class Engine:
    """A launched engine. One a process; register workflows first, then `launch`."""

    def __init__(self, url: str, *, executor: str) -> None:
        from dbos import DBOS, DBOSConfig  # a third of a second, and only runs need it
        from dbos import DBOSPortableJSONSerializer as Json

        _quiet()
        if url.startswith("sqlite:///"):
            _private_file(Path(url.removeprefix("sqlite:///")))
        self._url = url
        # The engine's own way to wait for a workflow polls its file and writes a row for each result.
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
                "connect_args": {"timeout": 40, "factory": _HastyConnection},
            }
            if url.startswith("sqlite")
            else {"hide_parameters": True},
        }
        self._dbos = DBOS
        DBOS(config=config)

    def workflow(self, name: str, body: Callable[..., Any]) -> Callable[..., Any]:
        """Register a workflow under a lasting name; `body` takes and returns small JSON values."""

        def plain(*args: Any) -> Any:  # the engine marks what it registers, and methods cannot be marked
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
        """Start working on these queues and no others.

        Raises:
            EngineError: its file cannot be written.
        """
        self._dbos.listen_queues([queue.name for queue in queues])
        with _explained():
            self._register(queues)
            gc.freeze()  # what is loaded by now stays: no need to look through it at each collection
            self._dbos.launch()

    def start(self, workflow_id: str, body: Callable[..., Any], *args: Any) -> Handle:
        """Run a workflow in this process, beside the caller."""
        from dbos import SetWorkflowID

        end = self._ends[workflow_id] = Future[Any]()
        with _explained(), SetWorkflowID(workflow_id):
            return Handle(self._dbos.start_workflow(body, *args), end)

    def enqueue(
        self, queue: Queue, partition: str, workflow_id: str, body: Callable[..., Any], *args: Any
    ) -> Handle:
        """Queue a workflow. It is begun when the queue and its partition have room."""
        from dbos import SetEnqueueOptions, SetWorkflowID

        end = self._ends[workflow_id] = Future[Any]()
        key = None if queue.at_once_per_partition is None else partition
        with _explained(), SetWorkflowID(workflow_id), SetEnqueueOptions(queue_partition_key=key):
            return Handle(self._dbos.enqueue_workflow(queue.name, body, *args), end)

    def forget(self, prefix: str) -> None:
        """Cancel what is left of workflows with this id prefix; their work goes on under another id."""
        unfinished = self._dbos.list_workflows(
            workflow_id_prefix=prefix, status=["PENDING", "ENQUEUED"], load_input=False, load_output=False
        )
        if unfinished:
            self._dbos.cancel_workflows([status.workflow_id for status in unfinished])

    def close(self, queues: Sequence[Queue] = ()) -> None:
        """Remove queues that nobody will use again. Threads end with the process: no time for farewells."""
        for queue in queues:
            self._dbos.delete_queue(queue.name)

    def _register(self, queues: Sequence[Queue]) -> None:
        """Before the launch: a queue that is not there by then is found a second later."""
        from dbos import DBOSClient

        self._dbos.migrate(self._url)
        client = DBOSClient(system_database_url=self._url, application_name=_APPLICATION)
        try:
            for queue in queues:
                client.register_queue(
                    queue.name,
                    worker_concurrency=queue.at_once,
                    partition_concurrency=queue.at_once_per_partition,
                    polling_interval_sec=_POLL,
                )
        finally:
            client.destroy()


@contextmanager
def _explained() -> Iterator[None]:
    """What the engine's file says of its trouble, in the words of its system."""
    try:
        yield
    except Exception as error:
        reason = getattr(error, "orig", None) or error
        raise EngineError(
            f"the engine cannot write its file: {reason}",
            hint="is the disk full, or .sitecrew/ not writable? Mend that, then: sitecrew resume",
        ) from error


class _HastyConnection(sqlite3.Connection):
    """Does not wait for the disk: a power cut may cost positions in queues, which the ledger knows too."""

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
