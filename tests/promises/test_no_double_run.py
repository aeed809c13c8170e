"""Promise: kill -9 the controller wherever you like; `resume` ends with the truth, everything done once."""

from __future__ import annotations

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import pytest

from tests.crew import (
    Crew,
    check_nobody_is_left,
    check_settled,
    ended,
    forget_marks,
    kill,
    marks,
    read_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from lab import Fleet
    from tests.crew import Said

pytestmark = pytest.mark.fleet

WORDPRESS = ("acme-blog", "acme-shop")
STATIC = "globex-docs"
KILLED = -9


def on_all(work: Callable[[str, int], None], numbers: Iterable[int], lanes: Iterable[str]) -> None:
    """Do the work for each number, on as many sites at once as there are lanes."""
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def lane(site: str) -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            try:
                work(site, number)
            except BaseException as error:
                error.add_note(f"on {site}, number {number}")
                raise

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(lane, site) for site in lanes]:
            one.result()


def fresh(fleet: Fleet, folder: Path, site: str) -> Crew:
    """The site in its first state, and a crew that never worked."""
    fleet.reset(site)
    forget_marks(fleet, fleet.sites[site].host)
    return Crew(fleet, folder)


def undisturbed(fleet: Fleet, folder: Path, site: str) -> Said:
    """A run that nobody disturbs."""
    crew = fresh(fleet, folder, site)
    said = crew.say("run", "nightly", "-l", site, "--json")
    check_settled(crew, site, said)
    shutil.rmtree(folder)
    return said


def run_dying(crew: Crew, number: int, kind: str, *arguments: str) -> int:
    """Run until the trap snaps; returns the exit status."""
    return crew.say(str(number), kind, *arguments, "--json", module="tests.promises.dying").code


@pytest.mark.parametrize("every", [44, pytest.param(1, marks=pytest.mark.long)])
def test_a_kill_at_every_event_is_made_good_by_resume(fresh_fleet: Fleet, tmp_path: Path, every: int) -> None:
    """`kill -9` at each event of a run over a real WordPress site, or at every 44th one."""
    events = undisturbed(fresh_fleet, tmp_path / "first", WORDPRESS[0]).events
    assert len(events) > 25

    def one(site: str, number: int) -> None:
        crew = fresh(fresh_fleet, tmp_path / f"{number}", site)
        assert run_dying(crew, number, "event", "run", "nightly", "-l", site) == KILLED
        check_settled(crew, site, crew.say("resume", "last", "--json"))
        shutil.rmtree(crew.folder)

    on_all(one, range(1, len(events) + 1, every), WORDPRESS)
    check_nobody_is_left(fresh_fleet, "web1", "web2")


@pytest.mark.long
def test_a_kill_after_every_line_that_was_read_is_made_good_by_resume(
    fresh_fleet: Fleet, tmp_path: Path
) -> None:
    """As somebody outside would do it: read N lines, then `kill -9`. Every third N, on a static site."""
    events = undisturbed(fresh_fleet, tmp_path / "first", STATIC).events

    def one(site: str, number: int) -> None:
        crew = fresh(fresh_fleet, tmp_path / f"{number}", site)
        process = crew.start("run", "nightly", "-l", site, "--json")
        assert process.stdout is not None
        for _ in range(number):
            process.stdout.readline()
        kill(process)
        check_settled(crew, site, crew.say("resume", "last", "--json"))

    on_all(one, range(1, len(events) + 1, 3), [STATIC])
    check_nobody_is_left(fresh_fleet, "web3")


@pytest.mark.long
@pytest.mark.parametrize("rounds", [4, 20])
def test_kills_at_random_moments_also_during_resume(fresh_fleet: Fleet, tmp_path: Path, rounds: int) -> None:
    """Every second round is killed again while it resumes."""
    chance = random.Random(20261123)  # noqa: S311
    moments = [[(chance.randrange(1, 26), chance.uniform(0, 0.1)) for _ in range(2)] for _ in range(rounds)]

    def one(site: str, number: int) -> None:
        crew = fresh(fresh_fleet, tmp_path / f"{number}", site)
        words = (("run", "nightly", "-l", site), ("resume", "last"))
        for word, (lines, after) in list(zip(words, moments[number], strict=True))[: 1 + number % 2]:
            process = crew.start("0", "never", *word, "--json", module="tests.promises.dying")
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            time.sleep(after)
            kill(process)
        check_settled(crew, site, crew.say("resume", "last", "--json"))
        shutil.rmtree(crew.folder)

    on_all(one, range(rounds), [STATIC, WORDPRESS[0]])
    check_nobody_is_left(fresh_fleet, "web2", "web3")


def test_of_two_resumes_at_once_one_works(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """The other one says so and exits with 11."""
    crew = fresh(fresh_fleet, tmp_path / "w", STATIC)
    process = crew.start("run", "nightly", "-l", STATIC, "--json")
    read_until(process, "segment.started")
    kill(process)
    both = [ended(process) for process in [crew.start("resume", "last", "--json") for _ in range(2)]]
    assert sorted(said.code for said in both) == [0, 11], both
    winner, loser = sorted(both, key=lambda said: said.code)
    assert "another process" in loser.err
    check_settled(crew, STATIC, winner)


@pytest.mark.long
def test_sites_that_waited_in_the_queue_are_done_once(fresh_fleet: Fleet, tmp_path: Path) -> None:
    """What the killed process had queued is not begun by the one that resumes beside its own work."""
    crew = Crew(
        fresh_fleet,
        tmp_path / "w",
        'name: Marks\nsteps:\n  - shell: {run: \'sleep 0.3; basename "$PWD" >>"$HOME/marks"\'}\n',
    )
    for host in ("web1", "web2", "web3"):
        forget_marks(fresh_fleet, host)
    process = crew.start("run", "marks", "--forks", "1", "--json")
    read_until(process, "step.started")
    kill(process)
    said = crew.say("resume", "last", "--json")
    assert said.code == 0, said
    begun = [event["site"] for event in said.events if event["event"] == "site.started"]
    assert len(begun) == len(set(begun))
    assert set(begun) >= {"acme-blog", "globex-www", "globex-docs"}
    done = sum(
        (marks(fresh_fleet, host) for host in ("web1", "web2", "web3")),
        start=type(marks(fresh_fleet, "web1"))(),
    )
    assert set(done) == set(fresh_fleet.sites)
    assert set(done.values()) == {1}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_kill_around_every_write_of_the_ledger_is_made_good_by_resume(
    fresh_fleet: Fleet, tmp_path: Path, kind: str
) -> None:
    """Finer than events: each transaction, from the first migration of a new ledger to the last row."""
    lanes = {site: count() for site in WORDPRESS}
    done: set[str] = set()

    def one(site: str, number: int) -> None:
        if done:
            return
        next(lanes[site])
        crew = fresh(fresh_fleet, tmp_path / f"{number}", site)
        if run_dying(crew, number, kind, "run", "nightly", "-l", site) != KILLED:
            done.add(site)
            return
        check_settled(crew, site, go_on(crew, site))
        shutil.rmtree(crew.folder)

    on_all(one, range(1, 200), WORDPRESS)
    assert done
    check_nobody_is_left(fresh_fleet, "web1", "web2")


def go_on(crew: Crew, site: str) -> Said:
    """`resume`, or `run` where the kill came before there was anything to resume."""
    said = crew.say("resume", "last", "--json")
    if said.code == 2:
        assert "no run" in said.err or "no ledger" in said.err, said
        return crew.say("run", "nightly", "-l", site, "--json")
    return said
