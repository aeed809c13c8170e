"""SIGHUP: a closed terminal, and a request to reload."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.workspaces import ROOT, write_workspace

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
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            ["nohup", sys.executable, "-m", "runner", "tick", "--verbose"],
            cwd=write_workspace(tmp_path / "crew"),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=log,
            stdout=log,
        )
    while process.poll() is None:
        process.send_signal(signal.SIGHUP)
        with pytest.MonkeyPatch.context():
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    assert process.returncode == 0


SLOW = """\
name: Slow
steps:
  - shell: {run: 'touch "$HOME/started"; until [ -e "$HOME/go" ]; do sleep 0.1; done; touch "$HOME/done"'}
"""
