"""Looks, restore points, jobs and automatic updates, as they are read from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runner.record.views.instants import rfc3339

__all__ = ["AutoUpdateView", "HeldAutoUpdate", "LookView", "RestorePointView", "SegmentView", "SiteDuration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookView:
    """One look at a page or other signal of a site."""

    site: str
    run: str | None = None
    """The run that looked; None if no run did."""
    at: datetime
    phase: str
    """`before`, `after`, `undo` or `soak`."""
    signal: str
    """The kind of look, such as `boot`, `uncached`, `page` or `sub-site`."""
    url: str = ""
    healthy: bool | None
    """None if the look gave no verdict, which is not the same as unhealthy."""
    status: int | None = None
    """The HTTP status, if there was an answer."""
    seconds: float | None = None
    size: int | None = None
    """Bytes of the body."""
    findings: Sequence[object] = ()
    """Any values that JSON can hold."""
    note: str = ""
    """Free text for people."""
    seen: str | None = None
    """`seen`, `refused` or `absent`; None if not recorded."""

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `looks`."""
        return {
            "at": rfc3339(self.at),
            "phase": self.phase,
            "signal": self.signal,
            "url": self.url,
            "seen": self.seen,
            "healthy": self.healthy,
            "status": self.status,
            "seconds": self.seconds,
            "bytes": self.size,
            "findings": list(self.findings),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePointView:
    """A restore point on the host; `removed` is set once it is gone."""

    run: str
    site: str
    path: str
    created: datetime
    size: int | None
    """Bytes."""
    items: tuple[object, ...]
    removed: datetime | None

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `restore_points`."""
        return {
            "path": self.path,
            "created": rfc3339(self.created),
            "bytes": self.size,
            "items": list(self.items),
            "removed": rfc3339(self.removed),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoUpdateView:
    """An automatic update of WordPress whose item is held. `AutoUpdate` explains `kind` and `key`."""

    id: int
    site: str
    kind: str
    key: str
    item: str
    was: str
    state: str
    """`asked` (to be switched off, result unknown), `off`, `overruled` (switched on again at the site while
    held), `on` (restored), `changed` (changed at the site since, left alone), `gone`, or `forced` (cannot be
    switched off)."""
    why: str
    """Why the item is held."""
    forced: str
    """What forces the update; empty if nothing does."""
    run: str
    since: datetime
    settled_run: str | None
    settled: datetime | None

    def as_json(self) -> dict[str, object]:
        """One entry of a site's `auto_updates`."""
        return {
            "item": self.item,
            "kind": self.kind,
            "key": self.key,
            "state": self.state,
            "why": self.why,
            "forced": self.forced,
            "run": self.run,
            "since": rfc3339(self.since),
            "settled_run": self.settled_run,
            "settled": rfc3339(self.settled),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAutoUpdate:
    """An automatic update of WordPress whose item is held. `AutoUpdate` explains `kind` and `key`."""

    kind: str
    key: str
    item: str
    why: str
    """Why the item is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDuration:
    """How long a playbook took on a site."""

    site: str
    seconds: float
    rollback: float | None = None
    """Seconds of the longest rollback in it; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """A job on a host. `state` is `started`, `ended` (recorded here) or `acked` (deleted on the host)."""

    run: str
    site: str
    number: int
    job: str
    state: str
    status: str | None
    """The job's own status: ok, failed, undone, cancelled, died, nospace or locked; None until it ends."""
    recorded: datetime
    trial: str | None = None
    span: list[float] | None = None
    """The job's `Span` in seconds; None if an earlier version of Sitecrew started the job."""
    undo_seconds: float | None = None
    """Seconds that the rollback took, with the checks after it; None if nothing was rolled back."""
