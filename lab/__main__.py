"""`python -m lab up|down|reset|status|wipe`: the demo's fleet by hand."""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lab import Fleet, FleetSpec, LabError


def main() -> int:
    """Returns the exit code: 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m lab", description="A real WordPress fleet on one machine."
    )
    parser.add_argument("command", choices=("up", "down", "reset", "status", "wipe"))
    parser.add_argument("site", nargs="*", help="with reset: only these sites")
    parser.add_argument("--root", type=Path, help="another folder than the demo's")
    parser.add_argument("--network", help="other addresses than 127.0.10.x, e.g. 127.0.11")
    parser.add_argument("--users", help="another beginning of the unix users' names than crew")
    given = parser.parse_args()
    if os.geteuid() != 0 and given.command != "status":
        return as_root()
    changes = {name: value for name in ("root", "network", "users") if (value := getattr(given, name))}
    fleet = Fleet(dataclasses.replace(FleetSpec(), **changes))
    try:
        act(fleet, given.command, given.site)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def as_root() -> int:
    """Does it as root, where sudo lets us; returns the exit code."""
    if not shutil.which("sudo"):
        print("lab: this needs root, and there is no sudo here", file=sys.stderr)
        return 1
    print("lab: going on as root, by sudo: unix users and servers of their own are needed", file=sys.stderr)
    # What sudo's policy may take away although it is asked to keep the environment.
    kept = {name: os.environ.get(name, "") for name in ("SITECREW_CACHE", "PYTHONPATH")}
    settings = ["PYTHONDONTWRITEBYTECODE=1", *(f"{name}={value}" for name, value in kept.items() if value)]
    command = ["sudo", "-E", "env", *settings, sys.executable, "-m", "lab", *sys.argv[1:]]
    return subprocess.run(command, check=False).returncode


def act(fleet: Fleet, command: str, sites: list[str]) -> None:
    """Does what was asked for and says what was done."""
    begun = time.monotonic()
    if command == "up":
        done = fleet.up()
        print(f"up: {', '.join(done)}" if done else "up: everything ran already", seconds(begun))
    elif command == "down":
        done = fleet.down()
        print(f"stopped: {', '.join(sorted(done))}" if done else "nothing ran", seconds(begun))
    elif command == "reset":
        fleet.reset(*sites)
        print(f"back to the first state: {', '.join(sites) or 'everything'}", seconds(begun))
    elif command == "wipe":
        fleet.wipe()
        print(f"{fleet.spec.root} is gone", seconds(begun))
    else:
        for line in fleet.status():
            print(f"{line.part:<12} {'runs' if line.running else '-':<6} {line.where}")


def seconds(begun: float) -> str:
    """How long it took, for people."""
    return f"({time.monotonic() - begun:.1f} s)"


if __name__ == "__main__":
    sys.exit(main())
