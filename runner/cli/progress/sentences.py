"""Events as sentences for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from runner.cli.output import auto_update_text, outcome_text
from runner.cli.screen import style
from runner.model import Outcome, RunEvent
from runner.units import clock, count, duration, size
from runner.untrusted import few

__all__ = ["is_printed", "sentence"]

_VERBOSE = {
    "site.started": 1,
    "site.planned": 1,
    "step.started": 1,
    "trial.started": 1,
    "trial.undone": 1,
    "step.progress": 2,
}
"""How often -v must be given for an event to be printed."""


def is_printed(event: RunEvent, verbose: int) -> bool:
    """Whether the event is printed as a line. Of a transfer, only the start is."""
    return verbose >= _VERBOSE.get(event.event, 0) and "rate" not in event.data


def sentence(event: RunEvent) -> str:
    """Return the event as a sentence; empty for events that are only for programs."""
    build = _SENTENCES.get(event.event)
    return build(event) if build else ""


_SENTENCES: dict[str, Callable[[RunEvent], str]] = {
    "run.started": lambda e: f"run {e.run}: {e.data['playbook']} on {_count_of(e.data['sites'], 'site')}",
    "run.settling": lambda e: (
        f"run {e.run} was interrupted: finishing its jobs on {_count_of(e.data['sites'], 'site')},"
        " starting no others"
    ),
    "run.resumed": lambda e: f"run {e.run} resumes on {_count_of(e.data['sites'], 'site')}",
    "ring.started": lambda e: f"{_ring(e)}: {_count_of(e.data['sites'], 'site')}",
    "ring.soaking": lambda e: f"soaking until {_local(e.data['until'])}, {_ring(e)}",
    "ring.stopped": lambda e: (
        f"ring {e.data['ring']} and later: {_count_of(e.data['sites'], 'site')}{_why(e)}"
    ),
    "site.started": lambda e: f"{e.site}: started",
    "site.planned": lambda e: f"{e.site}: {_count_of(e.data['changes'], 'change')} planned",
    "step.started": lambda e: f"{e.site}: {_step(e)} ...",
    "step.progress": lambda e: f"{e.site}: {_step(e)}: {e.data['phase']}",
    "step.finished": lambda e: f"{e.site}: {e.step} {_outcome(e)} {_seconds(e)}{_changes(e)}{_why(e)}",
    "step.retried": lambda e: f"{e.site}: {e.step} failed{_why(e)}; retrying in {_seconds(e)}, {_tries(e)}",
    "backup.taken": lambda e: f"{e.site}: snapshot {e.data['snapshot']}, {size(float(str(e.data['bytes'])))}",
    "trial.started": lambda e: f"{e.site}: {e.step}: trial of {_items(e)}",
    "trial.undone": lambda e: f"{e.site}: {e.step}: rolled back{_why(e)}",
    "window.planned": lambda e: f"window {e.data['window']}: {e.run} {_planned(e)}",
    "window.run": lambda e: f"window {e.data['window']}: starts run {e.run}",
    "window.missed": lambda e: f"window {e.data['window']}: missed{_why(e)}",
    "window.skipped": lambda e: f"window {e.data['window']}: skipped{_why(e)}",
    "inventory.recognised": lambda e: str(e.data["said"]),
    "run.finished": lambda e: f"run {e.run}: {_outcome(e)}",
    "run.unconfirmed": lambda e: (
        f"run {e.run}: not every host has confirmed the end of its job: {_unconfirmed(e)}"
    ),
    "run.draining": lambda _: "finishing the sites in progress, starting no others (Ctrl-C again to cancel)",
    "run.cancelling": lambda _: "cancelling: waiting for each host to confirm that it has stopped",
    "caches.purged": lambda e: f"{e.site}: caches cleared{_purged(e)}",
    "auto_updates.held": lambda e: f"{e.site}: {_auto_updates(e)}",
    "auto_updates.failed": lambda e: (
        f"{e.site}: WordPress's automatic updates of held items could not be switched off{_why(e)}"
    ),
    "site.finished": lambda e: f"{e.site}: {_outcome(e)}{_why(e)}",
}


def _planned(event: RunEvent) -> str:
    """Return what the plan of an opening needs."""
    words = {"waiting": "waits for approval", "not needed": "needs no approval"}
    return words.get(str(event.data["state"]), "could not be planned") + _why(event)


def _purged(event: RunEvent) -> str:
    caches: Any = event.data["caches"]
    failed: Any = event.data["failed"]
    done = f": {', '.join(caches)}" if caches else ""
    return done + (f"; not cleared: {', '.join(failed)}" if failed else "")


def _auto_updates(event: RunEvent) -> str:
    items: Any = event.data["items"]
    return "; ".join(auto_update_text(item["item"], item["state"], item["why"]) for item in items)


def _ring(event: RunEvent) -> str:
    return f"ring {event.data['ring']} of {event.data['of']}"


def _step(event: RunEvent) -> str:
    number = f"[{event.data['number']}/{event.data['of']}] " if "number" in event.data else ""
    return f"{number}{event.step}"


def _unconfirmed(event: RunEvent) -> str:
    sites: Any = event.data["unconfirmed"]
    return few(sites, 4)


def _items(event: RunEvent) -> str:
    items: Any = event.data["items"]
    return few(items, 4)


def _outcome(event: RunEvent) -> str:
    return outcome_text(Outcome(str(event.data["outcome"])))


def _seconds(event: RunEvent) -> str:
    seconds = event.data.get("seconds")
    return duration(seconds) if isinstance(seconds, float) else ""


def _tries(event: RunEvent) -> str:
    return f"try {int(str(event.data['try'])) + 1} of {event.data['of']}"


def _why(event: RunEvent) -> str:
    why = event.data.get("why")
    return f" ({why})" if why else ""


def _changes(event: RunEvent) -> str:
    changes: Any = event.data.get("changes") or ()
    done = [f"{c['item']} {c['from']} -> {c['to']}" for c in changes if c["outcome"] == Outcome.CHANGED]
    unverified = next((f"; unverified: {c['unverified']}" for c in changes if c.get("unverified")), "")
    if not done:
        return unverified
    return style(f"  {few(done, 4)}", dim=True) + unverified


def _count_of(items: Any, noun: str) -> str:
    return count(items if isinstance(items, int) else len(items), noun)


def _local(instant: Any) -> str:
    return clock(datetime.fromisoformat(str(instant)), datetime.now(UTC))
