"""Runs with the ledger and the engine in PostgreSQL, whose server may restart meanwhile."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.parts.ground import Ground, workspace
from lab.hosts import many_hosts
from lab.shell import until
from tests.crew import ended, sitecrew, start_sitecrew
from tests.postgresql import Databases, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["postgresql"]

PORT = 24240 + os.getpid() % 20
SITES = 3
SLOW = """\
name: Slow
steps:
  - shell: {run: 'echo "$PWD first" >>~/at/marks; until [ -e ~/at/go ]; do sleep 0.1; done', changes: true}
  - shell: {run: 'echo "$PWD second" >>~/at/marks', changes: true}
"""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """Some addresses of one sshd."""
    root = Path(f"/var/tmp/sitecrew-postgresql-{os.getpid()}")
    root.mkdir(mode=0o755)
    try:
        with many_hosts(root, SITES, port=PORT, user=f"crew-pg-{os.getpid() % 1000}") as hosts:
            folder = root / "work"
            folder.mkdir()
            (folder / "known_hosts").write_text("\n".join(hosts.known_hosts_lines()) + "\n")
            yield Ground(hosts, hosts.port, folder / "known_hosts", folder)
    finally:
        shutil.rmtree(root)


@pytest.fixture
def folder(ground: Ground, postgresql: Databases) -> Iterator[Path]:
    """A workspace whose ledger is in a new database without tables."""
    made = workspace(ground, steps=2)
    (made / "playbooks/slow.yaml").write_text(SLOW)
    with (made / "sitecrew.yaml").open("a") as file:
        file.write(f"ledger: {postgresql.empty()}\n")
    yield made
    ground.clear()
    shutil.rmtree(ground.folder / "workspace")
    shutil.rmtree(ground.folder / "sites")


def test_commands_use_the_database_only(folder: Path):
    run = sitecrew("run", "trivial", "--json", folder=folder)
    assert run.code == 0, run.err
    shown = sitecrew("show", "last", "--json", folder=folder)
    assert [site["outcome"] for site in shown.json["sites"]] == ["ok"] * SITES
    verified = sitecrew("ledger", "verify", folder=folder)
    assert verified.out.startswith("1 act, head ")
    assert list((folder / ".sitecrew").glob("*.db")) == []


@pytest.mark.parametrize("mode", ["immediate", pytest.param("fast", marks=pytest.mark.long)])
def test_restarted_server_repeats_no_step(ground: Ground, folder: Path, postgresql: Databases, mode: str):
    (ground.hosts.home / "at").mkdir()
    shutil.chown(ground.hosts.home / "at", ground.hosts.user)
    marks = ground.hosts.home / "at/marks"
    running = start_sitecrew("run", "slow", "--json", folder=folder)
    until(
        lambda: marks.exists() and len(marks.read_text().splitlines()) == SITES, "the first steps", seconds=60
    )
    postgresql.server.stop(mode)
    postgresql.server.start()
    (ground.hosts.home / "at/go").touch()
    first = ended(running)
    if first.code != 0:
        resumed = sitecrew("resume", "--json", folder=folder)
        assert resumed.code == 0, resumed.err
    shown = sitecrew("show", "last", "--json", folder=folder)
    assert [site["outcome"] for site in shown.json["sites"]] == ["changed"] * SITES
    assert set(Counter(marks.read_text().splitlines()).values()) == {1}
    assert len(marks.read_text().splitlines()) == 2 * SITES
