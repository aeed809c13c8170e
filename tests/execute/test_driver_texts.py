from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import runner.execute
from runner.execute import Command, Job, Lock, run_job
from runner.execute.texts import text
from runner.shell import assign

TEXTS = sorted((Path(runner.execute.__file__).parent / "driver").glob("*.sh"))


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="needs shellcheck")
@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_shellcheck_accepts_the_driver_scripts(path):
    found = subprocess.run(["shellcheck", "-s", "sh", str(path)], capture_output=True, text=True, check=False)
    assert found.stdout == ""


def test_garbage_collection_handles_line_feeds_in_names(tmp_path):
    """Split at the line feed, the second half of this path would be another directory."""
    precious, home = tmp_path / "precious", tmp_path / "home"
    trap = Path(f"{home}/.sitecrew/jobs/x\n{precious}")
    for folder in (precious, trap, home / ".sitecrew/jobs/old"):
        folder.mkdir(parents=True)
        for name in ("id", "done", "events"):
            (folder / name).write_text("kept")
            os.utime(folder / name, (0, 0))
    settings = {"link": "nonce", "job_days": 14, "restore_days": 14, "tombstone_days": 400}
    script = assign(settings) + text("collect")
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
    )
    assert done.stdout == b"\x1enonce bye\n"
    assert sorted(path.name for path in precious.iterdir()) == ["done", "events", "id"]
    assert not (home / ".sitecrew/jobs/old").exists()


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox ash"])
def test_a_frame_survives_a_signal_during_a_blocked_write(shell):
    """Busybox and bash drop the text when a signal interrupts a write."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                theirs.send(b"." * 4096)
        theirs.setblocking(True)
        script = f"{text('common')}\nlink=nonce\ntrap : USR1\nsay end a 0 1 -\nsay begin b"
        with subprocess.Popen([*shell.split(), "-c", script], stdout=theirs) as process:
            theirs.close()
            for _ in range(3):
                time.sleep(0.1)
                process.send_signal(signal.SIGUSR1)
            received = b"".join(iter(lambda: ours.recv(65536), b""))
        assert process.returncode == 0
    assert received.lstrip(b".") == b"\x1enonce end a 0 1 -\n\x1enonce begin b\n"


@pytest.mark.parametrize("shell", ["dash", "busybox ash"])
def test_reap_returns_the_exit_status_after_a_trap(shell):
    """Bash loses the status when the signal and the exit coincide."""
    script = f"""{text("common", "clock")}
trap : USR1
(sleep 0.2; kill -USR1 $$; exit 3) & child=$!
reap
echo $code"""
    done = subprocess.run([*shell.split(), "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


def test_no_lock_for_a_site_path_with_a_line_feed(hosts, pool):
    site = hosts.homes["sh"] / "real\nsite"
    site.mkdir(exist_ok=True)
    job = Job(hosts.new_id(), (Command("a", ":"),), lock=Lock(str(site), "run/site"))
    assert run_job(pool, hosts.endpoint(), job).status == "nosite"
