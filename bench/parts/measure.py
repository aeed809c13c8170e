"""Commands, and what they cost: wall time and CPU of the process and of all that it waited for."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Cost", "Criterion", "alternating", "events", "measured", "seconds_to", "show"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took; all in seconds."""

    began: float
    """Of the clock, not of the process."""
    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Criterion:
    """A promise about speed, and how it stands."""

    name: str
    measured: float
    limit: float
    unit: str = "s"

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.measured < self.limit


def measured(argv: Sequence[str], *, output: Path, env: Mapping[str, str], cwd: Path) -> Cost:
    """Run a command to its end, its stdout and stderr into files.

    Raises:
        SystemExit: it ended with another status than 0; with the end of what it said.
    """
    errors = output.with_suffix(".err")
    began, start = time.time(), time.perf_counter()
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd)
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (output.read_bytes()[-1500:] + errors.read_bytes()[-1500:]).decode(errors="replace")
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}:\n{said}")
    return Cost(began, wall, usage.ru_utime + usage.ru_stime)


def events(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON events."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def seconds_to(event: str, stream: Sequence[Mapping[str, Any]], cost: Cost) -> float:
    """From the start of the command to the first event of that name."""
    at = next(line["at"] for line in stream if line["event"] == event)
    return datetime.fromisoformat(at).timestamp() - cost.began


def alternating(rounds: int, works: Mapping[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """Medians of short commands that take turns, so that a busy moment hits all of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            costs[name].append(work())
    return {
        name: Cost(found[0].began, median(cost.wall for cost in found), median(cost.cpu for cost in found))
        for name, found in costs.items()
    }


def show(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    """A table, the first column to the left and the others to the right; the first row is its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        print("  " + "   ".join(cells).rstrip())
