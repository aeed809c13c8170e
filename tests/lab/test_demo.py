"""The demo as its user sees it, on addresses of its own: it takes minutes."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import FleetSpec, downloads, ports
from lab.hosts import make_user, remove_user
from lab.terminal import CTRL_C, Terminal
from tests.conftest import SLOTS, a_free_number

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.fleet]

ROOT = Path(__file__).parents[2]
PARTS = ("lab", "runner", "playbooks", "reports", "inventory.yaml", "sitecrew.yaml")
PATIENCE = 280
SILENCE = 5.0


@dataclass(frozen=True)
class Copy:
    """A copy of the repository, the fleet of its demo, and the unix user who calls sudo there."""

    folder: Path
    spec: FleetSpec
    user: str
    cache: Path

    def start(self, *arguments: str) -> Terminal:
        known = pwd.getpwnam(self.caller)
        spec = {"root": str(self.spec.root), "network": self.spec.network, "users": self.spec.users}
        options = [f"--{name}={value}" for name, value in spec.items()]
        env = {
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SITECREW_CACHE": str(self.cache),
            "SUDO_UID": str(known.pw_uid),
            "SUDO_GID": str(known.pw_gid),
            "HOME": str(self.folder),
        }
        argv = [sys.executable, "-m", "lab.demo", *options, *arguments]
        return Terminal(argv, folder=self.folder, env=env, columns=100, rows=30, patience=PATIENCE)

    @property
    def caller(self) -> str:
        """The user who calls sudo, or root if this Python is in a folder that is closed to others."""
        argv = [sys.executable, "-c", ""]
        try:
            subprocess.run(argv, user=self.user, cwd="/", check=True, stderr=subprocess.DEVNULL)
        except (PermissionError, subprocess.CalledProcessError):
            return "root"
        return self.user

    def finish(self, *arguments: str, code: int = 0) -> Terminal:
        """The demo to its end, and how long it was silent."""
        with self.start(*arguments) as terminal:
            ended = terminal.wait_for_exit()
            assert ended == code, terminal.text
            return terminal

    def foreign_files(self) -> list[Path]:
        """Files of the folder that do not belong to the user."""
        uid = pwd.getpwnam(self.caller).pw_uid
        return [path for path in self.folder.rglob("*") if path.lstat().st_uid != uid]

    def report(self, client: str) -> str:
        (made,) = (self.folder / "reports/out").glob(f"{client}-*.txt")
        return made.read_text()


@pytest.fixture
def copy() -> Iterator[Copy]:
    with a_free_number() as number:
        base, user = SLOTS / f"demo-{number}", f"crew-d{number}-user"
        spec = FleetSpec(root=base / "fleet", network=f"127.0.{20 + number}", users=f"crew-d{number}")
        made = Copy(base / "copy", spec, user, base / "cache")
        try:
            prepare(made)
            yield made
        finally:
            with suppress(AssertionError):
                made.finish("wipe")
            remove_user(user)
            shutil.rmtree(base, ignore_errors=True)


def prepare(made: Copy) -> None:
    shutil.rmtree(made.folder.parent, ignore_errors=True)
    made.folder.mkdir(parents=True)
    for part in PARTS:
        subprocess.run(["cp", "-a", ROOT / part, made.folder], check=True)
    for path in made.folder.rglob("__pycache__"):
        shutil.rmtree(path)
    for name in ("inventory.yaml", "sitecrew.yaml"):
        text = (made.folder / name).read_text()
        for old, new in {
            "127.0.10.": f"{made.spec.network}.",
            "/var/tmp/sitecrew-lab/": f"{made.spec.root}/",
            "user: crew-": f"user: {made.spec.users}-",
        }.items():
            text = text.replace(old, new)
        (made.folder / name).write_text(text)
    made.cache.mkdir()
    shutil.copytree(
        downloads.ensure().folder, made.cache / downloads.ensure().folder.name, copy_function=link
    )
    make_user(made.user, made.folder, "ssh-ed25519 unused")
    subprocess.run(["chown", "-R", f"{made.caller}:", made.folder], check=True)


def link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def check_silence(terminal: Terminal) -> None:
    """The screen never stays the same for long; the failure shows which one did."""
    seconds, screen = max((later.at - one.at, one.text) for one, later in pairwise(terminal.frames))
    assert seconds < SILENCE, screen


def test_the_demo_shows_its_story_in_chapters(copy: Copy) -> None:
    first = copy.finish()
    assert "rolled back  Lantern Gallery 2.3.0 -> 2.5.0 on acme-shop" in first.text
    assert "held         Orchard SEO 3.0.4 -> 4.0.0 on acme-shop" in first.text
    assert "4 sites during the run, 0 failed" in first.text
    check_silence(first)
    assert "Lantern Gallery" in copy.report("acme")
    assert "Orchard SEO" in copy.report("acme")

    second = copy.finish()
    assert "updated      2 items on 2 sites" in second.text
    assert "rolled back" not in second.text.partition("What happened")[2]
    assert "held         Lantern Gallery 2.3.0 -> 2.5.0 on acme-shop" in second.text
    assert "held         Orchard SEO 3.0.4 -> 4.0.0 on acme-shop" in second.text
    assert copy.foreign_files() == []

    copy.finish("wipe")
    gone = (copy.spec.root, copy.cache, copy.folder / ".sitecrew", copy.folder / "reports/out")
    assert [path for path in gone if path.exists()] == []
    users = {copy.spec.user(host.name) for host in copy.spec.hosts}
    assert not users & {one.pw_name for one in pwd.getpwall()}
    assert not [path for user in users for path in Path("/var/tmp").glob(f".sitecrew-{user}")]
    assert ports.taken(ports.doors(copy.spec)) == ()


def test_the_demo_continues_after_ctrl_c(copy: Copy) -> None:
    with copy.start() as terminal:
        terminal.wait_for("acme-shop.*backup")
        terminal.type(CTRL_C)
        assert terminal.wait_for_exit() == 130, terminal.text
    assert "scripts/demo continues; scripts/demo wipe removes all but the packages" in terminal.text
    assert ports.taken(ports.doors(copy.spec)) == ()
    again = copy.finish()
    assert "Lantern Gallery 2.3.0 -> 2.5.0 on acme-shop" in again.text


def test_the_demo_names_a_taken_port(copy: Copy) -> None:
    with socket.create_server((copy.spec.address("web2"), 8081)):
        terminal = copy.finish(code=1)
    assert f"{copy.spec.network}.2:8081: " in terminal.text
    assert f"(process {os.getpid()})" in terminal.text
    assert not copy.spec.root.exists()
