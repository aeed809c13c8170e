"""The command line, killed at its own N-th event or write: `python -m tests.promises.dying N KIND ...`.

KIND is `event` (before the event is told), `before` or `after` (a transaction of the ledger), or `never`.
A host that waits for a verdict in vain decides by itself after seconds here, so that tests need not wait.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from itertools import count
from typing import Any

from runner.apply.session import Session
from runner.apply.transaction import job
from runner.cli.main import main
from runner.record.store import Store

job.WAIT = 6


def die_at(number: int, kind: str) -> None:
    """Set the trap."""
    counted, turn = count(1), threading.Lock()

    def here(place: str) -> None:
        if place == kind:
            with turn:
                if next(counted) == number:
                    os.kill(os.getpid(), signal.SIGKILL)

    emit, write = Session.emit, Store.write

    def dying_emit(self: Session, *arguments: Any, **data: Any) -> None:
        here("event")
        emit(self, *arguments, **data)

    @contextmanager
    def dying_write(self: Store, *arguments: Any, **options: Any) -> Any:
        here("before")
        with write(self, *arguments, **options) as connection:
            yield connection
        here("after")

    Session.emit = dying_emit  # type: ignore[method-assign]
    Store.write = dying_write  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    die_at(int(sys.argv[1]), sys.argv[2])
    main(sys.argv[3:])
