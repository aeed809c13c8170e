from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Fleet, FleetSpec
from lab.hosts import many_hosts
from lab.shell import LabError, until

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 (our own http)
        return answer.read().decode()


def ssh(fleet: Fleet, host: str, command: str) -> str:
    at = fleet.hosts[host]
    options = ["-o", f"UserKnownHostsFile={fleet.known_hosts}", "-o", "StrictHostKeyChecking=yes"]
    key = ["-i", str(fleet.identity_file), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    argv = ["ssh", "-F", "none", *options, *key, "-p", str(at.port), f"{at.user}@{at.address}", command]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stdout


def test_every_site_shows_its_own_text(fleet: Fleet) -> None:
    for site in fleet.sites.values():
        assert site.expect in page(site.url + "/"), site.name


def test_every_host_knows_its_user_and_has_wp_cli(fleet: Fleet) -> None:
    for name, host in fleet.hosts.items():
        said = ssh(fleet, name, "id -un; command -v wp; echo $HOME")
        assert said.split() == [host.user, f"{fleet.spec.root}/bin/wp", str(host.home)]


def test_each_host_has_a_key_of_its_own(fleet: Fleet) -> None:
    assert len({host.host_key for host in fleet.hosts.values()}) == 3


def test_the_files_of_a_site_belong_to_its_host(fleet: Fleet) -> None:
    for site in fleet.sites.values():
        uid = pwd.getpwnam(fleet.hosts[site.host].user).pw_uid
        assert {path.lstat().st_uid for path in (site.path, *site.path.rglob("*"))} == {uid}


def test_a_second_up_starts_nothing(fleet: Fleet) -> None:
    assert fleet.up() == []


@pytest.mark.parametrize(
    "name",
    [
        "nginx",
        "mariadb",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("php-fpm", "wporg", "mailbox", "sshd-web1")
        ),
    ],
)
def test_what_was_killed_comes_up_again_and_nothing_else(fresh_fleet: Fleet, name: str) -> None:
    process = fresh_fleet.processes.find(name)
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: not process.runs(), "the end")
    assert fresh_fleet.up() == [name]
    site = fresh_fleet.sites["acme-shop"]
    assert site.expect in page(site.url + "/")


def test_down_ends_jobs_that_were_left_on_a_host(fresh_fleet: Fleet) -> None:
    job = int(ssh(fresh_fleet, "web1", "setsid sleep 600 </dev/null >/dev/null 2>&1 & echo $!"))
    assert job in fresh_fleet.jobs("web1")
    fresh_fleet.down()
    assert fresh_fleet.jobs("web1") == []
    assert not any(line.running for line in fresh_fleet.status())


def test_a_stopped_host_is_unreachable_while_its_site_stays_up(fresh_fleet: Fleet) -> None:
    fresh_fleet.stop_host("web1")
    with pytest.raises(subprocess.CalledProcessError):
        ssh(fresh_fleet, "web1", "true")
    assert "Acme Bakery" in page(fresh_fleet.sites["acme-shop"].url)
    assert fresh_fleet.start_host("web1")
    assert ssh(fresh_fleet, "web1", "echo here") == "here\n"


@pytest.fixture
def another_fleet() -> Iterator[Fleet]:
    spec = FleetSpec(root=Path("/var/tmp/sitecrew-tests/killed"), network="127.0.19", users="crew-killed")
    fleet = Fleet(spec)
    fleet.wipe()
    yield fleet
    fleet.wipe()


@pytest.mark.long
def test_up_goes_on_after_an_up_that_was_killed_whatever_the_umask(
    fleet: Fleet, another_fleet: Fleet
) -> None:
    spec = another_fleet.spec
    argv = [sys.executable, "-m", "lab", "up", "--root", str(spec.root), "--network", spec.network]
    with subprocess.Popen([*argv, "--users", spec.users], cwd=REPOSITORY, umask=0o077) as begun:
        until(lambda: len(another_fleet.processes.names()) >= 3, "a few processes")
        begun.kill()
    known = {name: another_fleet.processes.find(name) for name in another_fleet.processes.names()}
    another_fleet.up()
    for site in another_fleet.sites.values():
        assert site.expect in page(site.url)
    for name, before in known.items():
        now = another_fleet.processes.find(name)
        assert before is not None
        assert now == before or not before.runs(), f"{name} runs twice"
    assert not fleet.up(), "the other fleet was disturbed"


def test_wipe_leaves_neither_files_nor_users(another_fleet: Fleet) -> None:
    another_fleet.up()
    another_fleet.wipe()
    assert not another_fleet.spec.root.exists()
    with pytest.raises(KeyError):
        pwd.getpwnam(another_fleet.spec.user("web1"))
    with pytest.raises(LabError, match="never been up"):
        _ = another_fleet.hosts


def test_one_sshd_looks_like_many_hosts(fleet: Fleet, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:-2]:
        folder.chmod(folder.stat().st_mode | 0o711)
    with many_hosts(tmp_path / "many", 300, port=2477, user="crew-many") as many:
        assert len(set(many.addresses)) == 300
        known = tmp_path / "known_hosts"
        known.write_text("\n".join(many.known_hosts_lines()) + "\n")
        options = ["-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes"]
        for address in (many.addresses[0], many.addresses[-1]):
            argv = [
                "ssh",
                *options,
                "-i",
                str(many.identity_file),
                "-p",
                str(many.port),
                f"crew-many@{address}",
            ]
            said = subprocess.run([*argv, "echo $0 $PWD"], check=True, capture_output=True, text=True)
            assert said.stdout.split() == ["sh", str(many.home)]
