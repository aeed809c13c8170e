"""How far the ledger had got, in a file of its own: it shows that an older ledger was put back.

The file is beside the ledger's own, in the workspace, so that a copy of the ledger does not replace it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from runner.model import Outcome, worst
from runner.record.schema import acts, instant_text
from runner.record.store import now
from runner.units import utc

if TYPE_CHECKING:
    from runner.record.ledger import Ledger

__all__ = ["Gap", "LedgerMark"]

_ACCEPT = "accept"
_FILE = ".sitecrew/ledger.mark"
_LONGEST = 1000
"""Bytes of the file."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The time that an older ledger lacks."""

    since: datetime | None
    """When the last act before the gap was recorded; None if the ledger has none."""
    until: datetime
    """When the replaced ledger was last known to be in use."""

    def contains(self, at: datetime) -> bool:
        """Whether the ledger does not show what happened at this time."""
        return at <= self.until and (self.since is None or at > self.since)

    @property
    def text(self) -> str:
        """The gap as a sentence."""
        since = utc(self.since) if self.since else "its start"
        return f"an older ledger was put back: it lacks what happened from {since} to {utc(self.until)}"


@dataclass(frozen=True, slots=True)
class _Head:
    """The last act of a ledger."""

    act: int
    hash: str
    seen: datetime
    """When it was the last act."""


class LedgerMark:
    """The file of one workspace.

    Args:
        folder: the workspace.
        ledger: its ledger.
    """

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._file, self._ledger = folder / _FILE, ledger
        self._written: _Head | None = None
        self._known_complete = False
        self._accepted: tuple[Gap, ...] | None = None
        """The gaps that were accepted earlier, once they are read."""

    def gaps(self) -> tuple[Gap, ...]:
        """Return all gaps of the ledger: those that were accepted, and the one that is not yet.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        found = self.gap()
        if self._accepted is None:
            self._accepted = self._read_accepted()
        if found:
            gaps, self._accepted = (*self._accepted, found), None  # to be read again once it is accepted
            return gaps
        return self._accepted

    def accept(self, gap: Gap) -> tuple[str, ...]:
        """Continue with a ledger that has a gap; return the runs that it shows in progress: they end as lost.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        ledger, at = self._ledger, now()
        open_runs = [ledger.runs.summary(one.run) for one in ledger.runs.list_open()]
        ended = tuple(run.run for run in open_runs if run.started <= gap.until)
        for run in ended:
            for row in ledger.sites.list_unfinished(run):
                outcome = Outcome.LOST if row.started else Outcome.CANCELLED
                ledger.sites.finished(run, row.site, outcome, gap.text, at)
            outcomes = [row.outcome for row in ledger.sites.list(run) if row.outcome]
            ledger.runs.finished(run, worst(outcomes), at)
        details = {"since": gap.since and instant_text(gap.since), "until": instant_text(gap.until)}
        ledger.acts.record(_ACCEPT, "gap of the ledger", details=details)
        self.update(accept=True)
        return ended

    def _read_accepted(self) -> tuple[Gap, ...]:
        query = select(acts.c.details).where(acts.c.act == _ACCEPT).order_by(acts.c.id)
        with self._ledger.store.read() as connection:
            found = connection.execute(query).scalars().all()
        return tuple(
            Gap(one["since"] and datetime.fromisoformat(one["since"]), datetime.fromisoformat(one["until"]))
            for one in found
        )

    def gap(self) -> Gap | None:
        """Return what the ledger lacks; None if it has the act that was last marked, or nothing was marked.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if self._known_complete:
            return None
        head = self._read()
        if head is None or self._has(head):
            self._known_complete = True
            return None
        with self._ledger.store.read() as connection:
            last = select(func.max(acts.c.at)).where(acts.c.at <= head.seen)
            return Gap(connection.execute(last).scalar(), head.seen)

    def update(self, *, accept: bool = False) -> None:
        """Mark the last act of the ledger, unless the ledger lacks something that is not accepted.

        Errors of the file are ignored: it is a second line of defence.
        """
        if not accept and self.gap() is not None:
            return
        last = select(func.max(acts.c.id)).scalar_subquery()
        query = select(acts.c.id, acts.c.hash).where(acts.c.id == last)
        with self._ledger.store.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return
        self._known_complete = True
        self._write(_Head(row.id, row.hash, now()))

    def _has(self, head: _Head) -> bool:
        query = select(acts.c.hash).where(acts.c.id == head.act)
        with self._ledger.store.read() as connection:
            return connection.execute(query).scalar() == head.hash

    def _read(self) -> _Head | None:
        try:
            with self._file.open("rb") as file:
                found = json.loads(file.read(_LONGEST))
            return _Head(int(found["act"]), str(found["hash"]), datetime.fromisoformat(found["seen"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _write(self, head: _Head) -> None:
        if self._written and (head.act, head.hash) == (self._written.act, self._written.hash):
            return
        text = json.dumps({"act": head.act, "hash": head.hash, "seen": instant_text(head.seen)})
        new = self._file.with_suffix(f".{os.getpid()}.new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            new.replace(self._file)
        except OSError:
            new.unlink(missing_ok=True)
        else:
            self._written = head
