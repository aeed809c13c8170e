"""`host clean` deletes Sitecrew's files from a real host, but not while a job is running there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lab.hosts import end_jobs
from runner.errors import HostError
from runner.execute import Command, Restore, read
from runner.execute.read import read as read_tasks
from runner.hosts.leftovers import clean_text, read_leftovers
from tests.execute.conftest import hosts, pool, shell

if TYPE_CHECKING:
    from pathlib import Path

    from runner.hosts.leftovers import Leftover

__all__ = ["hosts", "pool", "shell"]


@pytest.fixture(autouse=True)
def _quiet_host(hosts) -> None:
    """Jobs and locks of earlier tests on this host are over."""
    for kind in hosts.homes:
        end_jobs(hosts.user(kind))
        shutil.rmtree(hosts.homes[kind] / ".sitecrew", ignore_errors=True)


def _clean(pool, endpoint, action: str, site: str) -> tuple[Leftover, ...]:
    record = read_tasks(pool, endpoint, [Command("clean", clean_text(action, [site]))])["clean"]
    assert record.ok, record
    return read_leftovers(record.text, "h")


def test_a_host_is_cleaned_unless_a_job_runs_there(hosts, pool, shell) -> None:
    endpoint, home = hosts.endpoint(shell), hosts.homes[shell]
    made = Command("a", f'mkdir -p "$SITECREW_RESTORE/x" {home}/www/wp-content/.sitecrew-tag')
    read(pool, endpoint, [made], restore=Restore("r", "shop"))
    job = home / ".sitecrew/jobs/busy"
    busy = f"mkdir -p {job}; read -r boot </proc/sys/kernel/random/boot_id; sleep 60 & set -- $!; "
    busy += f'set -- $1 $(cut -d" " -f22 /proc/$1/stat); echo "n $1 $2 $boot 0 0" >{job}/id'
    stop = f"read -r n pid rest <{job}/id; kill $pid; tail -f /dev/null --pid $pid"
    read(pool, endpoint, [Command("b", f"( {busy} ) >/dev/null 2>&1")])
    with pytest.raises(HostError, match="a job is running"):
        _clean(pool, endpoint, "delete", f"{home}/www")
    assert (home / ".sitecrew/restore/r/shop/x").is_dir()
    read(pool, endpoint, [Command("c", stop)])
    listed = {one.path for one in _clean(pool, endpoint, "list", f"{home}/www")}
    assert {f"{home}/.sitecrew", f"{home}/www/wp-content/.sitecrew-tag"} <= listed
    assert _clean(pool, endpoint, "delete", f"{home}/www") == ()
    assert not (home / ".sitecrew").exists()
    assert not (home / "www/wp-content/.sitecrew-tag").exists()


def test_the_command_cleans_a_host_that_is_in_the_inventory_no_more_and_records_the_act(
    hosts, pool, tmp_path: Path
) -> None:
    read(pool, hosts.endpoint(), [Command("a", "true")], restore=Restore("r", "shop"))
    root = hosts.homes["sh"] / ".sitecrew"
    (tmp_path / "inventory.yaml").write_text("clients: {}\nhosts: {}\n")
    config = tmp_path / "ssh_config"
    config.write_text(f"Host *\n  IdentityFile {hosts.key}\n")
    (tmp_path / "sitecrew.yaml").write_text(
        f"ssh: {{known_hosts: {hosts.known_hosts}, config: {config}}}\nledger: sqlite:///ledger.db\n"
    )
    where = ["--address", hosts.address, "--port", str(hosts.port), "--user", hosts.user("sh")]

    def call(*words: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "runner", "-w", str(tmp_path), *words]
        return subprocess.run(command, input=answer, capture_output=True, text=True, check=False)

    refused = call("host", "clean", "old", *where, answer="n\n")
    assert refused.returncode == 3, refused
    assert str(root) in refused.stderr
    assert root.is_dir()
    cleaned = call("host", "clean", "old", "-y", *where)
    assert cleaned.returncode == 0, cleaned
    assert not root.exists()
    assert b"host clean" in (tmp_path / "ledger.db").read_bytes() + b"".join(
        path.read_bytes() for path in tmp_path.glob("ledger.db-wal")
    )
    assert call("host", "clean", "old").returncode == 2
