"""Of several processes, one decides an opening and one takes over a lease, on both databases."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import runner
from runner.record import LEASE, Ledger
from runner.record.store import now

ROOT = str(Path(runner.__file__).parents[1])
HEAD = """if True:
    import sys
    from datetime import UTC, datetime, timedelta
    from runner.record import Ledger, WindowState, WindowView
    ledger = Ledger.open(sys.argv[1])
    me, at = sys.argv[2], datetime(2026, 11, 24, tzinfo=UTC)
    print("ready", flush=True)
    for number in range(20):
        sys.stdin.readline()
"""
CLAIM = """\
        opening = WindowView(window="weekly", client="acme", site="", starts=at + timedelta(days=number),
                             closes=at + timedelta(days=number, hours=2), state=WindowState.RUN,
                             run=me, recorded=at)
        print(ledger.windows.claim(opening), flush=True)
"""
TAKE_OVER = """\
        print(ledger.leases.take_over(f"dead-{number}", by=me), flush=True)
"""


@pytest.mark.both_databases
@pytest.mark.parametrize("act", [CLAIM, TAKE_OVER], ids=["opening", "lease"])
def test_one_of_two_processes_wins(url: str, act: str):
    with Ledger.open(url) as ledger:
        for number in range(20):
            before = now() - 3 * LEASE - timedelta(seconds=1)
            ledger.leases.acquire(f"dead-{number}", host="gone", pid=1, process_start="0", at=before)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HEAD + act, url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ROOT},
        )
        for name in ("a", "b")
    ]
    try:
        assert [lines(process) for process in processes] == ["ready", "ready"]
        for _ in range(20):
            for process in processes:
                assert process.stdin
                process.stdin.write("go\n")
                process.stdin.flush()
            assert sorted(lines(process) for process in processes) == ["False", "True"]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def lines(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()
