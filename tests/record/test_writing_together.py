from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import runner
from runner.model import ChangeOutcome, ItemKind, Outcome, StepOutcome
from runner.record import Ledger
from tests.record.book import create

ROOT = str(Path(runner.__file__).parents[1])

ENDLESS = """if True:
    import sys
    from datetime import UTC, datetime
    from runner.model import Outcome, StepOutcome
    from runner.record import Ledger
    ledger = Ledger.open(sys.argv[1])
    for number in range(1_000_000):
        outcome = StepOutcome(step="shell", outcome=Outcome.OK, why=str(number), output="x" * 2000)
        now = datetime.now(UTC)
        ledger.jobs.ended("r1", "shop", number, f"job{number}", status="ok", outcomes=[outcome], at=now)
        print(number, flush=True)
"""


def test_sixty_threads_write_fast_without_loss(ledger: Ledger, start):
    sites, segments, steps = 60, 20, 5
    create(
        ledger,
        "{}",
        run="r1",
        playbook="weekly",
        title="",
        sites=[(f"site{n}", "acme", "web1", 0, n) for n in range(sites)],
        steps=[(f"step{n}", "shell", "") for n in range(segments * steps)],
        started=start,
        trigger="manual",
    )
    change = ChangeOutcome(
        item="forms", kind=ItemKind.PLUGIN, from_version="1", to_version="2", outcome=Outcome.CHANGED
    )

    def work(site: str) -> None:
        for number in range(segments):
            outcomes = [
                StepOutcome(
                    step=f"step{number * steps + n}", outcome=Outcome.CHANGED, seconds=1.0, changes=(change,)
                )
                for n in range(steps)
            ]
            ledger.jobs.ended(
                "r1", site, number, f"{site}.{number}", status="ok", outcomes=outcomes, at=start
            )

    started = time.perf_counter()
    with ThreadPoolExecutor(sites) as pool:
        list(pool.map(work, [f"site{n}" for n in range(sites)]))
    each = (time.perf_counter() - started) / (sites * segments) * 1000

    for site in ledger.runs.show("r1").sites:
        assert [step.outcome for step in site.steps] == [Outcome.CHANGED] * segments * steps
        assert sum(len(step.changes) for step in site.steps) == segments * steps
        assert len(ledger.jobs.list_ended("r1", site.row.site)) == segments
    assert each < 10, f"{each:.2f} ms per job of {steps} steps, {sites} threads"


def test_concurrent_processes_lose_no_rows(url: str, ledger: Ledger, create_run):
    sites = ["shop", "blog", "docs", "news"]
    create_run(ledger, sites=[(name, "acme", "web1", 0, n) for n, name in enumerate(sites)])
    code = ENDLESS.replace('"shop"', "sys.argv[2]").replace("1_000_000", "50")
    environment = {"PYTHONPATH": ROOT}
    writers = [
        subprocess.Popen([sys.executable, "-c", code, url, site], stdout=subprocess.DEVNULL, env=environment)
        for site in sites
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * len(sites)
    assert [len(ledger.jobs.list_ended("r1", site)) for site in sites] == [50] * len(sites)


def test_threads_read_during_writes(ledger: Ledger, create_run, start, plugins):
    create_run(ledger)

    def write(number: int) -> None:
        ledger.jobs.ended("r1", "shop", number, f"j{number}", status="ok", outcomes=[plugins], at=start)

    def read(_: int) -> int:
        return len(ledger.runs.show("r1").sites)

    with ThreadPoolExecutor(20) as pool:
        reads = [pool.submit(read, n) for n in range(100)]
        list(pool.map(write, range(50)))
    assert {done.result() for done in reads} == {2}


@pytest.fixture
def killed(url: str, file: Path, create_run, tmp_path: Path) -> tuple[Path, int]:
    """A copy of a ledger after `kill -9` of its writer, and the last recorded number."""
    with Ledger.open(url) as ledger:
        create_run(ledger)
    writer = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, url], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ROOT}
    )
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) == 60:
            break
    os.kill(writer.pid, signal.SIGKILL)
    said = [int(line) for line in writer.stdout.read().split()] or [60]
    writer.wait()
    writer.stdout.close()
    left = tmp_path / "left"
    shutil.copytree(file.parent, left)
    return left / file.name, said[-1]


def check(file: Path) -> int:
    """Check that a ledger is intact; return its number of jobs."""
    with Ledger.open(f"sqlite:///{file}") as ledger:
        done = ledger.jobs.list_ended("r1", "shop")
        outcome = next(step for step in ledger.runs.show("r1").sites[0].steps if step.step == "shell")
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    assert [segment.number for segment in done] == list(range(len(done)))
    if done:
        assert outcome.why == str(done[-1].number)
    return len(done)


def test_killed_writer_loses_no_recorded_rows(killed: tuple[Path, int]):
    file, said = killed
    assert check(file) in {said + 1, said + 2}


def test_missing_shm_file_loses_nothing(killed: tuple[Path, int]):
    file, said = killed
    file.with_name(file.name + "-shm").unlink(missing_ok=True)
    assert check(file) >= said + 1


def test_missing_wal_file_leaves_older_ledger_intact(killed: tuple[Path, int]):
    file, _ = killed
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    check(file)


def test_closed_ledger_is_one_file(url: str, file: Path, create_run):
    with Ledger.open(url) as ledger:
        create_run(ledger)
    assert list(file.parent.iterdir()) == [file]
