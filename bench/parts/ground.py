"""What the benchmark stands on: many addresses of one sshd behind a proxy that delays, and a workspace."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import ManyHosts, answers, end_jobs, many_hosts
from lab.processes import Processes
from lab.shell import LabError, write

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Ground", "ground", "large_workspace", "workspace"]

ROOT = Path("/var/tmp/sitecrew-bench")
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Ground:
    """Hosts at the far end of a slow line."""

    hosts: ManyHosts
    port: int
    """Of the proxy, on the addresses of the hosts."""
    known_hosts: Path
    folder: Path
    """For files of the benchmark; gone afterwards."""

    def clear(self) -> None:
        """End what earlier work left on the hosts, and take its files away."""
        end_jobs(self.hosts.user)
        for path in self.hosts.home.iterdir():
            if path.name != ".ssh":
                shutil.rmtree(path)


@contextmanager
def ground(count: int, round_trip: float) -> Iterator[Ground]:
    """`count` hosts at `round_trip` seconds, for one benchmark at a time.

    Raises:
        LabError: another benchmark runs, or the hosts cannot be had.
    """
    with (ROOT.parent / f"{ROOT.name}.in-use").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("another benchmark runs on this machine; wait for its end") from None
        proxies = Processes(ROOT / "run", ROOT / "log")
        _clear_away(proxies)
        ROOT.mkdir(mode=0o755)
        ROOT.chmod(0o755)
        sshd_port, port = _free_ports()
        try:
            with many_hosts(ROOT, count, port=sshd_port) as hosts:
                _start_proxy(proxies, port, sshd_port, round_trip / 2)
                folder = ROOT / "work"
                folder.mkdir()
                write(folder / "known_hosts", "\n".join(hosts.known_hosts_lines(port)) + "\n")
                yield Ground(hosts, port, folder / "known_hosts", folder)
        finally:
            _clear_away(proxies)


def workspace(ground: Ground, *, steps: int) -> Path:
    """A workspace with a static site on every host, and a playbook `trivial`."""
    lines = ["hosts:"]
    for number, address in enumerate(ground.hosts.addresses):
        login = f"port: {ground.port}, user: {ground.hosts.user}, identity_file: {ground.hosts.identity_file}"
        lines.append(f"  host-{number:03}: {{address: {address}, {login}}}")
    lines += ["clients:", "  bench:", "    name: Bench", "    sites:"]
    for number in range(len(ground.hosts.addresses)):
        path = ground.folder / f"sites/{number}"
        path.mkdir(parents=True)
        site = f"url: http://site-{number}.example, host: host-{number:03}, path: {path}, kind: static"
        lines.append(f"      site-{number:03}: {{{site}}}")
    folder = ground.folder / "workspace"
    write(folder / "inventory.yaml", "\n".join(lines) + "\n")
    write(folder / "sitecrew.yaml", f"ssh: {{known_hosts: {ground.known_hosts}, config: /dev/null}}\n")
    write(folder / "playbooks/trivial.yaml", "name: Trivial\nsteps:\n" + '  - shell: "true"\n' * steps)
    return folder


def large_workspace(folder: Path, sites: int) -> Path:
    """A workspace of many clients with five sites each, two of them on one host, as an agency writes it."""
    lines = ["hosts:"]
    for number in range(0, sites, 2):
        lines += [f"  web{number}:", f"    address: web{number}.example.com", "    user: deploy"]
    lines.append("clients:")
    for number in range(sites):
        if number % 5 == 0:
            lines += [
                f"  client{number}:",
                f"    name: Client {number}",
                "    timezone: Europe/Berlin",
                "    language: de",
                f"    contacts: [{{name: Office, email: office@client{number}.example}}]",
                "    sites:",
            ]
        lines += [
            f"      site{number}:",
            f"        url: https://site{number}.example",
            f"        host: web{number - number % 2}",
            f"        path: /srv/site{number}/public",
            "        tags: [ring-1, shop]",
            "        pages: [/, /cart/]",
            "        expect: Add to cart",
        ]
    write(folder / "inventory.yaml", "\n".join(lines) + "\n")
    return folder


def _clear_away(processes: Processes) -> None:
    """Also what a benchmark left behind that was killed."""
    for name in processes.names():
        processes.stop(name)
    shutil.rmtree(ROOT, ignore_errors=True)


def _start_proxy(proxies: Processes, port: int, sshd_port: int, delay: float) -> None:
    argv = [sys.executable, "-m", "lab.proxy", f"0.0.0.0:{port}", f"same:{sshd_port}"]
    argv += ["--delay-ms", str(delay * 1000)]
    proxies.start(
        "proxy", argv, ready=lambda: answers("127.1.0.1", port, b"SSH-"), env={"PYTHONPATH": str(REPOSITORY)}
    )


def _free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on now, below those that the system hands out to clients."""
    found = []
    for port in range(24220, 24420):
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind(("", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == 2:  # noqa: PLR2004
            return found[0], found[1]
    raise LabError("no free ports from 24220 on")


def environment() -> dict[str, str]:
    """Of the measured commands: ours, without what would change their answers or their colours."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "SITECREW_CACHE") if name in os.environ}
    return {**kept, "PATH": os.environ["PATH"], "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY)}
