"""What `tick` prints of renames and of runs that it cannot resume, and what `-q` leaves of a run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.cli.progress import Errors
from runner.model import Outcome, RunEvent
from tests.workflows.scheduling import write

ROOT = Path(__file__).parents[2]
WEEKLY = '  weekly: {playbook: hello, day: tuesday, at: "02:00"}\n'
RENAMED = "site c0-site is now c0-home; its history is kept"


def say(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runner", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, WEEKLY, 2)


@pytest.fixture
def closed_port(folder: Path) -> Iterator[int]:
    """A port of the host that refuses connections, in the inventory."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        inventory = folder / "inventory.yaml"
        inventory.write_text(inventory.read_text().replace("port: 9", f"port: {port}"))
        yield port


def rename(folder: Path) -> None:
    inventory = folder / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("c0-site: {", "c0-home: {was: c0-site, "))


def test_tick_emits_a_rename_as_an_event(folder: Path) -> None:
    assert say(folder, "tick", "--json").stdout == ""
    rename(folder)
    done = say(folder, "tick", "--json")
    (event,) = map(json.loads, done.stdout.splitlines())
    assert (event["event"], event["said"]) == ("inventory.recognised", RENAMED)
    assert RENAMED not in done.stderr
    assert say(folder, "tick", "--json").stdout == "", "it is applied once"


def test_tick_prints_a_rename(folder: Path) -> None:
    assert say(folder, "tick").returncode == 0
    rename(folder)
    done = say(folder, "tick")
    assert (done.returncode, done.stdout) == (0, "")
    assert RENAMED in done.stderr


def test_quiet_prints_a_line_for_each_site_that_failed(folder: Path, closed_port: int) -> None:
    done = say(folder, "run", "hello", "-y", "-q")
    assert (done.returncode, done.stdout) == (4, "")
    lines = done.stderr.splitlines()
    for name in ("c0-site", "c1-site"):
        (line,) = [line for line in lines if line.startswith(f"{name}: unreachable (")]
        assert str(closed_port) in line


@pytest.mark.parametrize(
    ("outcome", "more", "expected", "printed"),
    [
        ("failed", {}, (), True),
        ("missed", {}, (), True),
        ("skipped", {"locked": True}, (), True),
        ("skipped", {}, (), False),
        ("changed", {}, (), False),
        ("undone", {}, (), True),
        ("undone", {}, (Outcome.UNDONE,), False),
    ],
)
def test_a_site_is_an_error_by_its_exit_code(
    outcome: str,
    more: dict[str, object],
    expected: tuple[Outcome, ...],
    printed: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = {"outcome": outcome, "why": "because", **more}
    at = datetime.now(UTC)
    Errors(expected)(RunEvent(event="site.finished", at=at, run="r1", site="shop", data=data))
    assert capsys.readouterr().err == (f"shop: {outcome} (because)\n" if printed else "")
