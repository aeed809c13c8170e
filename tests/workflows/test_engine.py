"""The engine: workflows by id, results and errors, queues with a limit per partition."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path


def in_a_process(folder: Path, code: str) -> str:
    """Run code in a process of its own, since a process can have only one engine."""
    head = f"""
        import threading, time
        from runner.model import LedgerAddress
        from runner.workflows import engine as module
        from runner.workflows.engine import Engine, Queue
        module._POLLS_PER_STATUS = 1
        engine = Engine(LedgerAddress("sqlite:///{folder}/ledger.db"), executor="test-1")
        queue = Queue("q", 10, 1)
    """
    text = textwrap.dedent(head) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_parent_waits_for_slow_child(tmp_path: Path) -> None:
    out = in_a_process(
        tmp_path,
        """
        child = engine.workflow("child", lambda name: (time.sleep(1.0), name)[1])
        parent = engine.workflow("parent", lambda: engine.enqueue(queue, "p", "c1", child, "there").result())
        engine.launch([queue])
        print(engine.start("p1", parent).result())
        """,
    )
    assert out == "there\n"


def test_error_of_child_reaches_parent(tmp_path: Path) -> None:
    out = in_a_process(
        tmp_path,
        """
        def fails():
            raise ValueError("no luck")
        child = engine.workflow("child", fails)
        def body():
            try:
                engine.enqueue(queue, "p", "c1", child).result()
            except ValueError as error:
                return str(error)
        parent = engine.workflow("parent", body)
        engine.launch([queue])
        print(engine.start("p1", parent).result())
        """,
    )
    assert out == "no luck\n"


def test_partition_runs_one_workflow_at_a_time(tmp_path: Path) -> None:
    out = in_a_process(
        tmp_path,
        """
        active, most, lock = set(), [0], threading.Lock()
        def work(name):
            with lock:
                active.add(name); most[0] = max(most[0], len(active))
            time.sleep(0.2)
            with lock:
                active.discard(name)
        child = engine.workflow("child", work)
        def body():
            for handle in [engine.enqueue(queue, "one-host", f"c{n}", child, n) for n in range(4)]:
                handle.result()
        parent = engine.workflow("parent", body)
        engine.launch([queue])
        engine.start("p1", parent).result()
        print(most[0])
        """,
    )
    assert out == "1\n"


def test_engine_file_is_private(tmp_path: Path) -> None:
    in_a_process(tmp_path, "engine.launch([queue])")
    assert (tmp_path / "engine.db").stat().st_mode & 0o077 == 0
