"""What a segment costs, counted rather than timed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "execute"))

from driver_hosts import hosts, pool, until
from proxies import Proxy

from runner.execute import Command, Job, Lock, Pool, ack_job, read, run_job

__all__ = ["hosts", "pool"]


KNOCK = 4
"""Programs, once a connection: before its first job the login's shell must have run something for us."""


def job_of(hosts, tasks, lock=None):
    return Job(hosts.new_id(), tuple(Command(f"t{n}", ":") for n in range(tasks)), lock=lock)


def test_a_segment_is_three_round_trips_and_one_exec(hosts):
    with Proxy((hosts.address, hosts.port)) as proxy, Pool() as links:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        link = links.link(endpoint)
        read(links, endpoint, [Command("first", ":")])
        for tasks in (0, 1, 20):
            turns, execs = proxy.turns, link._transport._channel_counter
            job = job_of(hosts, tasks)
            record = run_job(links, endpoint, job)
            assert record.ok
            assert proxy.turns - turns <= 3, f"{proxy.turns - turns} round trips for {tasks} tasks"
            assert link._transport._channel_counter - execs == 1
            ack_job(links, endpoint, job.id)
            assert until(lambda job=job: not (hosts.folder(job) / "events").exists())


def test_reading_is_three_round_trips_and_one_exec(hosts):
    with Proxy((hosts.address, hosts.port)) as proxy, Pool() as links:
        endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
        links.link(endpoint)
        turns = proxy.turns
        read(links, endpoint, [Command(f"t{n}", ":") for n in range(10)])
        assert proxy.turns - turns <= 4  # the fourth is our goodbye, for which nobody waits


@pytest.fixture
def trace(hosts, pool, tmp_path):
    """Runs a job of so many tasks under strace; the programs that it starts and what it writes, all of it."""

    def traced(tasks, lock=None):
        out = tmp_path / "trace"
        assert hosts.sshd is not None
        # -z: a call that fails, like a search along PATH, is no program
        options = ["-f", "-qq", "-z", "-s", "200", "-e", "trace=execve,write"]
        tracer = subprocess.Popen(
            ["strace", *options, "-p", str(hosts.sshd.pid), "-o", str(out)], stderr=subprocess.DEVNULL
        )
        status = Path(f"/proc/{hosts.sshd.pid}/status")
        assert until(lambda: f"TracerPid:\t{tracer.pid}" in status.read_text())
        try:
            with Pool() as fresh:
                endpoint = hosts.endpoint()
                job = job_of(hosts, tasks, lock)
                assert run_job(fresh, endpoint, job).ok
                ack_job(fresh, endpoint, job.id)
                assert until(lambda: not (hosts.folder(job) / "events").exists())
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
        return out.read_text()

    return traced


def programs(trace):
    """Those that were started on the host, its clocks and looks aside."""
    names = [os.path.basename(path) for path in re.findall(r'execve\("([^"]+)"', trace)]  # noqa: PTH119 - of the host
    return [name for name in names if name not in {"sshd", "sleep", "find"}]


def test_a_job_costs_the_host_ten_programs_and_two_for_each_task(trace):
    few, many = programs(trace(5)), programs(trace(25))
    assert len(few) <= 2 * 5 + 10 + KNOCK, few
    assert len(many) - len(few) <= 2 * 20, many


def test_a_lock_costs_two_programs_more(hosts, trace):
    place = hosts.homes["sh"] / f"site-{os.urandom(4).hex()}"
    place.mkdir()
    found = programs(trace(1, Lock(str(place), "run/site")))
    assert len(found) <= 2 + 10 + 2 + KNOCK, found


def test_a_task_wakes_the_follower_once(trace):
    """The end of one and the beginning of the next are one write."""
    said = trace(6)
    for number in range(5):
        assert re.search(rf"end t{number} 0 \d+ -\\n\\0?36[0-9a-f]+ begin t{number + 1}\\n", said)


def test_the_controller_spends_little_on_a_host(hosts):
    """CPU of our side for a segment of 20 tasks over an open link; generous, since machines differ."""
    with Pool() as links:
        endpoint = hosts.endpoint()
        links.link(endpoint)
        run_job(links, endpoint, job_of(hosts, 20))
        before = time.process_time()
        for _ in range(10):
            job = job_of(hosts, 20)
            run_job(links, endpoint, job)
            ack_job(links, endpoint, job.id)
        spent = (time.process_time() - before) / 10
    assert spent < 0.03, f"{spent * 1000:.1f} ms"
