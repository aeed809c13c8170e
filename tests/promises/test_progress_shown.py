"""Promise: a long backup shows that it makes progress, on a terminal and to programs."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from lab.terminal import Terminal
from tests.crew import ROOT, Crew

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

SAVE = "name: Save\nsteps:\n  - backup: {include: [files]}\n"
SIZE = 96 << 20


@pytest.fixture(scope="module")
def crew(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """A workspace with a site that has a large file."""
    fleet.reset("globex-docs")
    large = fleet.sites["globex-docs"].path / "large.bin"
    with large.open("wb") as file:
        for _ in range(SIZE >> 20):
            file.write(os.urandom(1 << 20))
    yield Crew(fleet, tmp_path_factory.mktemp("progress"), SAVE)
    large.unlink()


def test_backup_shows_growing_bytes(crew: Crew, tmp_path: Path) -> None:
    with Terminal(
        [sys.executable, "-m", "runner", "run", "save", "-l", "globex-docs"],
        folder=crew.folder,
        env={"PYTHONPATH": str(ROOT)},
    ) as terminal:
        terminal.wait_for(r"^globex-docs +.* s  \[1/1\] backup +(backing up )?\d+ MB at \d")
        assert terminal.wait_for_exit() == 0
        assert "globex-docs: ok in " in terminal.text
    said = crew.say("run", "save", "-l", "globex-docs", "--json")
    progress = [event for event in said.events if event["event"] == "step.progress"]
    sent = [event["bytes"] for event in progress if "bytes" in event]
    assert sent == sorted(set(sent)) != []
    known = [event for event in progress if "bytes_total" in event]
    assert known, "the first backup gives the size of the second"
    assert all(SIZE <= event["bytes_total"] <= 2 * SIZE for event in known)
    assert [event["phase"] for event in progress][-1] == "verifying"
