"""One writer a site, however many controllers there are that know nothing of each other."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "execute"))

from driver_hosts import hosts, pool, shell, until

from runner.execute import Command, CommandStarted, Job, Lock, Locked, Pool, run_job

__all__ = ["hosts", "pool", "shell"]


@pytest.fixture
def site(hosts, shell, request):
    place = hosts.homes[shell] / f"site-{os.urandom(4).hex()}"
    place.mkdir()
    os.chown(place, hosts.uid(shell), hosts.uid(shell))
    return place


def locked_job(hosts, site, owner, *, nap="true", **options):
    made = hosts.new_id()
    return Job(
        made,
        (Command("a", f"{hosts.mark(made, 'a')}; {nap}"),),
        cleanup=hosts.mark(made, "C"),
        lock=Lock(str(site), owner, **options),
    )


def lock_folder(hosts, kind):
    """The newest lock of the account."""
    folders = (hosts.homes[kind] / ".sitecrew/locks").rglob(".lock")
    return max(folders, key=lambda path: path.stat().st_mtime_ns)


def contend(hosts, kind, site, count=6):
    def one(number):
        with Pool() as links:
            job = locked_job(hosts, site, f"owner-{number}-{os.urandom(3).hex()}", nap="sleep 0.6")
            return run_job(links, hosts.endpoint(kind), job).status

    with ThreadPoolExecutor(count) as executor:
        return sorted(executor.map(one, range(count)))


ONE_WINNER = [*["locked"] * 5, "ok"]


def test_of_six_one_gets_a_free_lock(hosts, shell, site):
    for _ in range(3):
        assert contend(hosts, shell, site) == ONE_WINNER


def plant(hosts, kind, words):
    """Put a generation of our own above the others."""
    folder = lock_folder(hosts, kind)
    top = max(int(path.name[2:]) for path in folder.glob("g.*"))
    path = folder / f"g.{top + 1}"
    path.write_text(f"{words}\n")
    os.chown(path, hosts.uid(kind), hosts.uid(kind))


def boot():
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def uptime():
    return int(float(Path("/proc/uptime").read_text().split()[0]))


def start_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[19]


def test_of_six_one_takes_over_a_stale_lock(hosts, pool, shell, site):
    run_job(pool, hosts.endpoint(shell), locked_job(hosts, site, "first"))
    plant(hosts, shell, f"ghost {uptime() - 5} {boot()} 999999 1")
    assert contend(hosts, shell, site) == ONE_WINNER
    plant(hosts, shell, "ghost 99999999 another-boot 999999 1")
    assert contend(hosts, shell, site) == ONE_WINNER


def test_a_lock_that_has_not_expired_or_whose_process_lives_is_respected(hosts, pool, shell, site):
    endpoint = hosts.endpoint(shell)
    run_job(pool, endpoint, locked_job(hosts, site, "first"))
    plant(hosts, shell, f"ghost {uptime() + 500} {boot()} 999999 1")
    job = locked_job(hosts, site, "me")
    record = run_job(pool, endpoint, job)
    assert record.status == "locked"
    assert isinstance(record.lock, Locked)
    assert record.lock.owner == "ghost"
    assert 480 < record.lock.seconds <= 500
    plant(hosts, shell, f"ghost {uptime() - 5} {boot()} 1 {start_of(1)}")
    assert run_job(pool, endpoint, locked_job(hosts, site, "me")).status == "locked"


def test_where_another_holds_the_lock_nothing_is_touched(hosts, pool, shell, site):
    """Neither the tasks nor undo nor cleanup: the site is another run's."""
    endpoint = hosts.endpoint(shell)
    run_job(pool, endpoint, locked_job(hosts, site, "first", release=False, seconds=60))
    made = hosts.new_id()
    job = Job(
        made,
        (Command("a", hosts.mark(made, "a")),),
        wait=20,
        undo=(Command("u", hosts.mark(made, "u")),),
        undo_on_death=True,
        cleanup=hosts.mark(made, "C"),
        lock=Lock(str(site), "second"),
    )
    record = run_job(pool, endpoint, job)
    assert (record.status, record.decided) == ("locked", None)
    assert record.commands["a"].why == "locked"
    assert hosts.marks(made) == []


def test_a_lock_is_held_across_segments_and_freed_by_the_last(hosts, pool, shell, site):
    endpoint = hosts.endpoint(shell)
    generations = []
    for release in (False, False, True):
        record = run_job(pool, endpoint, locked_job(hosts, site, "run/site", release=release))
        assert record.status == "ok"
        assert record.lock is not None
        generations.append(record.lock.generation)
        other = run_job(pool, endpoint, locked_job(hosts, site, "other", release=True))
        assert other.status == ("ok" if release else "locked")
    assert generations == sorted(generations)
    assert len(list(lock_folder(hosts, shell).iterdir())) <= 2, "old generations pile up"


def test_the_heir_of_a_killed_driver_frees_the_lock(hosts, pool, shell, site):
    job = locked_job(hosts, site, "first", nap="sleep 40")

    def kill(event):
        if event == CommandStarted("a"):
            assert until(lambda: hosts.running("sleep 40", shell))
            os.kill(hosts.pid(job, "driver", shell), 9)

    assert run_job(pool, hosts.endpoint(shell), job, on_event=kill).status == "died"
    assert run_job(pool, hosts.endpoint(shell), locked_job(hosts, site, "second")).status == "ok"


def test_one_site_under_two_names_has_one_lock(hosts, pool, shell, site):
    endpoint = hosts.endpoint(shell)
    alias = site.with_name(f"{site.name}-alias")
    alias.symlink_to(site)
    run_job(pool, endpoint, locked_job(hosts, site, "first", release=False, seconds=60))
    assert run_job(pool, endpoint, locked_job(hosts, alias, "second")).status == "locked"
    assert run_job(pool, endpoint, locked_job(hosts, f"{site}/.", "second")).status == "locked"


def test_two_accounts_on_one_site_share_a_lock_that_lies_with_it(hosts, pool):
    place = hosts.base / f"shared-{os.urandom(4).hex()}"
    place.mkdir()
    place.chmod(0o2777)
    folder = str(place / ".sitecrew-lock")
    first = locked_job(hosts, place, "first", folder=folder, release=False, seconds=60)
    assert run_job(pool, hosts.endpoint("sh"), first).status == "ok"
    second = locked_job(hosts, place, "second", folder=folder)
    record = run_job(pool, hosts.endpoint("bash"), second)
    assert record.status == "locked"
    assert record.lock is not None
    assert record.lock.owner == "first"


def test_a_site_that_is_not_there_cannot_be_locked(hosts, pool, shell):
    job = locked_job(hosts, "/srv/nowhere", "first")
    record = run_job(pool, hosts.endpoint(shell), job)
    assert record.status == "nosite"
    assert hosts.marks(job) == []
