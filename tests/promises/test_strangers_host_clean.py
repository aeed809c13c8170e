"""`host clean` takes off a real host what is ours, and refuses while a job runs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import HostError
from runner.execute import Restore, Task, read
from runner.execute.read import read as read_tasks
from runner.workflows.cleaning import clean_text, read_leftovers
from tests.execute.conftest import hosts, pool, shell

if TYPE_CHECKING:
    from runner.workflows.cleaning import Leftover

__all__ = ["hosts", "pool", "shell"]


def _clean(pool, endpoint, action: str, site: str) -> tuple[Leftover, ...]:
    record = read_tasks(pool, endpoint, [Task("clean", clean_text(action, [site]))])["clean"]
    assert record.ok, record
    return read_leftovers(record.text, "h")


def test_a_host_is_cleaned_unless_a_job_runs_there(hosts, pool, shell) -> None:
    endpoint, home = hosts.endpoint(shell), hosts.homes[shell]
    made = Task("a", f'mkdir -p "$SITECREW_RESTORE/x" {home}/www/wp-content/.sitecrew-tag')
    read(pool, endpoint, [made], restore=Restore("r", "shop"))
    job = home / ".sitecrew/jobs/busy"
    busy = f"mkdir -p {job}; read -r boot </proc/sys/kernel/random/boot_id; sleep 60 & set -- $!; "
    busy += f'set -- $1 $(cut -d" " -f22 /proc/$1/stat); echo "n $1 $2 $boot 0 0" >{job}/id'
    stop = f"read -r n pid rest <{job}/id; kill $pid"
    read(pool, endpoint, [Task("b", f"( {busy} ) >/dev/null 2>&1")])
    with pytest.raises(HostError, match="a job runs there"):
        _clean(pool, endpoint, "delete", f"{home}/www")
    assert (home / ".sitecrew/restore/r/shop/x").is_dir()
    read(pool, endpoint, [Task("c", stop)])
    listed = {one.path for one in _clean(pool, endpoint, "list", f"{home}/www")}
    assert {f"{home}/.sitecrew", f"{home}/www/wp-content/.sitecrew-tag"} <= listed
    assert _clean(pool, endpoint, "delete", f"{home}/www") == ()
    assert not (home / ".sitecrew").exists()
    assert not (home / "www/wp-content/.sitecrew-tag").exists()
