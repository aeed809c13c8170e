"""What `serve` costs while nothing is due, with 100 to 10,000 sites and with a long history.

Also: how long one tick takes to start the runs of many windows, and a later process to take over all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from bench.parts.ground import environment, large_workspace
from bench.parts.measure import Criterion, show
from runner.apply.session import Session
from runner.load import load_workspace
from runner.record import Ledger
from runner.record.schema import deliveries, leases, looks, run_sites, runs, steps, windows
from runner.workflows.scheduler import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SITES = (100, 1_000, 10_000)
LIMITED = 1_000
"""The number of sites that the limits are for."""
CPU, MEMORY = 3.0, 150.0
"""Percent of a core, and megabytes."""
TAKE_OVER = 15.0
RUNS = 1_000
HISTORY = 500_000
SLOWER = 1.5
WARM_UP = 15.0
PLAYBOOK = "name: Hello\nsteps:\n  - shell: 'true'\n"
_DAY = timedelta(days=1)
_AT_ONCE = 10_000
_TICKS = "/proc/{}/stat"


@dataclass(frozen=True, slots=True)
class Idle:
    """What `serve` cost: percent of a core, and the most memory that it had in megabytes."""

    sites: int
    cpu: float
    memory: float


class Works:
    """Accepts runs without executing them."""

    def __init__(self) -> None:
        self.in_hand: set[str] = set()

    def start(self, run: str) -> None:
        """Accept a run."""
        self.in_hand.add(run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with `--check` return 1 if a limit is exceeded."""
    options = _parser().parse_args(arguments)
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    criteria: list[Criterion] = []
    with tempfile.TemporaryDirectory(prefix="sitecrew-bench-") as name:
        folder = Path(name)
        criteria += _idle(folder, options.seconds, options.sites)
        criteria += _ticks(folder / "history", options.history)
        criteria += _take_over(folder / "runs", options.runs)
    rows = [
        (c.name, f"{c.measured:.2f} {c.unit}", f"{c.limit:.2f} {c.unit}", "met" if c.met else "MISSED")
        for c in criteria
    ]
    show("limits", [("", "measured", "limit", ""), *rows])
    return int(options.check and not all(criterion.met for criterion in criteria))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench scheduler", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 if a limit is exceeded")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each `serve` is measured (60)")
    parser.add_argument("--sites", type=int, nargs="*", default=SITES)
    parser.add_argument("--history", type=int, default=HISTORY, help="rows of the history (500000)")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs to start and take over (1000)")
    return parser


def _idle(folder: Path, seconds: float, sites: Sequence[int]) -> Iterator[Criterion]:
    found = [_serve(_workspace(folder / f"{number}", number), number, seconds) for number in sites]
    rows = [(f"{one.sites:,} sites", f"{one.cpu:.2f}", f"{one.memory:.0f}") for one in found]
    show(f"serve, idle for {seconds:.0f} s", [("", "% of a core", "MB"), *rows])
    for one in found:
        if one.sites == LIMITED:
            yield Criterion(f"CPU of serve with {LIMITED:,} sites", one.cpu, CPU, "%")
            yield Criterion(f"memory of serve with {LIMITED:,} sites", one.memory, MEMORY, "MB")


def _workspace(folder: Path, sites: int) -> Path:
    """A workspace with a window of all clients that opens in three days."""
    large_workspace(folder, sites)
    return _add_window(folder, datetime.now(UTC) + 3 * _DAY)


def _add_window(folder: Path, opens: datetime) -> Path:
    day, at = f"{opens:%A}".lower(), f"{opens:%H:%M}"
    with (folder / "inventory.yaml").open("a") as file:
        window = f"{{playbook: hello, day: {day}, at: '{at}', timezone: UTC}}"
        file.write(f"windows:\n  weekly: {window}\n")
    (folder / "playbooks").mkdir()
    (folder / "playbooks/hello.yaml").write_text(PLAYBOOK)
    return folder


def _serve(folder: Path, sites: int, seconds: float) -> Idle:
    argv = [sys.executable, "-m", "runner", "serve", "-w", str(folder)]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), cwd=folder
        )
        try:
            time.sleep(WARM_UP)
            before, start = _cpu(process.pid), time.monotonic()
            time.sleep(seconds)
            used, passed = _cpu(process.pid) - before, time.monotonic() - start
            memory = _memory(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
    if code:
        raise SystemExit(f"serve ended with {code}: {(folder / 'serve.log').read_text()[-1500:]}")
    return Idle(sites, used / passed * 100, memory)


def _cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(_TICKS.format(pid)).read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Return the most memory that a process had, in megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM"))


def _ticks(folder: Path, history: int) -> Iterator[Criterion]:
    """Compare the cost of ticks without and with a history."""
    _workspace(folder, LIMITED)
    without = _tick_costs(folder)
    with Ledger.open(load_workspace(folder, environ={}).settings.ledger) as ledger:
        _add_history(ledger, history)
        ledger.store.database.shrink(lambda: False)
        size = ledger.store.database.size()
    behind = _tick_costs(folder)
    rows = [
        (name, f"{one * 1000:.2f}", f"{other * 1000:.2f}")
        for name, one, other in zip(("idle", "full"), without, behind, strict=True)
    ]
    title = f"ticks with {LIMITED:,} sites, CPU ms; the history has {history:,} rows, {size / 1e6:.0f} MB"
    show(title, [("", "without history", "with history"), *rows])
    for name, one, other in zip(("an idle", "a full"), without, behind, strict=True):
        limit = one * SLOWER * 1000 + 1
        yield Criterion(f"{name} tick with history", other * 1000, limit, "ms")


def _tick_costs(folder: Path) -> tuple[float, float]:
    """Return the seconds of CPU of an idle and of a full tick."""
    session = Session(load_workspace(folder, environ={}))
    try:
        scheduler = Scheduler(session, Works())  # type: ignore[arg-type]
        for _ in range(3):
            scheduler.tick()
        idle = _each(scheduler.tick, 100)

        def full() -> None:
            scheduler._idle.forget()  # noqa: SLF001  # as if a file had changed
            scheduler.tick()

        return idle, _each(full, 10)
    finally:
        session.close()


def _each(work: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def _add_history(ledger: Ledger, rows: int) -> None:
    """Add rows of ended runs and of what belongs to them, in the proportions of a year."""
    now, done = datetime.now(UTC), 0
    number = 0
    while done < rows:
        found: dict[Any, list[dict[str, Any]]] = {}
        for _ in range(_AT_ONCE // 20):
            for table, row in _of_run(number, now - timedelta(minutes=10 * number)):
                found.setdefault(table, []).append(row)
            number += 1
        with ledger.store.write(synced_later=True) as connection:
            for table, new in found.items():
                connection.execute(insert(table), new)
        done += sum(map(len, found.values()))


def _of_run(number: int, at: datetime) -> Iterator[tuple[Any, dict[str, Any]]]:
    client, of_run = f"client{number % 200 * 5}", {"run": f"weekly-{number}", "window": "weekly"}
    done = {"started": at, "finished": at + timedelta(minutes=3), "outcome": "changed", "state": "ended"}
    run = of_run | {"playbook": "hello", "trigger": "window", "order_text": "{}"} | done
    opening = of_run | {"client": client, "starts": at, "closes": at + _DAY, "state": "run"}
    lease = {"executor": of_run["run"], "host": "controller", "pid": 1, "process_start": "1"}
    message = {"message_id": of_run["run"], "client": client, "period": "2026-11", "recipients": []}
    yield runs, run
    yield windows, opening | {"recorded": at, "noticed": at}
    yield leases, lease | {"renewed": at, "released": at}
    yield deliveries, message | {"message": b"", "state": "sent", "created": at, "updated": at}
    for site in range(2):
        of = {"run": of_run["run"], "site": f"site{number % 1000 + site}"}
        yield run_sites, of | {"client": client, "host": "web1", "ring": 0, "position": site} | done
        for step in range(3):
            yield steps, of | {"step": f"s{step}", "position": step, "kind": "shell", "outcome": "ok"}
        for look in range(4):
            seen = {"at": at + timedelta(seconds=look), "phase": "after", "signal": "page", "healthy": True}
            yield looks, of | seen


def _take_over(folder: Path, count: int) -> Iterator[Criterion]:
    """Start the runs of many windows in one tick, and take over all of them after that process ended."""
    opens = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=2)
    _add_window(_clients(folder, count), opens)
    workspace = load_workspace(folder, environ={})
    first = Session(workspace)
    scheduler = Scheduler(first, Works())  # type: ignore[arg-type]
    scheduler.tick()
    first.now = lambda: opens  # type: ignore[method-assign]
    start = time.perf_counter()
    started = scheduler.tick()
    begun = time.perf_counter() - start
    first.close()
    second = Session(workspace)
    try:
        later = Scheduler(second, Works())  # type: ignore[arg-type]
        start = time.perf_counter()
        resumed = list(later.recover_runs())
        while len(resumed) < count and (more := later.recover_runs()):
            resumed += more
        taken = time.perf_counter() - start
    finally:
        second.close()
    if not len(started) == len(resumed) == count:
        raise SystemExit(f"{len(started)} runs were started and {len(resumed)} taken over, not {count}")
    rows = [("start in one tick", f"{begun:.1f}"), ("take over", f"{taken:.1f}")]
    show(f"{count:,} runs of windows", [("", "wall s"), *rows])
    yield Criterion(f"take-over of {count:,} open runs", taken, TAKE_OVER * max(1.0, count / RUNS))


def _clients(folder: Path, count: int) -> Path:
    """A workspace of clients with one site each."""
    folder.mkdir()
    lines = ["hosts:", "  web1: {address: 127.0.0.1, port: 9, user: deploy}", "clients:"]
    for number in range(count):
        site = f"{{url: 'https://s{number}.example', host: web1, path: /srv/s{number}, kind: static}}"
        lines.append(f"  c{number}: {{name: C{number}, timezone: UTC, sites: {{s{number}: {site}}}}}")
    (folder / "inventory.yaml").write_text("\n".join(lines) + "\n")
    return folder


if __name__ == "__main__":
    sys.exit(main())
