"""The ports that a fleet listens on, and who has them already."""

from __future__ import annotations

import errno
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.hosts import command
from lab.shell import LabError, until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lab.processes import Processes
    from lab.spec import FleetSpec

__all__ = ["Door", "Taken", "check", "doors", "taken"]

PROC = Path("/proc")
LISTENS = "0A"
"""The state LISTEN in /proc/net/tcp."""


@dataclass(frozen=True, slots=True)
class Door:
    """An address that a part of the fleet listens on; `part` is the name of its process."""

    part: str
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Taken:
    """A door that another process has.

    Attributes:
        door: The address and port.
        process: Name of the process; empty if /proc does not show it.
        pid: Its process id, or 0.
    """

    door: Door
    process: str = ""
    pid: int = 0

    def __str__(self) -> str:
        by = f"{self.process} (process {self.pid})" if self.pid else "another process"
        return f"{self.door}: {by}"


def check(spec: FleetSpec, processes: Processes) -> None:
    """Makes sure that a fleet can listen where it has to.

    Raises:
        LabError: Another process listens there; names it.
    """
    known = {name: processes.find(name) for name in processes.names()}
    own = {name for name, process in known.items() if process is not None and process.leftovers()}
    needed = [door for door in doors(spec) if door.part not in own]
    with suppress(LabError):  # the sockets of a process that was just killed close a moment later
        until(lambda: all(one.pid for one in taken(needed)), "sockets to close", seconds=5)
    if blocked := taken(needed):
        raise LabError("\n".join(["ports of the fleet are in use:", *(f"  {one}" for one in blocked)]))


def doors(spec: FleetSpec) -> tuple[Door, ...]:
    """Every address and port that a fleet listens on."""
    services = {"mariadb": (spec.database_port,), "wporg": (spec.wporg_port,), "mailbox": spec.mail_ports}
    return (
        *(Door(f"sshd-{host.name}", spec.address(host.name), spec.ssh_port) for host in spec.hosts),
        *(Door("nginx", spec.address(site.host), site.port) for site in (*spec.sites, *spec.spare)),
        *(Door(part, spec.services, port) for part, ports in services.items() for port in ports),
    )


def taken(wanted: Iterable[Door]) -> tuple[Taken, ...]:
    """Those doors that cannot be listened on now, with the process that has each."""
    blocked = [door for door in wanted if not is_free(door)]
    if not blocked:
        return ()
    listening = dict(listeners())
    return tuple(_owned(door, listening) for door in blocked)


def is_free(door: Door) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((door.address, door.port))
            listener.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def listeners() -> Iterator[tuple[tuple[str, int], str]]:
    """Address and port of every listening socket of this machine, with the socket's inode."""
    for name in ("tcp", "tcp6"):
        path = PROC / "net" / name
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == LISTENS:
                address, port = fields[1].split(":")
                yield (_address(address), int(port, 16)), fields[9]


def _address(text: str) -> str:
    """An address as the kernel prints it: groups of four bytes, each with its lowest byte first."""
    data = b"".join(bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8))
    address = ipaddress.ip_address(data)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _owned(door: Door, listening: Mapping[tuple[str, int], str]) -> Taken:
    addresses = (door.address, "0.0.0.0", "::")
    inodes = {listening[address, door.port] for address in addresses if (address, door.port) in listening}
    for pid in _holders(inodes):
        if name := command(pid).strip():
            return Taken(door, name, pid)
    return Taken(door)


def _holders(inodes: Iterable[str]) -> Iterator[int]:
    """Processes that have one of the sockets open, the oldest first; only root sees those of others."""
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for pid in sorted(int(folder.name) for folder in PROC.iterdir() if folder.name.isdigit()):
        if sockets & set(_links(PROC / str(pid) / "fd")):
            yield pid


def _links(folder: Path) -> Iterator[str]:
    """Where the links of a folder lead; those that vanish meanwhile are left out."""
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                yield str(path.readlink())
