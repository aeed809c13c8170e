"""Deletion of our files on a host: only ours, and none while any is in use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runner.hosts.leftovers import clean_text

SHELLS = (["dash"], ["busybox", "ash"])


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def run(request: pytest.FixtureRequest, tmp_path: Path):
    home = tmp_path / "home"
    site = tmp_path / "site"
    (home / ".sitecrew/jobs/j1").mkdir(parents=True)
    (home / ".sitecrew/restore/r/shop").mkdir(parents=True)
    (site / "wp-content").mkdir(parents=True)

    def call(action: str) -> list[str]:
        text = clean_text(action, [str(site)])
        env = {"HOME": str(home), "LOGNAME": f"nobody-{os.getpid()}", "PATH": os.environ["PATH"]}
        done = subprocess.run([*request.param, "-c", text], env=env, capture_output=True, check=True)
        return done.stdout.decode().split("\0")[:-1]

    return call, home, site


def test_our_files_are_listed_then_deleted(run) -> None:
    call, home, site = run
    odd = site / "wp-content/.sitecrew-a\n.. b"
    odd.mkdir()
    paths = {str(home / ".sitecrew"), str(odd)}
    assert set(call("list")[1::2]) == paths
    assert (home / ".sitecrew").is_dir()
    assert odd.is_dir()
    assert call("delete") == []
    assert not (home / ".sitecrew").exists()
    assert sorted(site.rglob("*")) == [site / "wp-content"]


def test_links_are_not_followed(run, tmp_path: Path) -> None:
    call, home, site = run
    precious = tmp_path / "precious"
    (precious / ".sitecrew-mine").mkdir(parents=True)
    (home / ".sitecrew/restore/r/shop/link").symlink_to(precious)
    (site / ".sitecrew-link").symlink_to(precious)
    (site / "wp-content").rmdir()
    (site / "wp-content").symlink_to(precious)
    call("delete")
    assert not (site / ".sitecrew-link").is_symlink()
    assert (precious / ".sitecrew-mine").is_dir()


def test_a_symbolic_link_as_root_is_ignored(run, tmp_path: Path) -> None:
    call, home, _site = run
    (home / ".sitecrew").rename(tmp_path / "elsewhere")
    (home / ".sitecrew").symlink_to(tmp_path / "elsewhere")
    call("delete")
    assert (tmp_path / "elsewhere/jobs/j1").is_dir()


def _process() -> str:
    words = Path(f"/proc/{os.getpid()}/stat").read_text().rsplit(") ", 1)[1].split()
    return f"{os.getpid()} {words[19]}"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_nothing_is_deleted_while_a_job_runs(run) -> None:
    call, home, _site = run
    folder = home / ".sitecrew/jobs/j1"
    (folder / "id").write_text(f"nonce {_process()} {_boot()} 0 0\n")
    assert call("delete") == ["busy", "job"]
    assert folder.is_dir()
    (folder / "done").write_text("ok 1\n")
    assert call("delete") == []


def test_nothing_is_deleted_while_a_lock_is_held(run) -> None:
    call, home, _site = run
    lock = home / ".sitecrew/locks/srv/a\nb/.lock"
    lock.mkdir(parents=True)
    (lock / "g.1").write_text(f"run/site 0 {_boot()} {_process()}\n")
    assert call("delete") == ["busy", "lock"]
    (lock / "g.2").write_text("free 0 - - -\n")
    assert call("delete") == []
