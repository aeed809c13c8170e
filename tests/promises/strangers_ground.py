"""Five good hosts and a hostile one, on one real sshd at six loopback addresses; their sites are static."""

from __future__ import annotations

import http.server
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "execute"))

import driver_hosts

from lab.shell import until
from tests.crew import Said, sitecrew

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GOOD", "Ground", "grounded"]

GOOD = tuple(f"good{number}" for number in range(1, 6))
EVIL = "evil"
ROOT = Path(__file__).parents[2]
SHELL = Path(__file__).with_name("evil_shell.py")
SSHD = """
{listen}
HostKey {base}/host_key
PidFile none
MaxStartups 1000:30:2000
UsePAM no
PasswordAuthentication no
AuthorizedKeysFile {base}/authorized_keys
StrictModes no
PrintMotd no
LogLevel ERROR
Subsystem sftp internal-sftp
"""
PAGE = b"<!doctype html><html><head><title>x</title></head><body>A page of some length.</body></html>\n"
NIGHT = """\
name: Night
steps:
  - static.release: {from: dist, force: true, adopt: true}
  - shell: {run: 'echo done >>"$HOME/marks-$(basename "$PWD")"', changes: true}
"""
SETTINGS = """\
limits: {look: 2s, step: 4s, driver_silence: 2s}
ssh: {known_hosts: known_hosts, config: ssh_config}
"""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass
class Ground:
    """The hosts, the workspace that knows them, and the command line as a process."""

    hosts: driver_hosts.Hosts
    folder: Path
    evil: Path
    """The hostile account's folder: its mode, its execs."""
    homes: Path
    port: int
    sshd: subprocess.Popen[bytes]
    peak: int = 0
    """Most resident memory of a command, in bytes."""
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def address(self, number: int) -> str:
        return f"127.0.{60 + self.hosts.number}.{number}"

    def lie(self, mode: str) -> None:
        """From now on the hostile host does this."""
        (self.evil / "mode").write_text(mode)

    def start(self, *arguments: str, module: str = "runner") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.started.append(process)
        return process

    def end(self, process: subprocess.Popen[str], within: float) -> Said:
        """Its end, within so many seconds; watches what memory it takes."""
        status = Path(f"/proc/{process.pid}/status")
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.1):
                with suppress(OSError, IndexError, ValueError):
                    kilobytes = int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0])
                    self.peak = max(self.peak, kilobytes << 10)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            out, err = process.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"did not end within {within:.0f} s\n{out[-3000:]}\n{err[-3000:]}") from None
        finally:
            done.set()
            watching.join()
        said = Said(process.returncode, out, err)
        assert not _CONTROLS.search(said.err), repr(said.err)
        assert "Traceback" not in said.err, said.err
        return said

    def say(self, *arguments: str, within: float) -> Said:
        return self.end(self.start(*arguments), within)

    def run(self, *arguments: str, within: float) -> Said:
        """A new content for the release first, so that there is something to do."""
        self.renew()
        return self.say(*arguments, within=within)

    def renew(self) -> None:
        (self.folder / "dist/new.txt").write_text(f"{time.monotonic_ns()}\n")

    def outcomes(self, run: str = "last") -> dict[str, str | None]:
        shown = self.show(run)
        return {site["site"]: site["outcome"] for site in shown["sites"]}

    def show(self, run: str = "last") -> dict[str, Any]:
        said = sitecrew("show", run, "--json", folder=self.folder)
        assert said.code == 0, said
        found: dict[str, Any] = said.json
        return found

    def forget(self) -> None:
        """No run is known, no site is locked, and the hostile host is honest."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        self.started.clear()
        self.peak = 0
        shutil.rmtree(self.folder / ".sitecrew", ignore_errors=True)
        for home in (self.hosts.homes["sh"], self.homes / EVIL):
            shutil.rmtree(home / ".sitecrew", ignore_errors=True)
        (self.evil / "execs").write_text("")
        self.lie("honest")

    def window(self) -> None:
        """A window of every site that opened a moment ago."""
        at = datetime.now(UTC) - timedelta(seconds=30)
        path = self.folder / "inventory.yaml"
        text = path.read_text().partition("windows:")[0]
        path.write_text(
            f"{text}windows:\n  now:\n    playbook: night\n    day: {f'{at:%A}'.lower()}\n"
            f'    at: "{at:%H:%M}"\n    lasts: 2h\n    timezone: UTC\n    sites: [all]\n'
        )


def grounded(folder: Path) -> Iterator[Ground]:
    """Everything up, and down again."""
    hosts = driver_hosts.start()
    ground, server = _build(hosts, folder)
    try:
        yield ground
    finally:
        ground.forget()
        ground.sshd.terminate()
        ground.sshd.wait()
        server.shutdown()
        server.server_close()
        _remove(_evil(hosts))


def _evil(hosts: driver_hosts.Hosts) -> str:
    return f"crewdrv{hosts.number}-evil"


def _remove(user: str) -> None:
    with suppress(KeyError):
        uid = pwd.getpwnam(user).pw_uid
        until(lambda: not _killed(uid), f"the processes of {user} to end")
    subprocess.run(["userdel", user], check=False, capture_output=True)


def _killed(uid: int) -> list[int]:
    """What this account still ran, and does no longer."""
    assert uid > 0
    pids = driver_hosts._all_of(uid)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return pids


def _build(hosts: driver_hosts.Hosts, folder: Path) -> tuple[Ground, http.server.ThreadingHTTPServer]:
    homes, evil = hosts.base / "strangers", hosts.base / "evil"
    for path in (homes, evil):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    shell = evil / "shell"
    shutil.copy(SHELL, evil / "evil_shell.py")
    shell.write_text(f'#!/bin/sh\nexec /usr/bin/python3 {evil}/evil_shell.py {evil} "$@"\n')
    shell.chmod(0o755)
    user = _evil(hosts)
    _remove(user)
    subprocess.run(["useradd", "-M", "-d", str(homes / EVIL), "-s", str(shell), "-p", "*", user], check=True)
    for name in (*GOOD, EVIL):
        (homes / name).mkdir(exist_ok=True)
        (homes / name / "site").mkdir(exist_ok=True)
        (homes / name / "site/index.html").write_bytes(PAGE)
    subprocess.run(["chown", "-R", user, str(homes / EVIL)], check=True)
    for name in GOOD:
        subprocess.run(["chown", "-R", hosts.user("sh"), str(homes / name)], check=True)
    for name in ("mode", "execs"):
        (evil / name).write_text("honest" if name == "mode" else "")
        (evil / name).chmod(0o666)
    port = next(driver_hosts._free_ports(hosts.number))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Pages, homes))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ground = Ground(hosts, folder, evil, homes, port, _sshd(hosts, port))
    _write(ground, int(server.server_address[1]))
    return ground, server


class _Pages(http.server.BaseHTTPRequestHandler):
    """`/NAME/...` is the site of that name, as it is on its host."""

    def __init__(self, homes: Path, *arguments: Any) -> None:
        self._homes = homes
        super().__init__(*arguments)

    def do_GET(self) -> None:
        name = self.path.split("?")[0].strip("/").split("/")[0]
        path = self._homes / name / "site/index.html"
        body = path.read_bytes() if name and path.is_file() else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _sshd(hosts: driver_hosts.Hosts, port: int) -> subprocess.Popen[bytes]:
    addresses = [f"127.0.{60 + hosts.number}.{number}" for number in range(1, 7)]
    config = hosts.base / "strangers_sshd_config"
    listen = "\n".join(f"ListenAddress {address}:{port}" for address in addresses)
    config.write_text(SSHD.format(listen=listen, base=hosts.base))
    with (hosts.base / "strangers_sshd.log").open("wb") as log:
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stderr=log)
    until(lambda: _listens(addresses[-1], port), "sshd to listen")
    return sshd


def _listens(address: str, port: int) -> bool:
    import socket

    with suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


def _write(ground: Ground, web: int) -> None:
    folder, hosts = ground.folder, ground.hosts
    (folder / "playbooks").mkdir(parents=True)
    (folder / "dist").mkdir()
    (folder / "dist/index.html").write_bytes(PAGE)
    (folder / "playbooks/night.yaml").write_text(NIGHT)
    (folder / "sitecrew.yaml").write_text(SETTINGS)
    (folder / "ssh_config").write_text("")
    public = (hosts.base / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"[127.0.*]:* {public[0]} {public[1]}\n")
    lines = ["hosts:"]
    for number, name in enumerate((*GOOD, EVIL), 1):
        user = hosts.user("sh") if name in GOOD else _evil(hosts)
        lines.append(
            f"  {name}: {{address: {ground.address(number)}, port: {ground.port}, user: {user}, "
            f"identity_file: {hosts.key}}}"
        )
    lines.append("clients:")
    for client, names in (("good", GOOD), ("bad", (EVIL,))):
        lines += [f"  {client}:", f"    name: {client}", "    timezone: UTC", "    sites:"]
        lines += [
            f"      {name}: {{url: 'http://127.0.0.1:{web}/{name}/', host: {name}, "
            f"path: {ground.homes / name / 'site'}, kind: static}}"
            for name in names
        ]
    (folder / "inventory.yaml").write_text("\n".join(lines) + "\n")
