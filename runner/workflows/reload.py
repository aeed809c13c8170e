"""Reload the workspace when its files have changed."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError, ValidationError
from runner.hosts.boundary import within
from runner.load import fingerprint, load_workspace, stamps

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["WorkspaceFiles"]

_IN_FORCE = "the last version without mistakes stays in force"
_LONGEST_CHANGE = 10
"""Checks with a change after which windows are started although the files keep changing."""
_CHECKS = 20
"""Checks after which files with mistakes are read again, since the mistake may be in another file."""


class WorkspaceFiles:
    """Reads a workspace again when its files have changed, and reports mistakes in them.

    A change is read after the files have stayed the same for one tick, since an editor may still be writing.
    While the files have mistakes, the last version without mistakes stays in force. It is kept in memory: a
    process that is started while the files have mistakes has none.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._last = workspace
        """The last workspace without mistakes."""
        self._read = ""
        """The fingerprint of the files when they were read."""
        self._seen = ""
        """The fingerprint at the last check."""
        self._stamps: tuple[object, ...] | None = None
        """The stamps of the files at the last check."""
        self._requested = threading.Event()
        self.reloads = -1
        """How often the files have been read again, with or without mistakes; -1 before the first check."""
        self._checks = self._changing = 0
        """Number of checks since the files were read; of these, with another change than the one before."""
        self.problem = ""
        """The first mistake in the files; empty if there is none."""

    @property
    def last(self) -> Workspace:
        """The workspace in force: the last one without mistakes."""
        return self._last

    def request(self) -> None:
        """Read the files at the next check, even if they are unchanged or have just been changed."""
        self._requested.set()

    def current(self) -> Workspace | None:
        """Return the workspace in force, after reading the files again if they have changed.

        None for some ticks while the files are being changed: an edit before a window applies to it.
        """
        requested = self._requested.is_set()
        self._requested.clear()
        found = self._fingerprint()
        steady, self._seen = found == self._seen or not self._read, found
        self._checks += 1
        if found == self._read and not requested and not (self.problem and self._checks > _CHECKS):
            return self._last
        if not steady and not requested:
            self._changing += 1
            return None if self._changing < _LONGEST_CHANGE else self._last
        self._reload(found)
        return self._last

    def _fingerprint(self) -> str:
        """Return the fingerprint of the files, which are read only if their stamps have changed."""
        files = self._last.folder, self._last.calendar_files
        now = stamps(*files)
        if now == self._stamps and self._seen:
            return self._seen
        self._stamps = now
        return fingerprint(*files)

    def _reload(self, found: str) -> None:
        self._read, self._checks, self._changing = found, 0, 0
        loaded = within(partial(load_workspace, self._last.folder, known=self._last.calendars))
        if isinstance(loaded, SitecrewError):
            mistake: SitecrewError | None = loaded
        else:
            mistake = ValidationError(loaded.calendar_problems) if loaded.calendar_problems else None
            self._last = replace(loaded, variables=self._last.variables, operator=self._last.operator)
        self.problem = f"{_IN_FORCE}: {_first(mistake)}" if mistake else ""
        self.reloads += 1


def _first(error: SitecrewError) -> str:
    """Return the first problem, and the number of others."""
    if not isinstance(error, ValidationError) or not error.problems:
        return str(error)
    more = len(error.problems) - 1
    first = error.problems[0]
    message = f"{first.file}:{first.line}:{first.column}: {first.path}: {first.message}"
    return message + (f" (and {more} more; see: sitecrew validate)" if more else "")
