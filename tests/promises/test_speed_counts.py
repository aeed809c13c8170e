"""What keeps a run fast, counted and not timed. What one segment costs is counted in test_driver_price."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from bench.parts.ground import Ground, workspace
from lab.hosts import many_hosts
from tests.crew import sitecrew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab import Fleet

ROOT = Path(__file__).parents[2]
PORT = 24200 + os.getpid() % 20


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    """Six addresses of one sshd, without a delay."""
    root = Path(f"/var/tmp/sitecrew-counts-{os.getpid()}")
    root.mkdir(mode=0o755)
    try:
        with many_hosts(root, 6, port=PORT, user=f"crew-counts-{os.getpid() % 1000}") as hosts:
            folder = root / "work"
            folder.mkdir()
            (folder / "known_hosts").write_text("\n".join(hosts.known_hosts_lines()) + "\n")
            yield Ground(hosts, hosts.port, folder / "known_hosts", folder)
    finally:
        shutil.rmtree(root)


@pytest.fixture
def crew(ground: Ground) -> Iterator[Path]:
    """A workspace with six sites on six hosts, and twenty steps."""
    yield workspace(ground, steps=20)
    shutil.rmtree(ground.folder / "workspace")
    shutil.rmtree(ground.folder / "sites")


def test_the_ledger_commits_five_times_for_a_site_and_waits_for_the_disk_twice(crew: Path):
    from runner.apply.session import Session
    from runner.apply.site import work_on
    from runner.load import load_workspace
    from runner.record.database import FOR_WRITING, SYNCED_LATER
    from runner.workflows.orders import new_order
    from runner.workflows.run import begin

    loaded = load_workspace(crew)
    session = Session(loaded)
    try:
        sites = tuple(loaded.inventory.sites.values())[:2]
        order = new_order(loaded, loaded.playbooks["trivial"], [sites], now=datetime.now(UTC))
        begin(session, order, trigger="manual")
        commits: Counter[str] = Counter()

        def count(connection) -> None:
            options = connection.get_execution_options()
            if options.get(FOR_WRITING):
                commits["later" if options.get(SYNCED_LATER) else "waits"] += 1

        event.listen(session.ledger.store.engine, "commit", count)
        for site in sites:
            commits.clear()
            assert work_on(session, order, site, 1).outcome == "ok"
            # a renewed lease may fall into it
            assert commits["waits"] <= 2, commits
            assert commits["later"] <= 4, commits
    finally:
        session.close()


def test_a_further_site_makes_a_whole_run_wait_for_the_disk_twice(crew: Path):
    def waits(*limit: str) -> int:
        trace = crew / "trace"
        argv = [sys.executable, "-m", "runner", "run", "trivial", "--json", *limit]
        watch = ["strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", "-o", str(trace)]
        done = subprocess.run(
            [*watch, *argv],
            cwd=crew,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return len(re.findall(r"f(?:data)?sync\(\d", trace.read_text()))

    waits("-l", "site-000")  # makes the ledger and the engine's file
    lone, all_six = waits("-l", "site-000"), waits()
    assert all_six - lone <= 2 * 5 + 4, f"{lone} for one site, {all_six} for six"


def test_a_plan_starts_wordpress_once_a_site(fleet: Fleet, tmp_path: Path):
    folder = fleet.write_workspace(tmp_path / "crew")
    counted = Path(f"/var/tmp/sitecrew-counts-php-{os.getpid()}")
    counted.mkdir()
    try:
        log, php = counted / "log", counted / "php"
        log.touch()
        log.chmod(0o666)  # every host has a user of its own
        php.write_text(f'#!/bin/sh\npwd >>{log}\nexec "$(command -v php)" "$@"\n')
        php.chmod(0o755)
        counted.chmod(0o755)
        inventory = folder / "inventory.yaml"
        inventory.write_text(re.sub(r"(?m)^(    user: .*)$", rf"\1\n    php: {php}", inventory.read_text()))
        done = sitecrew("plan", "weekly", "--json", folder=folder)
        assert done.code == 0, done
        starts = Counter(log.read_text().split())
    finally:
        shutil.rmtree(counted)
    sites = re.findall(r"(?m)^        path: (.+)\n        kind: wordpress$", inventory.read_text())
    assert starts == Counter(sites)
    assert sites
