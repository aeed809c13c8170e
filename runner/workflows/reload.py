"""The workspace as its files are now, read again whenever they have changed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from runner.errors import SitecrewError, ValidationError
from runner.hosts.boundary import within
from runner.load import fingerprint, load_workspace

if TYPE_CHECKING:
    from runner.load import Workspace

__all__ = ["Files"]

_LOOKS = 20
"""Files with mistakes are read again after so many looks: a mistake may be about something beside them."""


class Files:
    """Reads a workspace again when its files have changed, and says what is wrong with them.

    A change is read once it has stayed the same for one tick: an editor may be in the middle of writing.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._last = workspace
        """As it was read when its files had no mistakes."""
        self._read = ""
        """The fingerprint of what was read."""
        self._seen = ""
        """The fingerprint at the last look."""
        self._looks = 0
        """So many looks since they were read."""
        self.problem = ""
        """What is wrong with the files now; empty where nothing is."""

    @property
    def last(self) -> Workspace:
        """The workspace as it was when its files had no mistakes."""
        return self._last

    def current(self) -> Workspace | None:
        """The workspace; None while its files have mistakes, or change."""
        found = fingerprint(self._last.folder)
        steady, self._seen = found == self._seen or not self._read, found
        self._looks += 1
        if found == self._read and not (self.problem and self._looks > _LOOKS):
            return None if self.problem else self._last
        if not steady:
            return None
        self._read, self._looks, self.problem = found, 0, ""
        made = within(partial(load_workspace, self._last.folder))
        if isinstance(made, SitecrewError):
            self.problem = f"no window is started until the files are corrected: {_first(made)}"
            return None
        self._last = replace(made, variables=self._last.variables, operator=self._last.operator)
        return self._last


def _first(error: SitecrewError) -> str:
    """The first problem, and how many more there are."""
    if not isinstance(error, ValidationError) or not error.problems:
        return str(error)
    more = len(error.problems) - 1
    first = error.problems[0]
    said = f"{first.file}:{first.line}:{first.column}: {first.path}: {first.message}"
    return said + (f" (and {more} more; see: sitecrew validate)" if more else "")
