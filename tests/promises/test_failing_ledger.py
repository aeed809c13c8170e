"""Promise: a ledger that fails is no verdict. A good update stays, and `resume` finds the truth."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import pytest

from lab.gauntlet import CASES as CASES_OF_UPDATES
from lab.gauntlet import SLUG, prepare
from tests.crew import Crew, check_host_is_clean, check_nobody_is_left, plugin_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab import Fleet
    from tests.crew import Said

pytestmark = pytest.mark.fleet

SITES = ("acme-blog", "acme-shop")
PLUGIN = "harbour-forms"
GOOD = f"name: Good\nsteps:\n  - wordpress.plugins: {{update: [{PLUGIN}]}}\n"
EVENTS = 11
"""Of a run with one good update, on one site."""
CENTRAL = (4, 6, 7, 8)
"""Around the change: the step begins, the trial, the look after it, the verdict."""
CASES = [("full", number) for number in range(1, EVENTS + 1)]
CASES += [(fault, number) for number in CENTRAL for fault in ("locked", "readonly")]


class Disk:
    """A small file system of its own for what a crew writes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._image = folder, folder.with_suffix(".img")
        folder.mkdir()
        subprocess.run(["truncate", "--size", "48M", self._image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", self._image], check=True)
        self.mount()

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self._image, self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.folder], check=True)

    def mend(self) -> None:
        """As somebody would who was called: room is made, the file system is checked."""
        self.unmount()
        subprocess.run(["e2fsck", "-fy", self._image], check=False, capture_output=True)
        self.mount()
        (self.folder / "filler").unlink(missing_ok=True)


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    made = Disk(folder)
    try:
        yield made
    finally:
        made.unmount()


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.long)])
def test_a_ledger_that_fails_at_any_stage_never_undoes_a_good_update(
    fresh_fleet: Fleet, tmp_path: Path, every: int
) -> None:
    waiting: SimpleQueue[tuple[str, int]] = SimpleQueue()
    for case in CASES[::every]:
        waiting.put(case)

    def lane(site: str) -> None:
        while True:
            try:
                fault, number = waiting.get_nowait()
            except Empty:
                return
            try:
                check(fresh_fleet, tmp_path / f"{fault}-{number}", site, fault, number)
            except BaseException as error:
                error.add_note(f"{fault} at event {number} on {site}")
                raise

    with ThreadPoolExecutor(len(SITES)) as pool:
        for one in [pool.submit(lane, site) for site in SITES]:
            one.result()
    check_nobody_is_left(fresh_fleet, *(fresh_fleet.sites[site].host for site in SITES))


def run_failing(crew: Crew, own: Disk, site: str, fault: str, number: int) -> Said:
    words = [str(number), fault, str(own.folder), "run", "good", "-l", site, "--json"]
    said = crew.say(*words, module="tests.promises.faulty")
    assert f"{fault} at event {number}" in said.err, said
    assert said.code == 1, said
    assert "sqlalche" not in said.err
    return said


def check(fleet: Fleet, folder: Path, site: str, fault: str, number: int) -> None:
    """The run stops with an error and no verdict; what it began is known after `resume`."""
    fleet.reset(site)
    crew = Crew(fleet, folder, GOOD)
    with disk(folder / ".sitecrew") as own:
        said = run_failing(crew, own, site, fault, number)
        assert "trial.undone" not in said.out
        own.mend()
        again = crew.say("resume", "last", "--json")
        assert again.code == 0, (said, again)
        assert crew.show()["outcome"] == "changed"
        [change] = crew.site(site)["steps"][0]["changes"]
        assert change["outcome"] == "changed", again
        assert plugin_version(fleet, site, PLUGIN) == change["to"]
    assert not (fleet.sites[site].path / ".maintenance").exists()
    check_host_is_clean(fleet, fleet.sites[site].host)


@pytest.mark.long
def test_a_bad_update_is_taken_back_although_nobody_can_write_it_down(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    """The host decides by itself, and `resume` tells what it decided."""
    prepare(fresh_fleet, SITES[0], next(case for case in CASES_OF_UPDATES if case.name == "fatal on load"))
    crew = Crew(fresh_fleet, tmp_path / "w", GOOD.replace(PLUGIN, SLUG))
    with disk(crew.folder / ".sitecrew") as own:
        run_failing(crew, own, SITES[0], "full", 6)
        own.mend()
        again = crew.say("resume", "last", "--json")
        assert again.code == 5, again
        [change] = crew.site(SITES[0])["steps"][0]["changes"]
        assert change["outcome"] == "undone", again
    assert plugin_version(fresh_fleet, SITES[0], SLUG) == "1.0"
    check_nobody_is_left(fresh_fleet, fresh_fleet.sites[SITES[0]].host)
