"""Unexpected errors: each traceback is a file of its own, and people see its id.

A traceback is neither printed nor recorded as a reason: it may hold text of hosts and pages, and paths.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner import __version__
from runner.untrusted import trace_of

__all__ = ["Entry", "keep_in", "record", "reported", "unreported"]

_KEPT = 50
"""Files; the oldest go first."""
_REMEMBERED = 20
_workspace: Path | None = None
_entries: dict[str, Entry] = {}
"""Not reported yet."""
_last: dict[str, Entry] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Entry:
    """An error on record; `path` is None where no folder could be written."""

    id: str
    trace: str
    path: Path | None


def keep_in(workspace: Path) -> None:
    """Files go to `.sitecrew/logs` of this workspace from now on."""
    global _workspace  # noqa: PLW0603  # a process works on one
    _workspace = workspace


def record(error: BaseException) -> Entry:
    """Save the traceback of an error, once: the same one again has the same id."""
    trace = trace_of(error)
    number = hashlib.sha256(trace.encode()).hexdigest()[:8]
    with _lock:
        if _last.get(number) is None:
            _last[number] = _entries[number] = Entry(number, trace, _saved(number, trace))
            for entries in (_last, _entries):
                while len(entries) > _REMEMBERED:
                    del entries[next(iter(entries))]
        return _last[number]


def unreported() -> tuple[Entry, ...]:
    """The new errors since the last call, the latest where they are many."""
    with _lock:
        found = tuple(_entries.values())
        _entries.clear()
    return found


def reported(entry: Entry) -> None:
    """It has been shown, and is not unreported any more."""
    with _lock:
        _entries.pop(entry.id, None)


def _saved(number: str, trace: str) -> Path | None:
    now = datetime.now(UTC)
    text = f"{_head()}\n{now:%Y-%m-%d %H:%M:%S} UTC, id {number}\n\n{trace}"
    for folder in _folders():
        path = folder / f"crash-{now:%Y%m%d-%H%M%S}-{number}.txt"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(text.encode("utf-8", "backslashreplace"))
        except OSError:
            continue
        with suppress(OSError):
            for old in sorted(folder.glob("crash-*.txt"))[:-_KEPT]:
                old.unlink(missing_ok=True)
        return path
    return None


def _head() -> str:
    import platform

    command = next((word for word in sys.argv[1:2] if word.isalpha()), "?")  # the rest may hold secrets
    system = f"Python {platform.python_version()}, {platform.platform()}"
    return f"sitecrew {__version__}, {system}, command: {command}"


def _folders() -> list[Path]:
    """The workspace's own folder, else one of the user's."""
    found = [_workspace / ".sitecrew/logs"] if _workspace else []
    with suppress(RuntimeError):  # this user has no home
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
        found.append(Path(state) / "sitecrew/logs")
    return found
