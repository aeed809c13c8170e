"""A secret reaches its task and nothing else: no file, no argument list, nothing left after any end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "execute"))

from driver_hosts import hosts, pool, shell, until

from runner.errors import LostError
from runner.execute import Command, CommandStarted, Job, Pool, ack_job, attach_job, read, run_job

__all__ = ["hosts", "pool", "shell"]

AWKWARD = " 'quoted' \"twice\" $HOME `id` \\ é Ã\n\x01\x7f\x81\x88 ÁÿþĀ 100% !\ttab\n"


@pytest.fixture
def word():
    """A secret that no other test has written anywhere."""
    return f"hunter-{os.urandom(6).hex()}"


def in_files(hosts, kind, word):
    places = [hosts.homes[kind] / ".sitecrew", hosts.base, Path(f"/var/tmp/.sitecrew-{hosts.user(kind)}")]
    done = subprocess.run(
        ["grep", "-rls", word, *map(str, places)], capture_output=True, text=True, check=False
    )
    return done.stdout.split()


def in_arguments(word):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(path)
    return found


def job_with(hosts, word, text):
    return Job(
        hosts.new_id(),
        (
            Command("before", "env; set"),
            Command("a", text, secret={"TOKEN": word + AWKWARD, "OTHER": word}),
            Command("after", "env; set"),
        ),
    )


def test_a_secret_arrives_exactly_and_only_where_it_belongs(hosts, pool, shell, word):
    job = job_with(
        hosts, word, 'printf %s "$TOKEN"; [ -n "$OTHER" ] && cat; echo; echo "${k-unset} ${l-unset}"'
    )
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.commands["a"].output == (word + AWKWARD).encode() + b"\nunset unset\n"
    assert word.encode() not in record.commands["before"].output
    assert word.encode() not in record.commands["after"].output


def test_while_the_task_runs_the_secret_is_in_no_file_and_no_argument_list(hosts, pool, shell, word):
    job = job_with(hosts, word, "sleep 0.5")
    looked = []

    def look(event):
        if event == CommandStarted("a"):
            assert until(lambda: hosts.running("sleep 0.5", shell))
            looked.append((in_files(hosts, shell, word), in_arguments(word)))

    record = run_job(pool, hosts.endpoint(shell), job, on_event=look)
    assert record.ok
    assert looked == [([], [])]


@pytest.mark.parametrize("end", ["ack", "death of the driver", "death of both", "failure"])
def test_no_end_leaves_a_secret(hosts, shell, end, word):
    job = job_with(hosts, word, "exit 1" if end == "failure" else "sleep 0.4")
    endpoint = hosts.endpoint(shell)

    def die(event):
        if event == CommandStarted("a") and end.startswith("death"):
            for which in ("driver", "warden")[: 1 if end.endswith("driver") else 2]:
                os.kill(hosts.pid(job, which, shell), 9)

    with Pool() as links, contextlib.suppress(LostError):
        run_job(links, endpoint, job, on_event=die)
        if end == "ack":
            ack_job(links, endpoint, job.id, confirm=True)
    assert in_files(hosts, shell, word) == []


def test_undo_after_a_death_still_has_its_secret(hosts, pool, shell, word):
    job = Job(
        hosts.new_id(),
        (Command("a", "sleep 40"),),
        undo=(Command("u", 'printf %s "$TOKEN"', secret={"TOKEN": word + AWKWARD}),),
        undo_on_death=True,
    )

    def die(event):
        if event == CommandStarted("a"):
            os.kill(hosts.pid(job, "driver", shell), 9)

    record = run_job(pool, hosts.endpoint(shell), job, on_event=die)
    assert record.commands["u"].output == (word + AWKWARD).encode()


def test_a_rival_start_with_another_secret_changes_nothing(hosts, pool, shell, word):
    job = job_with(hosts, word, 'printf %s "$TOKEN"')
    rival = Job(job.id, (Command("a", 'printf %s "$TOKEN"', secret={"TOKEN": "other"}),))
    first = run_job(pool, hosts.endpoint(shell), job)
    second = run_job(pool, hosts.endpoint(shell), rival)
    assert second.attached
    assert second.commands["a"] == first.commands["a"]
    assert attach_job(pool, hosts.endpoint(shell), job.id) is not None


def test_reading_has_secrets_too_and_stores_nothing(hosts, pool, shell, word):
    records = read(
        pool,
        hosts.endpoint(shell),
        [
            Command("a", 'printf %s "$TOKEN"', secret={"TOKEN": word + AWKWARD}),
            Command("b", 'echo "${TOKEN-unset}"'),
        ],
    )
    assert records["a"].output == (word + AWKWARD).encode()
    assert records["b"].output == b"unset\n"
    assert in_files(hosts, shell, word) == []
