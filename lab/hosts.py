"""Hosts: sshd processes on loopback addresses, each with a key and an unprivileged user of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.processes import Processes, everything, send
from lab.shell import LabError, run, until, usual_umask, write

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Host",
    "ManyHosts",
    "client_key",
    "end_jobs",
    "jobs",
    "make_user",
    "many_hosts",
    "remove_user",
    "start_sshd",
]

SSHD = "/usr/sbin/sshd"


@dataclass(frozen=True, slots=True)
class Host:
    """A host as the tests and the inventory see it."""

    name: str
    address: str
    port: int
    user: str
    home: Path
    host_key: str
    """Type and key, as in a known_hosts line after the name."""
    php_log: Path
    """Where PHP-FPM writes the errors of this host's sites."""

    def known_hosts_line(self, address: str = "", port: int = 0) -> str:
        """The line for this host, also under another address, such as a proxy's."""
        return known_hosts_line(address or self.address, port or self.port, self.host_key)


def known_hosts_line(address: str, port: int, key: str) -> str:
    """A line of known_hosts."""
    name = address if port == 22 else f"[{address}]:{port}"  # noqa: PLR2004 (the port that needs no brackets)
    return f"{name} {key}"


def make_user(user: str, home: Path, public_key: str) -> None:
    """A unix user that may log in with a key; one that is there already is kept and put right."""
    home.mkdir(parents=True, exist_ok=True)
    try:
        known = pwd.getpwnam(user)
    except KeyError:
        # "*" and not the usual "!": sshd refuses a locked account even to a key.
        run("useradd", "-M", "-U", "-d", home, "-s", "/bin/sh", "-p", "*", user)
        known = pwd.getpwnam(user)
    if Path(known.pw_dir) != home:
        run("usermod", "-d", home, user)
    write(home / ".ssh/authorized_keys", public_key + "\n", mode=0o600)
    (home / ".ssh").chmod(0o700)
    for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
        shutil.chown(path, user, user)


def remove_user(user: str) -> None:
    """Takes a unix user away again; its files are left."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return
    run("userdel", user)


def make_key(path: Path) -> str:
    """An ed25519 key pair, made on first use. Returns the public half: type and key."""
    if not path.with_suffix(".pub").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path)
    kind, key, *_ = path.with_suffix(".pub").read_text().split()
    return f"{kind} {key}"


def client_key(path: Path) -> str:
    """The key pair that logs in to every host; it belongs to whoever called sudo."""
    public = make_key(path)
    os.chown(path, int(os.environ.get("SUDO_UID", "0")), int(os.environ.get("SUDO_GID", "0")))
    return public


def start_sshd(
    processes: Processes,
    name: str,
    *,
    address: str,
    port: int,
    user: str,
    key: Path,
    environment: dict[str, str] | None = None,
    more: tuple[str, ...] = (),
    within: tuple[str, ...] = (),
) -> bool:
    """Starts an sshd for one user. Limits are OpenSSH's own unless `more` says otherwise.

    `within`: a command that runs the sshd, which is put behind it.
    """
    settings = [
        f"Port {port}",
        f"ListenAddress {address}",
        f"HostKey {key}",
        "PidFile none",
        f"AllowUsers {user}",
        "UsePAM no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "AuthorizedKeysFile .ssh/authorized_keys",
        "Subsystem sftp internal-sftp",
        *more,
    ]
    if environment:
        settings.append("SetEnv " + " ".join(f'"{name}={value}"' for name, value in environment.items()))
    config = "\n".join(settings) + "\n"
    path = key.parent / f"{name}.conf"
    write(path, config)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    where = "127.0.0.1" if address == "0.0.0.0" else address
    return processes.start(
        name,
        [*within, SSHD, "-D", "-e", "-f", str(path)],
        config=config,
        ready=lambda: answers(where, port, b"SSH-"),
    )


def answers(address: str, port: int, greeting: bytes = b"") -> bool:
    """Whether something listens there, and greets."""
    try:
        with socket.create_connection((address, port), timeout=2) as link:
            return link.recv(len(greeting)) == greeting if greeting else True
    except OSError:
        return False


def jobs(user: str) -> list[int]:
    """Ids of a host user's processes, PHP's pool aside: what logins and detached jobs have running."""
    uid = pwd.getpwnam(user).pw_uid
    return [
        one.pid
        for one in everything()
        if owner(one.pid) == uid and not command(one.pid).startswith("php-fpm")
    ]


def end_jobs(user: str) -> None:
    """Ends what runs on a host beside its web server; the user exists for the lab alone."""
    for pid in jobs(user):
        send(pid, signal.SIGKILL)
    until(lambda: not jobs(user), f"the jobs of {user} to end")


def owner(pid: int) -> int | None:
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except FileNotFoundError:
        return None


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@dataclass(frozen=True, slots=True)
class ManyHosts:
    """One sshd that answers on as many addresses as wanted: for orchestration benchmarks."""

    addresses: tuple[str, ...]
    port: int
    user: str
    home: Path
    identity_file: Path
    host_key: str

    def known_hosts_lines(self, port: int = 0) -> list[str]:
        """A line for each address, also for another port, such as a delaying proxy's."""
        return [known_hosts_line(address, port or self.port, self.host_key) for address in self.addresses]


@contextmanager
def many_hosts(
    root: Path, count: int, *, port: int = 2422, user: str = "crew-bench", more: tuple[str, ...] = ()
) -> Iterator[ManyHosts]:
    """`count` addresses 127.1.x.y with one sshd behind them, which takes all logins at once.

    Args:
        root: A folder that any user may enter; keys, logs and the user's home go there.
        count: How many hosts it shall look like.
        port: Of the sshd.
        user: A unix user with /bin/sh and an empty home; it is taken away at the end.
        more: More lines for sshd_config.

    Raises:
        LabError: Not root, or the sshd did not start.
    """
    if os.geteuid() != 0:
        raise LabError("many hosts need root: a unix user is made")
    processes = Processes(root / "run", root / "log")
    with usual_umask():
        home = root / "home"
        make_user(user, home, client_key(root / "ssh/id_ed25519"))
        key = root / "ssh/host"
        host_key = make_key(key)
        lines = ("MaxStartups 1000", "MaxSessions 100", *more)
        start_sshd(processes, "sshd", address="0.0.0.0", port=port, user=user, key=key, more=lines)
    addresses = tuple(f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count))
    try:
        yield ManyHosts(addresses, port, user, home, root / "ssh/id_ed25519", host_key)
    finally:
        processes.stop("sshd")
        end_jobs(user)
        remove_user(user)
