"""Schedulers for tests: a workspace with windows, a clock that a test sets and runs that a test ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.apply.session import Session
from runner.load import load_workspace
from runner.model import Outcome
from runner.record import Ledger, WindowView
from runner.workflows.scheduler import Scheduler

__all__ = ["SchedulerProcess", "StillClock", "at", "rows", "scheduler", "write"]


def at(text: str) -> datetime:
    """Return a time in UTC, such as `2027-01-05 02:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def write(folder: Path, windows: str, clients: int | tuple[str, ...] = 1, zone: str = "UTC") -> Path:
    """Write a workspace with these windows and a site `NAME-site` for each client."""
    names = clients if isinstance(clients, tuple) else tuple(f"c{number}" for number in range(clients))
    (folder / "playbooks").mkdir(parents=True, exist_ok=True)
    (folder / "playbooks/hello.yaml").write_text("name: Hello\nsteps:\n  - shell: 'true'\n")
    lines = "".join(
        f"  {name}: {{name: {name}, timezone: {zone}, sites: {{{name}-site: "
        f"{{url: 'http://127.0.0.1:9', host: web1, path: /srv/{name}, kind: static}}}}}}\n"
        for name in names
    )
    hosts = "hosts:\n  web1: {address: 127.0.0.1, port: 9, user: deploy}\n"
    new = folder / "inventory.new"
    new.write_text(f"{hosts}clients:\n{lines}windows:\n{windows}")
    new.rename(folder / "inventory.yaml")
    return folder


class StillClock:
    """A clock for processes that only changes when the test sets it."""

    def __init__(self, file: Path, now: datetime) -> None:
        self._file = file
        self.set(now)
        library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "NO_FAKE_STAT": "1",
            "TZ": "UTC",
        }

    def set(self, now: datetime) -> None:
        """Set the clock."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{now:%Y-%m-%d %H:%M:%S}\n")
        new.rename(self._file)


class FakeWorks:
    """Accepts runs without executing them."""

    def __init__(self) -> None:
        self.in_hand: set[str] = set()

    def start(self, run: str) -> None:
        self.in_hand.add(run)


class SchedulerProcess:
    """A scheduler with a session of its own."""

    def __init__(self, folder: Path) -> None:
        self.session = Session(load_workspace(folder, environ={}))
        self.works = FakeWorks()
        self.scheduler = Scheduler(self.session, self.works)  # type: ignore[arg-type]

    @property
    def ledger(self) -> Ledger:
        return self.session.ledger

    def tick(self, now: datetime) -> tuple[str, ...]:
        """Tick once at this time; return the runs that were started."""
        self.session.now = lambda: now  # type: ignore[method-assign]
        found = self.scheduler.tick()
        assert self.scheduler.problems == {}
        return found

    def reload(self, folder: Path) -> None:
        """Read the files again."""
        workspace = load_workspace(folder, environ={})
        self.scheduler._read = lambda: workspace

    def end(self, *runs: str, outcome: Outcome = Outcome.OK) -> None:
        """End runs that this scheduler started."""
        for run in runs:
            for site in self.ledger.sites.list(run):
                self.ledger.sites.finished(run, site.site, outcome, "", self.session.now())
            self.ledger.runs.finished(run, outcome, self.session.now())
            self.works.in_hand.discard(run)

    def die(self) -> None:
        """Stop without ending the runs. The lease is released, as it looks to a later process."""
        self.session.close()


@contextmanager
def scheduler(folder: Path) -> Iterator[SchedulerProcess]:
    """A scheduler that stops at the end of the block, without ending its runs."""
    found = SchedulerProcess(folder)
    try:
        yield found
    finally:
        found.die()


def rows(folder: Path, **where: Any) -> list[WindowView]:
    """Return all decided openings, oldest first."""
    with Ledger.open(load_workspace(folder, environ={}).settings.ledger, read_only=True) as ledger:
        found = ledger.windows.list(limit=None)
    return [row for row in reversed(found) if all(getattr(row, key) == value for key, value in where.items())]
