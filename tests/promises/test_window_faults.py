"""Promise: kill what you like during a window's run; the scheduler ends it with the truth, all done once."""

from __future__ import annotations

import random
import secrets
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.crew import Crew, Said, at_work, check_nobody_is_left, check_settled, ended, kill, read_until
from tests.promises.test_no_double_run import KILLED, STATIC, WORDPRESS, fresh, on_all

if TYPE_CHECKING:
    from pathlib import Path

    from lab import Fleet

pytestmark = pytest.mark.fleet

EVENTS = {STATIC: 40, WORDPRESS[0]: 60}
"""About the number of events of a run of the site."""


def begin_window(crew: Crew, site: str) -> str:
    """Record the run of a window, by a process that ends before it starts a site; return its id."""
    from runner.workflows.orders import new_order
    from runner.workflows.run import begin

    run = f"night-20261123-0100-{secrets.token_hex(4)}"  # the ids of jobs follow from it
    with at_work(crew) as session:
        sites = [[session.workspace.inventory.sites[site]]]
        playbook = session.workspace.playbooks["nightly"]
        order = new_order(session.workspace, playbook, sites, now=session.now(), run=run, window="night")
        begin(session, order, trigger="window")
    return run


def tick(crew: Crew) -> Said:
    """Run what is due; a run that is not recovered is an error."""
    return crew.say("tick", "--json")


def one_night(fleet: Fleet, folder: Path, site: str, seed: int) -> None:
    """A window's run whose scheduler is killed at one or two random events, and whose next one ends it."""
    chance = random.Random(seed)  # noqa: S311
    crew = fresh(fleet, folder, site)
    run = begin_window(crew, site)
    for _ in range(1 + seed % 2):
        number = chance.randrange(1, EVENTS[site])
        died = crew.say(str(number), "event", "tick", "--json", module="tests.promises.dying")
        if died.code != KILLED:
            break  # it had ended before
    check_settled(crew, site, tick(crew))
    acts = [act["act"] for act in crew.show(run)["acts"]]
    assert acts[0] == "run"
    assert set(acts[1:]) == {"resume"}
    shutil.rmtree(crew.folder)


@pytest.mark.parametrize("nights", [3, pytest.param(200, marks=pytest.mark.long)])
def test_killed_scheduler_is_made_good_by_the_next_one(
    fresh_fleet: Fleet, tmp_path: Path, nights: int
) -> None:
    def one(site: str, seed: int) -> None:
        one_night(fresh_fleet, tmp_path / f"{seed}", site, seed)

    on_all(one, range(nights), [STATIC, WORDPRESS[0]])
    check_nobody_is_left(fresh_fleet, "web2", "web3")


def test_of_two_schedulers_one_continues_the_run(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = fresh(fresh_fleet, tmp_path / "w", STATIC)
    begin_window(crew, STATIC)
    both = [ended(process) for process in [crew.start("tick", "--json") for _ in range(2)]]
    assert [said.code for said in both] == [0, 0], both
    started = [line for said in both for line in said.out.splitlines() if '"site.started"' in line]
    assert len(started) == 1
    check_settled(crew, STATIC, both[0])


def test_run_of_an_earlier_version_is_continued_by_the_next(fresh_fleet: Fleet, tmp_path: Path) -> None:
    crew = fresh(fresh_fleet, tmp_path / "w", STATIC)
    process = crew.start("run", "nightly", "-l", STATIC, "--json")
    read_until(process, "segment.started")
    kill(process)
    said = crew.say("resume", "last", "--json", module="tests.promises.newer")
    check_settled(crew, STATIC, said)
