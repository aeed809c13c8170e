"""The command line, whose ledger fails at an event: `python -m tests.promises.faulty N FAULT FOLDER ...`.

FAULT is `full` (the file system of FOLDER has no space left), `readonly` (its kernel refuses to write there)
or `locked` (another process has the ledger for itself). Each lasts as long as this process.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.apply.session import Session
from runner.apply.transaction import job
from runner.cli.main import main
from runner.record import sqlite, store

if TYPE_CHECKING:
    from collections.abc import Callable

# A host that waits in vain, and a writer that waits for its turn, give up soon here.
job.WAIT = 6
sqlite.BUSY_SECONDS = store.BUSY_SECONDS = 1.0

_HOLD = """\
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def fill(folder: Path) -> None:
    """Take every block that is left."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    with (folder / "filler").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(512))


def refuse(folder: Path) -> None:
    """What the kernel does to a file system that it no longer trusts."""
    subprocess.run(["mount", "-o", "remount,abort", folder], check=True)


def hold(folder: Path) -> None:
    """Begin a transaction elsewhere that ends with this process."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, folder / "ledger.db"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"


FAULTS: dict[str, Callable[[Path], None]] = {"full": fill, "readonly": refuse, "locked": hold}


def fail_at(number: int, fault: str, folder: Path) -> None:
    """Set the trap."""
    counted, emit = count(1), Session.emit

    def failing_emit(self: Session, *arguments: Any, **data: Any) -> None:
        if next(counted) == number:
            FAULTS[fault](folder)
            sys.stderr.write(f"{fault} at event {number}: {arguments[0]}\n")
        emit(self, *arguments, **data)

    Session.emit = failing_emit  # type: ignore[method-assign]


if __name__ == "__main__":
    fail_at(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    main(sys.argv[4:])
