"""Whatever dies and whoever starts it how often: no task runs twice."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "execute"))

from driver_hosts import hosts, pool, shell, until

from runner.execute import (
    Awaiting,
    Command,
    CommandStarted,
    Decided,
    Job,
    Pool,
    TookOver,
    attach_job,
    run_job,
)
from runner.execute.frames import new_nonce

__all__ = ["hosts", "pool", "shell"]


def two_starts(hosts, kind, rounds):
    links = [Pool(), Pool()]
    try:
        for _ in range(rounds):
            first = hosts.work(2)
            bodies = [first, dataclasses.replace(first, nonce=new_nonce())]
            barrier = threading.Barrier(2)
            records = []

            def start(link, job, barrier=barrier, records=records):
                link.link(hosts.endpoint(kind))
                barrier.wait()
                records.append(run_job(link, hosts.endpoint(kind), job))

            threads = [threading.Thread(target=start, args=pair) for pair in zip(links, bodies, strict=True)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(records) == 2
            for record in records:
                hosts.assert_whole(first, record)
            assert sorted(record.attached for record in records) == [False, True]
    finally:
        for link in links:
            link.close()


def test_two_controllers_at_one_instant_do_it_once(hosts, shell):
    two_starts(hosts, shell, 10)


@pytest.mark.long
def test_two_controllers_at_two_hundred_instants(hosts, shell):
    two_starts(hosts, shell, 200)


def test_a_driver_killed_as_soon_as_it_has_claimed_leaves_a_record(hosts, shell):
    """There is no instant without an heir: the warden is there before the claim."""
    for _ in range(2):
        job = hosts.work(1)
        with Pool() as links:
            thread = threading.Thread(target=run_job, args=(links, hosts.endpoint(shell), job))
            thread.start()
            claim = hosts.folder(job, shell) / "id"
            assert until(claim.exists)
            with contextlib.suppress(ProcessLookupError):
                os.kill(hosts.pid(job, "driver", shell), 9)
            thread.join()
        with Pool() as links:
            record = run_job(links, hosts.endpoint(shell), job)
        assert record.status in {"died", "ok"}
        assert hosts.marks(job).count("0") <= 1


def killed_driver(hosts, kind, delay):
    job = hosts.work(5, nap="sleep 0.05")
    killed = []

    def kill():
        assert until((hosts.folder(job, kind) / "id").exists)
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(hosts.pid(job, "driver", kind), 9)
            killed.append(time.monotonic())

    thread = threading.Thread(target=kill)
    thread.start()
    with Pool() as links:
        record = run_job(links, hosts.endpoint(kind), job)
    thread.join()
    ended = time.monotonic()
    marks = hosts.marks(job)
    effects = [mark for mark in marks if mark != "C"]
    assert len(effects) == len(set(effects))
    assert "C" in marks
    assert record.status in {"ok", "died"}
    assert until(lambda: not hosts.running(job.id, kind), 5)
    return record.status, ended - killed[0] if killed else 0.0


def test_a_killed_driver_has_an_heir(hosts, shell):
    with ThreadPoolExecutor(5) as executor:
        ends = list(executor.map(partial(killed_driver, hosts, shell), [n / 12 for n in range(5)]))
    assert any(status == "died" for status, _ in ends)
    assert max(seconds for _, seconds in ends) < 4


@pytest.mark.long
def test_a_driver_killed_at_random_instants(hosts, shell):
    with ThreadPoolExecutor(5) as executor:
        list(executor.map(partial(killed_driver, hosts, shell), [n / 80 for n in range(40)]))


def awaiting_job(hosts, check="true", **options):
    made = hosts.new_id()
    return Job(
        made,
        (Command("a", hosts.mark(made, "a")),),
        wait=31,
        check=check,
        keep=(Command("k", hosts.mark(made, "k") + "; sleep 0.3"), Command("k2", hosts.mark(made, "k2"))),
        undo=(Command("u", hosts.mark(made, "u") + "; sleep 0.3"),),
        cleanup=hosts.mark(made, "C"),
        **options,
    )


@pytest.mark.parametrize(("check", "word"), [("true", "keep"), ("false", "undo")])
def test_a_driver_killed_while_it_waits_is_decided_for(hosts, pool, shell, check, word):
    job = awaiting_job(hosts, check)

    def kill(event):
        if isinstance(event, Awaiting):
            assert until(lambda: hosts.running("sleep 31", shell))
            os.kill(hosts.pid(job, "driver", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=kill)
    assert record.decided == Decided(word, "deadman")
    assert hosts.marks(job) == ["a", *(["k", "k2"] if word == "keep" else ["u"]), "C"]
    assert not hosts.running("sleep 31", shell)


def test_a_driver_killed_after_keep_never_undoes(hosts, pool, shell):
    job = awaiting_job(hosts, undo_on_death=True)

    def kill(event):
        if event == CommandStarted("k"):
            os.kill(hosts.pid(job, "driver", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=kill, verdict=lambda _: "keep")
    assert record.decided == Decided("keep", "controller")
    assert record.status == "died"
    assert "u" not in hosts.marks(job)
    assert hosts.marks(job)[-1] == "C"


def test_a_driver_killed_while_it_undoes_is_undone_by_its_heir(hosts, pool, shell):
    job = awaiting_job(hosts)

    def kill(event):
        if event == CommandStarted("u"):
            assert until(lambda: "u" in hosts.marks(job))
            with contextlib.suppress(ProcessLookupError):
                os.kill(hosts.pid(job, "driver", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=kill, verdict=lambda _: "undo")
    assert record.decided == Decided("undo", "controller")
    assert hosts.marks(job)[-2:] == ["u", "C"]
    assert "k" not in hosts.marks(job)


@pytest.mark.parametrize("undo", [True, False])
def test_a_death_in_a_plain_task_is_undone_where_that_is_wanted(hosts, pool, shell, undo):
    made = hosts.new_id()
    job = Job(
        made,
        (Command("a", f"{hosts.mark(made, 'a')}; sleep 40"),),
        undo=(Command("u", hosts.mark(made, "u")),),
        undo_on_death=undo,
        cleanup=hosts.mark(made, "C"),
    )
    events = []

    def kill(event):
        events.append(event)
        if event == CommandStarted("a"):
            assert until(lambda: hosts.running("sleep 40", shell))
            os.kill(hosts.pid(job, "driver", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=kill)
    assert TookOver("a") in events
    assert record.status == "died"
    assert hosts.marks(made) == (["a", "u", "C"] if undo else ["a", "C"])
    assert not hosts.running("sleep 40", shell)


def test_a_killed_job_is_reconciled_to_the_same_outcome_for_ever(hosts, pool, shell):
    job = hosts.work(3, nap="sleep 0.2")

    def kill(event):
        if event == CommandStarted("t1"):
            os.kill(hosts.pid(job, "driver", shell), 9)

    first = run_job(pool, hosts.endpoint(shell), job, on_event=kill)
    again = attach_job(pool, hosts.endpoint(shell), job.id)
    assert again is not None
    assert (again.status, again.commands) == (first.status, first.commands)
