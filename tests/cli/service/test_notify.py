"""What `serve` sends to systemd, received on a real socket."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lab.shell import until
from runner.cli.service.notify import Notifier, Watchdog
from tests.cli.workspaces import INVENTORY, ROOT, write_workspace

PATIENCE = 60.0
WINDOWS = 'windows:\n  weekly: {playbook: nightly, day: tuesday, at: "03:00", timezone: UTC}\n'


class Systemd:
    """A socket like that of systemd."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.socket.settimeout(PATIENCE)
        self.received: list[str] = []

    def wait_for(self, text: str) -> str:
        """Receive messages until one contains this; return it."""
        while True:
            message = self.socket.recv(4096).decode()
            self.received.append(message)
            if text in message:
                return message

    def is_silent_for(self, seconds: float) -> bool:
        """Wait until no message has arrived for this long; False if they do not end."""
        self.socket.settimeout(seconds)
        for _ in range(50):
            try:
                self.socket.recv(4096)
            except TimeoutError:
                return True
        return False


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    found = Systemd(str(tmp_path / "notify"))
    with closing(found.socket):
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "crew", INVENTORY + WINDOWS)


@contextmanager
def serving(
    folder: Path, systemd: Systemd, *words: str, seconds: float = 2
) -> Iterator[subprocess.Popen[str]]:
    """A `serve` process under a systemd that expects a sign of life every few seconds."""
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": str(int(seconds * 1e6))}
    with (folder.parent / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", "serve", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_messages_arrive_at_both_kinds_of_sockets(kind: str, tmp_path: Path) -> None:
    address = str(tmp_path / "s") if kind == "path" else f"@sitecrew-{os.getpid()}-{tmp_path.name}"
    systemd = Systemd(address)
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
    with closing(systemd.socket):
        notifier = Notifier(environment)
        assert environment == {}
        assert notifier.watchdog_seconds == 3
        notifier.ready()
        notifier.reloading()
        notifier.status("next:\nweekly")
        notifier.status("next: weekly")
        notifier.alive()
        systemd.wait_for("WATCHDOG=1")
    ready, reloading, *rest = systemd.received
    assert ready == "READY=1"
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", reloading)
    assert rest == ["STATUS=next: weekly", "WATCHDOG=1"]


@pytest.mark.parametrize("address", ["", "relative", "vsock:1:2", "/nonexistent/socket"])
def test_no_usable_socket_is_no_error(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address} if address else {})
    notifier.ready()
    notifier.status("anything")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"), [("5000000", "", 5), ("5000000", "1", 0), ("soon", "", 0), ("", "", 0)]
)
def test_watchdog_of_another_process_is_ignored(usec: str, pid: str, seconds: float) -> None:
    assert Notifier({"WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}).watchdog_seconds == seconds


def test_watchdog_needs_progress_and_time(systemd: Systemd) -> None:
    now = [100.0]
    watchdog = Watchdog(
        Notifier({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "4000000"}), lambda: now[0]
    )
    for moment, progress, sent in [(0, 1, 1), (5, 1, 1), (5.5, 2, 2), (6, 3, 2), (6.5, 3, 3), (60, 3, 3)]:
        now[0] = 100 + moment
        watchdog(progress)
        systemd.socket.settimeout(0)
        while True:
            try:
                systemd.received.append(systemd.socket.recv(100).decode())
            except BlockingIOError:
                break
        assert len(systemd.received) == sent, moment


def test_serve_is_ready_after_first_tick_and_reloads(folder: Path, systemd: Systemd) -> None:
    with serving(folder, systemd) as process:
        systemd.wait_for("READY=1")
        with closing(sqlite3.connect(folder / ".sitecrew/ledger.db")) as ledger:
            assert ledger.execute("select count(*) from schedules").fetchone() == (1,)
        assert systemd.received == ["READY=1"]
        assert systemd.wait_for("STATUS=next").startswith("STATUS=next: weekly for acme, ")
        systemd.wait_for("WATCHDOG=1")
        _rename_window(folder)
        process.send_signal(signal.SIGHUP)
        systemd.wait_for("RELOADING=1")
        systemd.wait_for("READY=1")
        assert systemd.wait_for("STATUS=").startswith("STATUS=next: other for acme, ")
        (folder / "inventory.yaml").write_text("clients: [")
        process.send_signal(signal.SIGHUP)
        systemd.wait_for("RELOADING=1")
        systemd.wait_for("READY=1")
        systemd.wait_for("STATUS=the last version without mistakes stays in force: inventory.yaml:")
        process.terminate()
        systemd.wait_for("STOPPING=1")
        assert process.wait(PATIENCE) == 0


def test_watchdog_stops_while_ledger_is_locked(folder: Path, systemd: Systemd) -> None:
    with serving(folder, systemd, seconds=0.4):
        systemd.wait_for("WATCHDOG=1")
        with closing(sqlite3.connect(folder / ".sitecrew/ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            _rename_window(folder)  # so that the next tick has to write
            assert systemd.is_silent_for(3)
            other.execute("ROLLBACK")
        systemd.socket.settimeout(PATIENCE)
        systemd.wait_for("WATCHDOG=1")


def test_broken_edit_is_logged_and_corrected_one_too(folder: Path, systemd: Systemd) -> None:
    log, good = folder.parent / "log", (folder / "inventory.yaml").read_text()
    with serving(folder, systemd) as process:
        systemd.wait_for("READY=1")
        (folder / "inventory.yaml").write_text(good.replace("nightly", "missing"))
        process.send_signal(signal.SIGHUP)
        until(lambda: "the last version without mistakes stays in force" in log.read_text(), "the mistake")
        (folder / "inventory.yaml").write_text(good)
        process.send_signal(signal.SIGHUP)
        until(lambda: "the scheduler is working again" in log.read_text(), "the correction")
        assert process.poll() is None


def _rename_window(folder: Path) -> None:
    inventory = folder / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("weekly", "other"))
