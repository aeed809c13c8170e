from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Fleet, FleetSpec, LabError, ports
from lab.hosts import answers
from lab.ports import Door
from lab.shell import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTEN = """
import socket, sys
both = sys.argv[1] == "::"
family = socket.AF_INET6 if both else socket.AF_INET
listener = socket.create_server((sys.argv[1], 0), family=family, dualstack_ipv6=both)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["127.0.19.1", "0.0.0.0", "::"])  # noqa: S104
def stranger(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Another process that listens: its id and its port."""
    argv = [sys.executable, "-c", LISTEN, request.param]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        yield child.pid, int(child.stdout.readline())
        child.communicate()


def test_a_taken_port_is_reported_with_its_process(stranger: tuple[int, int]) -> None:
    pid, port = stranger
    door = Door("nginx", "127.0.19.1", port)
    (found,) = ports.taken([door])
    assert found == ports.Taken(door, Path(f"/proc/{pid}/comm").read_text().strip(), pid)
    assert str(found) == f"127.0.19.1:{port}: {found.process} (process {pid})"


def test_a_port_of_another_address_is_free() -> None:
    with socket.create_server(("127.0.19.2", 0)) as listener:
        assert ports.taken([Door("nginx", "127.0.19.1", listener.getsockname()[1])]) == ()


def test_a_port_is_free_after_its_connections_were_closed() -> None:
    with socket.create_server(("127.0.19.1", 0)) as listener:
        address, port = listener.getsockname()
        with socket.create_connection((address, port)) as visitor:
            there, _ = listener.accept()
            there.close()  # the server's side waits in TIME_WAIT
            visitor.recv(1)
    assert ports.taken([Door("nginx", address, port)]) == ()


def test_every_port_of_a_fleet_is_listed(fleet: Fleet) -> None:
    listed = ports.doors(fleet.spec)
    assert all(answers(door.address, door.port) for door in listed)
    assert {door.part for door in listed} == {one.part for one in fleet.status()} - {"php-fpm"}


def test_a_fleet_with_a_taken_port_starts_nothing(tmp_path: Path) -> None:
    spec = FleetSpec(root=tmp_path / "fleet", network="127.0.19", users="crew-p")
    with socket.create_server(("127.0.19.1", 2222)), pytest.raises(LabError) as failure:
        Fleet(spec).up()
    assert str(failure.value).startswith("ports of the fleet are in use:\n  127.0.19.1:2222: ")
    assert f"(process {os.getpid()})" in str(failure.value)
    assert not spec.root.exists()


def test_the_ports_of_a_running_fleet_are_its_own(fleet: Fleet) -> None:
    ports.check(fleet.spec, fleet.processes)
    until(lambda: answers(fleet.spec.services, fleet.spec.wporg_port), "the stand-in to answer")
    assert {one.door for one in ports.taken(ports.doors(fleet.spec))} == set(ports.doors(fleet.spec))
