"""Cutting the link anywhere ends with the true outcome, and with every effect once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "execute"))

from driver_hosts import hosts, pool, shell, until
from proxies import Proxy

from runner.errors import LostError, UnreachableError
from runner.execute import (
    Awaiting,
    Command,
    CommandOutput,
    Decided,
    Job,
    Pool,
    Started,
    Timeouts,
    attach_job,
    run_job,
)

__all__ = ["hosts", "pool", "shell"]

QUICK = Timeouts(hello=6, silence=6, beat=1, reattach=20)


def run_through(hosts, kind, job, proxy, **options):
    with Pool() as links:
        endpoint = hosts.endpoint(kind, port=proxy.port, address=proxy.address)
        return run_job(links, endpoint, job, limits=QUICK, **options)


def together(function, items, threads=6):
    with ThreadPoolExecutor(threads) as executor:
        return list(executor.map(function, items))


def size_of_a_job(hosts, kind):
    with Proxy((hosts.address, hosts.port)) as proxy:
        job = hosts.work(nap="sleep 0.01")
        hosts.assert_whole(job, run_through(hosts, kind, job, proxy))
        return proxy.total


def cut_at(hosts, kind, budget):
    with Proxy((hosts.address, hosts.port), budget=budget, reset=bool(budget // 50 % 2)) as proxy:
        job = hosts.work(nap="sleep 0.01")
        record = run_through(hosts, kind, job, proxy)
        hosts.assert_whole(job, record)
        return record.links


def test_a_cut_at_many_bytes_of_the_stream(hosts, shell):
    total = size_of_a_job(hosts, shell)
    together(lambda budget: cut_at(hosts, shell, budget), range(100, total + 50, 400))


@pytest.mark.long
def test_a_cut_at_every_fiftieth_byte_of_the_stream(hosts, shell):
    total = size_of_a_job(hosts, shell)
    links = together(lambda budget: cut_at(hosts, shell, budget), range(50, total + 50, 50))
    assert max(links) > 1, "no cut forced a second link"


def test_the_noise_of_a_later_login_does_not_enter_the_job(hosts):
    cut_after(hosts, "bash", 2)


@pytest.mark.parametrize(
    "boundary",
    [pytest.param(number, marks=[] if number % 4 == 0 else [pytest.mark.long]) for number in range(13)],
)
def test_a_cut_at_every_frame(hosts, shell, boundary):
    """12 frames that are events, and the greeting."""
    cut_after(hosts, shell, boundary)


def cut_after(hosts, shell, boundary):
    job = hosts.work(nap="sleep 0.02")
    with Pool() as links:
        endpoint = hosts.endpoint(shell)
        seen = []

        def cut(event):
            if not isinstance(event, CommandOutput):
                seen.append(event)
                if len(seen) == boundary:
                    links.link(endpoint).close()

        if boundary == 0:
            links.link(endpoint).close()
        record = run_job(links, endpoint, job, limits=QUICK, on_event=cut)
    hosts.assert_whole(job, record)


def test_the_session_is_killed_on_the_host_at_each_frame(hosts, shell):
    def killed_after(count):
        job = hosts.work(nap="sleep 0.05")
        with Pool() as links:
            endpoint = hosts.endpoint(shell)
            link = links.link(endpoint)
            port = link._transport.sock.getsockname()[1]
            seen = []

            def kill(event):
                seen.append(event)
                if len(seen) == count:
                    found = subprocess.run(
                        ["ss", "-Htnp", f"dport = :{port}"], capture_output=True, text=True, check=True
                    ).stdout
                    pids = {int(word.split(",")[0]) for word in found.split("pid=")[1:]}
                    assert pids
                    for pid in pids:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)

            record = run_job(links, endpoint, job, limits=QUICK, on_event=kill)
        hosts.assert_whole(job, record)

    for count in range(1, 7):
        killed_after(count)
    assert until(lambda: not hosts.running("tail -c", shell), 5)


def test_a_silent_link_is_left_and_the_job_is_found_again(hosts, shell):
    """The link goes silent without closing: no FIN, no RST."""
    job = hosts.work(nap="sleep 0.1")
    with Proxy((hosts.address, hosts.port)) as proxy:
        froze = []

        def freeze(event):
            if not froze and not isinstance(event, Started):
                froze.append(time.monotonic())
                proxy.freeze()
                threading.Timer(3.5, proxy.thaw).start()

        with Pool() as links:
            endpoint = hosts.endpoint(shell, port=proxy.port, address=proxy.address)
            limits = Timeouts(hello=3, silence=2, beat=1, reattach=20)
            record = run_job(links, endpoint, job, limits=limits, on_event=freeze)
    hosts.assert_whole(job, record)
    assert record.links >= 2


def test_a_link_that_never_comes_back_is_lost_never_ok_or_failed(hosts):
    job = hosts.work(nap="sleep 0.1")
    proxy = Proxy((hosts.address, hosts.port))

    def unplug(event):
        if not isinstance(event, Started):
            proxy.close()

    endpoint = hosts.endpoint(port=proxy.port, address=proxy.address)
    with Pool() as links, pytest.raises(LostError, match="cannot reconnect"):
        run_job(links, endpoint, job, limits=Timeouts(reattach=0.5), on_event=unplug)
    with Pool() as links:
        record = attach_job(links, hosts.endpoint(), job.id)
    assert record is not None
    hosts.assert_whole(job, record)


def test_a_host_that_is_not_there_is_unreachable_and_nothing_was_begun(hosts, pool):
    job = hosts.work()
    proxy = Proxy((hosts.address, hosts.port))
    proxy.close()
    with pytest.raises(UnreachableError):
        run_job(pool, hosts.endpoint(port=proxy.port, address=proxy.address), job)
    assert attach_job(pool, hosts.endpoint(), job.id) is None


def test_a_verdict_given_while_the_link_is_cut_arrives(hosts, shell):
    made = hosts.new_id()
    job = Job(
        made,
        (Command("a", "true"),),
        wait=20,
        keep=(Command("k", hosts.mark(made, "k")),),
        check="false",
    )
    with Pool() as links:
        endpoint = hosts.endpoint(shell)

        def judge(_):
            links.link(endpoint).close()
            return "keep"

        record = run_job(links, endpoint, job, limits=QUICK, verdict=judge)
    assert record.decided == Decided("keep", "controller")
    assert hosts.marks(made) == ["k"]


def test_the_host_decides_alone_when_the_controller_stays_away(hosts, shell):
    made = hosts.new_id()
    job = Job(
        made,
        (Command("a", "true"),),
        wait=1,
        check="false",
        undo=(Command("u", hosts.mark(made, "u")),),
        cleanup=hosts.mark(made, "C"),
    )
    endpoint = hosts.endpoint(shell)

    class GoneError(Exception):
        pass

    def leave(event):
        if isinstance(event, Awaiting):
            raise GoneError

    with Pool() as links, pytest.raises(GoneError):
        run_job(links, endpoint, job, on_event=leave)
    assert until(lambda: hosts.marks(made) == ["u", "C"], 5)
    with Pool() as links:
        asked = []
        record = run_job(links, endpoint, job, verdict=asked.append)
    assert (record.decided, asked) == (Decided("undo", "deadman"), [])


@pytest.mark.parametrize(
    "way",
    ["socket", *(pytest.param(way, marks=pytest.mark.long) for way in ("channel", "stdin", "transport"))],
)
def test_a_vanished_controller_leaves_no_follower(hosts, shell, way):
    from runner.execute.wire import opening, shell_command

    job = Job(hosts.new_id(), (Command("a", "sleep 2"),))
    endpoint = hosts.endpoint(shell)
    with Pool() as links:
        link = links.link(endpoint)
        start = opening("start", job.id, body=job.body(), beat=1, shell=endpoint.shell)
        exec_ = link.run(shell_command(endpoint.shell), 10)
        exec_.send(start.data, 10)
        assert exec_.receive(10)
        {
            "socket": link._transport.sock.close,
            "channel": exec_.close,
            "stdin": exec_._channel.shutdown_write,
            "transport": link.close,
        }[way]()
        pattern = "tail -c" if shell != "ash" else f"{endpoint.shell} -c n="
        assert until(lambda: not hosts.running(pattern, shell), 5)
    with Pool() as links:
        assert run_job(links, endpoint, job).status == "ok"


KILLED = """
import sys
sys.path[:0] = {path!r}
from runner.execute import Endpoint, Job, Pool, run_job
import pathlib, pickle
endpoint, job = pickle.loads({data!r})
with Pool() as links:
    print("ready", flush=True)
    run_job(links, endpoint, job, on_event=lambda event: print(type(event).__name__, flush=True))
"""


def killed_controller(hosts, kind, moment):
    """A controller of its own process is killed after so many of its lines; another one takes the job up."""
    import pickle

    job = hosts.work(nap="sleep 0.02")
    root = str(Path(__file__).parents[2])
    code = KILLED.format(path=[root], data=pickle.dumps((hosts.endpoint(kind), job)))
    controller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert controller.stdout is not None
    for _ in range(moment + 1):
        controller.stdout.readline()
    if moment == 0:
        time.sleep(random.uniform(0, 0.3))  # noqa: S311 - an instant
    controller.kill()
    controller.wait()
    controller.stdout.close()
    with Pool() as links:
        record = run_job(links, hosts.endpoint(kind), job)
    hosts.assert_whole(job, record)
    return record.attached


def test_a_killed_controller_is_taken_over_from(hosts, shell):
    attached = together(lambda moment: killed_controller(hosts, shell, moment), [0, 0, 1, 3, 6, 9], 2)
    assert any(attached)


@pytest.mark.long
def test_a_controller_killed_at_every_event(hosts, shell):
    together(
        lambda moment: killed_controller(hosts, shell, moment), [*[0] * 12, *range(1, 15), *range(1, 15)], 2
    )
