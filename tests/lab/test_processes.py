from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from lab.processes import Processes, look
from lab.shell import LabError, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path / "run", tmp_path / "log")
    yield processes
    for name in processes.names():
        processes.stop(name)


def ticks_since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK")


def always() -> bool:
    return True


def test_a_process_is_started_once_and_stopped(processes: Processes) -> None:
    assert processes.start("one", ["sleep", "600"], ready=always)
    assert not processes.start("one", ["sleep", "600"], ready=always)
    process = processes.find("one")
    assert process is not None
    assert process.runs()
    assert processes.stop("one")
    assert not process.runs()
    assert not processes.stop("one")


def test_who_comes_after_a_killed_starter_waits_for_the_newborn(processes: Processes) -> None:
    processes.start("one", ["sleep", "600"], ready=always)
    with (processes.folder / "births.lock").open() as birth:
        fcntl.flock(birth, fcntl.LOCK_SH)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(processes.stop, "one")
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            fcntl.flock(birth, fcntl.LOCK_UN)
            assert waiting.result(10)


def test_another_command_line_or_configuration_replaces_the_process(processes: Processes) -> None:
    processes.start("one", ["sleep", "600"], ready=always)
    first = processes.find("one")
    assert processes.start("one", ["sleep", "601"], ready=always)
    assert processes.start("one", ["sleep", "601"], config="more", ready=always)
    assert first is not None
    assert not first.runs()


def test_a_recycled_process_id_is_left_alone(processes: Processes) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        seen = look(stranger.pid)
        assert seen is not None
        until(lambda: ticks_since_boot() > seen.started + 1, "the clock to tick")
        processes.start("one", ["sleep", "600"], ready=always)
        record = processes.folder / "one.process"
        mine = processes.find("one")
        assert mine is not None
        honest = record.read_text()
        record.write_text(honest.replace(f"{mine.pid} (", f"{stranger.pid} (", 1))
        assert not processes.stop("one")
        assert stranger.poll() is None
        record.write_text(honest)
        stranger.kill()


def test_what_outlives_a_killed_leader_is_found_and_ended(processes: Processes) -> None:
    processes.start("one", ["sh", "-c", "sleep 600 & sleep 600 & wait"], ready=always)
    leader = processes.find("one")
    assert leader is not None
    until(lambda: len(leader.leftovers()) == 3, "three processes")
    os.kill(leader.pid, signal.SIGKILL)
    until(lambda: not leader.runs(), "the leader's end")
    left = leader.leftovers()
    assert len(left) == 2
    assert processes.stop("one")
    assert [look(pid) for pid in left] == [None, None]


def test_a_program_that_ends_at_once_is_reported_with_its_last_words(processes: Processes) -> None:
    with pytest.raises(LabError, match="no such luck"):
        processes.start("one", ["sh", "-c", "echo no such luck; exit 3"], ready=lambda: False)


def test_a_program_that_ignores_a_polite_end_is_killed(processes: Processes, tmp_path: Path) -> None:
    deaf = f"trap '' TERM; : > {tmp_path}/deaf; while :; do sleep 600; done"
    processes.start("one", ["sh", "-c", deaf], ready=(tmp_path / "deaf").exists)
    with suppress(LabError):
        processes.stop("one", seconds=0.2)
    assert not processes.stop("one")
