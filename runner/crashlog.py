"""Unexpected errors: each traceback is saved to its own file, and users see its id.

Tracebacks are never printed or recorded as a reason: they may contain paths and text from hosts and pages.
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

_MAX_FILES = 50
"""Above this, the oldest files are deleted."""
_MAX_ENTRIES = 20
_workspace: Path | None = None
_unreported: dict[str, Entry] = {}
_recent: dict[str, Entry] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Entry:
    """A recorded error. `path` is None if no log folder was writable."""

    id: str
    trace: str
    path: Path | None


def keep_in(workspace: Path) -> None:
    """Save tracebacks to `.sitecrew/logs` of this workspace from now on."""
    global _workspace  # noqa: PLW0603  # one workspace per process
    _workspace = workspace


def record(error: BaseException) -> Entry:
    """Save the traceback of an error. A repeated error keeps its id and is saved once."""
    trace = trace_of(error)
    entry_id = hashlib.sha256(trace.encode()).hexdigest()[:8]
    with _lock:
        if _recent.get(entry_id) is None:
            _recent[entry_id] = _unreported[entry_id] = Entry(entry_id, trace, _save_trace(entry_id, trace))
            for entries in (_recent, _unreported):
                while len(entries) > _MAX_ENTRIES:
                    del entries[next(iter(entries))]
        return _recent[entry_id]


def unreported() -> tuple[Entry, ...]:
    """Return the errors recorded since the last call; if there are many, the latest."""
    with _lock:
        entries = tuple(_unreported.values())
        _unreported.clear()
    return entries


def reported(entry: Entry) -> None:
    """Mark an error as shown to the user."""
    with _lock:
        _unreported.pop(entry.id, None)


def _save_trace(entry_id: str, trace: str) -> Path | None:
    now = datetime.now(UTC)
    text = f"{_header()}\n{now:%Y-%m-%d %H:%M:%S} UTC, id {entry_id}\n\n{trace}"
    for folder in _log_folders():
        path = folder / f"crash-{now:%Y%m%d-%H%M%S}-{entry_id}.txt"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(text.encode("utf-8", "backslashreplace"))
        except OSError:
            continue
        with suppress(OSError):
            for old in sorted(folder.glob("crash-*.txt"))[:-_MAX_FILES]:
                old.unlink(missing_ok=True)
        return path
    return None


def _header() -> str:
    import platform

    command = next((word for word in sys.argv[1:2] if word.isalpha()), "?")  # others may be secret
    system = f"Python {platform.python_version()}, {platform.platform()}"
    return f"sitecrew {__version__}, {system}, command: {command}"


def _log_folders() -> list[Path]:
    """Folders to try: the workspace's first, then the user's."""
    folders = [_workspace / ".sitecrew/logs"] if _workspace else []
    with suppress(RuntimeError):  # the user has no home folder
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
        folders.append(Path(state) / "sitecrew/logs")
    return folders
