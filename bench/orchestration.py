"""A hundred hosts, twenty trivial steps each, 50 ms away: what a whole `sitecrew run` needs.

Beside it, in the same minutes: raw paramiko with one attached shell a host, which detaches and records
nothing, and pyinfra. All hosts are this machine, so that its cores do the work of both ends.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.parts import pyinfra
from bench.parts.ground import Ground, environment, ground, large_workspace, workspace
from bench.parts.measure import Cost, Criterion, alternating, events, measured, seconds_to, show
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

THREADS = 50
FLOOR_FACTOR, FLOOR_PLUS = 2.5, 1.5
CPU_A_HOST = 30.0
HELP_OVER_PYTHON = 0.150
VALIDATE = 1.0
SITES_TO_VALIDATE = 500


@dataclass(frozen=True, slots=True)
class Round:
    """One comparison; seconds."""

    raw: float
    raw_cpu: float
    pyinfra: float
    pyinfra_cpu: float
    run: float
    startup: float
    """Of `run`: until its first event."""
    run_cpu: float
    lone_cpu: float
    """Of a run over one host of the same workspace."""

    @property
    def work(self) -> float:
        """The run without its start-up."""
        return self.run - self.startup

    @property
    def over_floor(self) -> float:
        """How much of what is allowed over raw paramiko was used; 1 is all of it."""
        return self.work / (FLOOR_FACTOR * self.raw + FLOOR_PLUS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and with `--check` return 1 when a criterion is missed."""
    options = _parser().parse_args(arguments)
    criteria: list[Criterion] = []
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    try:
        with ground(options.hosts, options.round_trip_ms / 1000) as place:
            criteria += _fleet(place, options.steps, options.rounds)
    except LabError as error:
        print(f"the bench: {error}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        criteria += _commands(Path(folder))
    show(
        "criteria",
        [
            ("", "measured", "limit", ""),
            *(
                (
                    c.name,
                    f"{c.measured:.2f} {c.unit}",
                    f"{c.limit:.2f} {c.unit}",
                    "met" if c.met else "MISSED",
                )
                for c in criteria
            ),
        ],
    )
    return int(options.check and not all(criterion.met for criterion in criteria))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench orchestration", description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a criterion is missed")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (3)")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--round-trip-ms", type=float, default=50.0)
    return parser


def _fleet(place: Ground, steps: int, rounds: int) -> list[Criterion]:
    folder = workspace(place, steps=steps)
    pyinfra.environment()
    found = [_round(place, folder, steps, number) for number in range(rounds)]
    hosts = len(place.hosts.addresses)

    def row(name: str, walls: list[float], cpus: list[float]) -> tuple[str, ...]:
        return (
            name,
            f"{median(walls):.2f}",
            f"{min(walls):.2f} to {max(walls):.2f}",
            f"{median(cpus) / hosts * 1000:.1f}",
        )

    show(
        f"{hosts} hosts x {steps} steps, {rounds} rounds",
        [
            ("", "wall s", "all rounds", "CPU ms a host"),
            row("raw paramiko, attached", [r.raw for r in found], [r.raw_cpu for r in found]),
            row("pyinfra, whole command", [r.pyinfra for r in found], [r.pyinfra_cpu for r in found]),
            row("sitecrew run, whole command", [r.run for r in found], [r.run_cpu for r in found]),
            row(
                "  its start-up, and a lone host's CPU",
                [r.startup for r in found],
                [r.lone_cpu for r in found],
            ),
            row("  without that", [r.work for r in found], [r.run_cpu - r.lone_cpu for r in found]),
        ],
    )
    middle = sorted(found, key=lambda r: r.over_floor)[len(found) // 2]
    a_host = median((r.run_cpu - r.lone_cpu) / max(hosts - 1, 1) for r in found) * 1000
    by_pyinfra = sorted(found, key=lambda r: r.run / r.pyinfra)[len(found) // 2]
    return [
        Criterion(
            f"run, start-up aside, against {FLOOR_FACTOR} x raw + {FLOOR_PLUS} s",
            middle.work,
            FLOOR_FACTOR * middle.raw + FLOOR_PLUS,
        ),
        Criterion("run, whole, against pyinfra", by_pyinfra.run, by_pyinfra.pyinfra),
        Criterion("controller CPU a host", a_host, CPU_A_HOST, "ms"),
    ]


def _round(place: Ground, folder: Path, steps: int, number: int) -> Round:
    raw = _raw(place, steps)
    place.clear()
    deploy = place.folder / "pyinfra"
    argv = pyinfra.command(place, deploy, steps)
    rival = measured(argv, output=deploy / "said", env={**environment(), "PYTHONPATH": ""}, cwd=deploy)
    place.clear()
    crew = [*_sitecrew(), "run", "trivial", "-w", str(folder), "--json"]
    lone = measured([*crew, "-l", "site-000"], output=folder / "lone.json", env=environment(), cwd=folder)
    output = folder / f"run-{number}.json"
    whole = measured(crew, output=output, env=environment(), cwd=folder)
    said = events(output)
    _expect_all_well(said, len(place.hosts.addresses), steps)
    place.clear()
    return Round(
        raw=raw["wall"],
        raw_cpu=raw["cpu"],
        pyinfra=rival.wall,
        pyinfra_cpu=rival.cpu,
        run=whole.wall,
        startup=seconds_to("run.started", said, whole),
        run_cpu=whole.cpu,
        lone_cpu=lone.cpu,
    )


def _raw(place: Ground, steps: int) -> dict[str, float]:
    hosts = place.hosts
    order = {
        "addresses": hosts.addresses,
        "port": place.port,
        "user": hosts.user,
        "identity_file": str(hosts.identity_file),
        "host_key": hosts.host_key,
        "threads": THREADS,
        "steps": steps,
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.parts.raw"],
        input=json.dumps(order).encode(),
        stdout=subprocess.PIPE,
        env=environment(),
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _expect_all_well(said: list[dict[str, object]], hosts: int, steps: int) -> None:
    """A fast run that did not do the work would be no result."""
    outcomes = said[-1]["sites"]
    ended = sum(line["event"] == "step.finished" for line in said)
    if not isinstance(outcomes, dict) or len(outcomes) != hosts or ended != hosts * steps:
        raise SystemExit(f"the run ended with {len(said)} events, {ended} steps of {hosts * steps}")


def _commands(folder: Path) -> list[Criterion]:
    large = large_workspace(folder / "large", SITES_TO_VALIDATE)
    crew, python = _sitecrew(), sys.executable

    def timed(*argv: str) -> Cost:
        return measured(argv, output=folder / "said", env=environment(), cwd=folder)

    def row(name: str, cost: Cost) -> tuple[str, ...]:
        return name, f"{cost.wall * 1000:.0f}", f"{cost.cpu * 1000:.0f}"

    help_ = alternating(
        10,
        {
            "python": lambda: timed(python, "-c", "pass"),
            "command": lambda: timed(*crew, "--help"),
            "module": lambda: timed(python, "-m", "runner", "--help"),
        },
    )
    validate = alternating(5, {"validate": lambda: timed(*crew, "validate", "-w", str(large))})["validate"]
    show(
        "commands, medians of 10",
        [
            ("", "wall ms", "CPU ms"),
            row("python -c pass", help_["python"]),
            row("sitecrew --help", help_["command"]),
            row("python -m runner --help", help_["module"]),
            row(f"sitecrew validate, {SITES_TO_VALIDATE} sites (of 5)", validate),
        ],
    )
    over = (max(help_["command"].wall, help_["module"].wall) - help_["python"].wall) * 1000
    return [
        Criterion("--help over bare Python", over, HELP_OVER_PYTHON * 1000, "ms"),
        Criterion(f"validate of {SITES_TO_VALIDATE} sites", validate.wall, VALIDATE),
    ]


def _sitecrew() -> list[str]:
    """The installed command where there is one."""
    installed = Path(sys.executable).with_name("sitecrew")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "runner"]


if __name__ == "__main__":
    sys.exit(main())
