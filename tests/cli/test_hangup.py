"""SIGHUP: a closed terminal, and a request to reload."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.shell import until
from tests.cli.workspaces import ROOT, write_workspace
from tests.crew import Crew

if TYPE_CHECKING:
    from lab import Fleet

PATIENCE = 60


def on_terminal(folder: Path, *words: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command as the leader of a session on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SITECREW_PLAIN": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    return process, ours


_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "runner", *sys.argv[1:]])
"""


def read_until(terminal: int, text: str) -> None:
    printed = b""
    while text.encode() not in printed:
        printed += os.read(terminal, 4096)


def test_closed_terminal_stops_serve(tmp_path: Path) -> None:
    process, terminal = on_terminal(write_workspace(tmp_path / "crew"), "serve")
    read_until(terminal, "no windows")
    os.close(terminal)
    assert process.wait(PATIENCE) == 0


def test_nohup_is_respected(tmp_path: Path) -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-m", "runner", "tick"],
        cwd=write_workspace(tmp_path / "crew"),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    sent = 0
    while process.poll() is None:
        if _ignores_hangup(process.pid):
            process.send_signal(signal.SIGHUP)
            sent += 1
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    assert sent
    assert process.returncode == 0


def _ignores_hangup(pid: int) -> bool:
    """Whether a process ignores SIGHUP, as nohup sets it; before that, a signal would end it."""
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        ignored = int(re.findall(r"SigIgn:\s*([0-9a-f]+)", status)[0], 16)
        return bool(ignored >> (signal.SIGHUP - 1) & 1)
    return False


SLOW = """\
name: Slow
steps:
  - shell: {run: 'touch "$HOME/started"; until [ -e "$HOME/go" ]; do sleep 0.1; done', changes: true}
  - shell: {run: 'touch "$HOME/second"', changes: true}
"""


@pytest.mark.fleet
def test_closed_terminal_leaves_no_site_half_done(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path / "crew", SLOW)
    home = fleet.spec.home("web1")
    files = [home / name for name in ("started", "go", "second")]
    process, terminal = on_terminal(
        crew.folder, "run", "slow", "-l", "acme-shop", "-l", "globex-docs", "--rings", "acme-shop,globex-docs"
    )
    try:
        until(files[0].exists, "the first site to start", seconds=PATIENCE)
        os.close(terminal)
        assert crew.show()["outcome"] is None
        files[1].touch()
        assert process.wait(PATIENCE) == 130
        outcomes = {site["site"]: site["outcome"] for site in crew.show()["sites"]}
        assert outcomes == {"acme-shop": "changed", "globex-docs": "cancelled"}
        assert files[2].exists()
    finally:
        process.kill()
        process.wait()
        for file in files:
            file.unlink(missing_ok=True)
