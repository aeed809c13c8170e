"""`python -m lab.demo [down|wipe]`, as root: what scripts/demo calls."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.demo import leftovers
from lab.demo.screen import say
from lab.demo.story import Story
from lab.demo.user import User
from lab.demo.workspace import Workspace
from lab.fleet import Fleet, need_root
from lab.shell import LabError
from lab.spec import FleetSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

FOLDER = Path(__file__).parents[2]
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0, 1 if something failed or went otherwise than announced, 130 after Ctrl-C."""
    given = _parser().parse_args(arguments)
    changes = {name: value for name in ("root", "network", "users") if (value := getattr(given, name))}
    fleet = Fleet(dataclasses.replace(FleetSpec(), **changes))
    workspace = Workspace(FOLDER, User.current())
    if workspace.user.by_sudo:
        os.environ["HOME"] = "/root"
    os.chdir(FOLDER)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        need_root()
        return _act(given.command, fleet, workspace)
    except LabError as error:
        say(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _stop(fleet, workspace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Start a fleet on this machine and run a maintenance window over it.",
        epilog="Run it again for what happens next.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        default="up",
        choices=("up", "down", "wipe"),
        help="up (default): run the demo; down: stop it; wipe: stop it and remove its files",
    )
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--network", help=argparse.SUPPRESS)
    parser.add_argument("--users", help=argparse.SUPPRESS)
    return parser


def _act(command: str, fleet: Fleet, workspace: Workspace) -> int:
    if command == "up":
        return Story(fleet, workspace).show()
    if command == "down":
        leftovers.stop(fleet)
        leftovers.say_what_is_left(fleet, workspace)
    else:
        leftovers.wipe(fleet, workspace)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Ends the demo once; what follows is not interrupted."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stop(fleet: Fleet, workspace: Workspace) -> int:
    say("\ninterrupted")
    leftovers.stop(fleet)
    leftovers.say_what_is_left(fleet, workspace)
    return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
