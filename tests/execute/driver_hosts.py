"""A real sshd with temporary accounts, for tests of the driver. Needs root on Debian."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.execute import Command, Endpoint, Job, JobRecord, Pool, job_id, run_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEEDED = {
    "/usr/sbin/sshd": "openssh-server",
    "/usr/bin/busybox": "busybox-static",
    "/usr/bin/tcsh": "tcsh",
    "/usr/bin/strace": "strace",
    "/usr/bin/faketime": "faketime",
}
SHELLS = {"sh": "/bin/sh", "bash": "/bin/bash", "ash": "ash", "csh": "/usr/bin/tcsh", "sftp": "/bin/sh"}

SSHD = """
ListenAddress {address}:{port}
ListenAddress [::1]:{port}
ListenAddress {address}:{single}
HostKey {base}/host_key
PidFile none
MaxStartups 1000:30:2000
MaxSessions 100
UsePAM no
PasswordAuthentication yes
AuthorizedKeysFile {base}/authorized_keys
StrictModes no
PrintMotd no
AllowTcpForwarding yes
LogLevel ERROR
RekeyLimit 8M
Subsystem sftp internal-sftp
Match User {sftp}
  ForceCommand internal-sftp
Match LocalPort {single}
  MaxSessions 1
"""


@dataclass
class Hosts:
    """The sshd, its accounts, and ways to inspect them as root."""

    number: int
    base: Path
    lock: int
    address: str = ""
    port: int = 0
    single: int = 0
    """A port that allows one session per connection."""
    known_hosts: Path = Path()
    key: Path = Path()
    sshd: subprocess.Popen[bytes] | None = None
    homes: dict[str, Path] = field(default_factory=dict)

    def user(self, kind: str) -> str:
        return f"crewdrv{self.number}-{kind}"

    def shell(self, kind: str) -> str:
        return {"bash": "/bin/bash", "ash": str(self.base / "ash")}.get(kind, "/bin/sh")

    def endpoint(self, kind: str = "sh", *, port: int | None = None, address: str | None = None) -> Endpoint:
        return Endpoint(
            address=address or self.address,
            port=port or self.port,
            user=self.user(kind),
            name=f"host-{kind}",
            identity_file=self.key,
            known_hosts=(self.known_hosts,),
            ssh_config=None,
            shell=self.shell(kind),
        )

    def wrapped(self, name: str, lines: str, kind: str = "sh") -> Endpoint:
        """An endpoint whose shell first runs these lines."""
        script = self.base / f"wrapper-{name}"
        script.write_text(f'#!/bin/sh\n{lines}\nexec {self.shell(kind)} "$@"\n')
        script.chmod(0o755)
        return replace(self.endpoint(kind), shell=str(script))

    def folder(self, job: Job | str, kind: str = "sh") -> Path:
        return self.homes[kind] / ".sitecrew/jobs" / (job if isinstance(job, str) else job.id)

    def pid(self, job: Job, which: str = "driver", kind: str = "sh") -> int:
        folder = self.folder(job, kind)
        if which == "warden" and (folder / "warden").exists():
            return int((folder / "warden").read_text().split()[0])
        return int((folder / "id").read_text().split()[1 if which == "driver" else 4])

    @contextlib.contextmanager
    def disk(self, place: Path, options: str) -> Iterator[None]:
        """Mount a small file system for the account at `place`. `options`: a size, or options of tmpfs."""
        place.mkdir(exist_ok=True)
        options = options if "=" in options or options == "ro" else f"size={options}"
        owner = f"uid={self.uid()},mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},{owner}", "tmpfs", str(place)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(place)], check=True)

    def uid(self, kind: str = "sh") -> int:
        return self.homes[kind].stat().st_uid

    def processes(self, kind: str = "sh") -> dict[int, str]:
        """Pids and command lines of the account's processes, without sshd and zombies."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if entry.stat().st_uid == self.uid(kind):
                        words = (
                            (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                        )
                        state = (entry / "stat").read_text().rsplit(") ", 1)[1][0]
                        if words and not words.startswith("sshd") and state not in "ZX":
                            found[int(entry.name)] = words.strip()
        return found

    def running(self, part: str, kind: str = "sh") -> list[int]:
        return [pid for pid, words in self.processes(kind).items() if part in words]

    def marks(self, job: Job | str) -> list[str]:
        """The effects of a job's commands: one word for each."""
        path = self.base / "marks" / (job if isinstance(job, str) else job.id)
        return path.read_text().split() if path.exists() else []

    def mark(self, job: str, word: str) -> str:
        """Shell text with an effect that can be counted."""
        return f"echo {word} >>{self.base}/marks/{job}"

    def new_id(self) -> str:
        return job_id("run", "site", os.urandom(8).hex())

    def work(self, commands: int = 4, nap: str = ":", **options: object) -> Job:
        """A job in which every command has an effect and prints awkward bytes."""
        made = self.new_id()
        return Job(
            made,
            tuple(
                Command(
                    f"t{n}",
                    f"{self.mark(made, str(n))}; {nap}\nprintf 'out {n} \\036\\n{'x' * 40}'; printf 'é\\377'",
                )
                for n in range(commands)
            ),
            cleanup=self.mark(made, "C"),
            **options,
        )

    def assert_whole(self, job: Job, record: JobRecord) -> None:
        """Check that each effect occurred once and every byte of output is there."""
        count = len(job.commands)
        assert record.status == "ok"
        assert self.marks(job) == [*(str(n) for n in range(count)), "C"]
        for n in range(count):
            assert record.commands[f"t{n}"].output == f"out {n} \x1e\n{'x' * 40}é".encode() + b"\xff"
        assert all(command.ok for command in record.commands.values())


def until(condition: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait for a condition outside this process."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


_started: list[Hosts] = []


def start() -> Hosts:
    """Start the sshd of this process, once."""
    if _started:
        return _started[0]
    if os.geteuid() != 0:
        pytest.fail("tests of the driver create accounts and start an sshd: run them as root")
    missing = [package for path, package in NEEDED.items() if not Path(path).exists()]
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-q", *missing], check=False, capture_output=True)
        still = [package for path, package in NEEDED.items() if not Path(path).exists()]
        if still:
            pytest.fail(f"tests of the driver need: apt-get install {' '.join(still)}")
    hosts = _place()
    _accounts(hosts)
    _sshd(hosts)
    _started.append(hosts)
    return hosts


def stop() -> None:
    """Stop the sshd and delete its accounts."""
    if not _started:
        return
    hosts = _started.pop()
    if hosts.sshd is not None:
        hosts.sshd.terminate()
        hosts.sshd.wait()
    for kind in SHELLS:
        for _ in range(3):
            for pid in _all_of(hosts.uid(kind)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        until(lambda kind=kind: not _all_of(hosts.uid(kind)), 3)
        subprocess.run(["userdel", "-r", hosts.user(kind)], check=False, capture_output=True)
        for room in ("/var/tmp", "/tmp"):
            shutil.rmtree(f"{room}/.sitecrew-{hosts.user(kind)}", ignore_errors=True)
    shutil.rmtree(hosts.base, ignore_errors=True)
    os.close(hosts.lock)


def _all_of(uid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (
                    entry.stat().st_uid == uid
                    and (entry / "stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
                ):
                    found.append(int(entry.name))
    return found


def _place() -> Hosts:
    """Find a number that no other test process on this machine is using."""
    for number in range(1, 20):
        lock = os.open(f"/var/tmp/crewdrv{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        base = Path(f"/var/tmp/crewdrv{number}")
        shutil.rmtree(base, ignore_errors=True)
        base.mkdir(mode=0o755)
        (base / "marks").mkdir()
        (base / "marks").chmod(0o1777)
        port, single = itertools.islice(_free_ports(number), 2)
        return Hosts(number, base, lock, address=f"127.0.30.{number}", port=port, single=single)
    pytest.fail("too many test processes at once")


def _free_ports(number: int) -> Iterator[int]:
    """Free ports of this number only: all numbers share one IPv6 loopback address."""
    for port in range(2300 + number, 2600, 20):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("0.0.0.0", port))  # noqa: S104 - to see whether it is free
            yield port


def _accounts(hosts: Hosts) -> None:
    (hosts.base / "ash").symlink_to("/usr/bin/busybox")
    for name in ("host_key", "client_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(hosts.base / name)],
            check=True,
            capture_output=True,
        )
    hosts.key = hosts.base / "client_key"
    shutil.copy(hosts.base / "client_key.pub", hosts.base / "authorized_keys")
    (hosts.base / "authorized_keys").chmod(0o644)
    for kind, shell in SHELLS.items():
        user = hosts.user(kind)
        path = str(hosts.base / "ash") if shell == "ash" else shell
        subprocess.run(["userdel", "-r", user], check=False, capture_output=True)
        subprocess.run(["useradd", "-m", "-s", path, "-p", "*", user], check=True, capture_output=True)
        hosts.homes[kind] = Path("/home") / user
    for name in (".bashrc", ".profile"):
        (hosts.homes["bash"] / name).write_text(
            'echo noisy rc line\necho noisy err >&2\nprintf "no newline"\n'
        )
    (hosts.homes["csh"] / ".cshrc").write_text("echo csh banner\n")


def _sshd(hosts: Hosts) -> None:
    public = (hosts.base / "host_key.pub").read_text().split()
    hosts.known_hosts = hosts.base / "known_hosts"
    hosts.known_hosts.write_text(f"[127.0.30.*]:*,[127.0.0.1]:*,[::1]:* {public[0]} {public[1]}\n")
    config = hosts.base / "sshd_config"
    config.write_text(
        SSHD.format(
            address=hosts.address,
            port=hosts.port,
            single=hosts.single,
            base=hosts.base,
            sftp=hosts.user("sftp"),
        )
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    log = (hosts.base / "sshd.log").open("wb")
    with log:
        hosts.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", str(config)], stderr=log)

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((hosts.address, hosts.port), 1):
            return True
        return False

    if not until(listens, 10):
        pytest.fail(f"sshd did not start: {(hosts.base / 'sshd.log').read_text()}")


@pytest.fixture(scope="session")
def hosts() -> Iterator[Hosts]:
    """The sshd and its accounts, for the session."""
    made = start()
    yield made
    stop()


@pytest.fixture
def pool() -> Iterator[Pool]:
    """The connections of one test."""
    with Pool() as made:
        yield made


@pytest.fixture(
    params=["sh", pytest.param("bash", marks=pytest.mark.long), pytest.param("ash", marks=pytest.mark.long)]
)
def shell(request: pytest.FixtureRequest) -> str:
    """The kind of account: dash always; bash and busybox only in long tests."""
    return str(request.param)


if __name__ == "__main__":
    here = start()
    try:
        with Pool() as links:
            for account in sys.argv[1:] or ["sh", "bash", "ash", "csh"]:
                for _ in range(3):
                    began = time.perf_counter()
                    work = here.work()
                    outcome = run_job(links, here.endpoint(account), work)
                    here.assert_whole(work, outcome)
                    print(account, outcome.status, f"{(time.perf_counter() - began) * 1000:.1f} ms")  # noqa: T201
    finally:
        stop()
