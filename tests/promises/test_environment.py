"""Promise: whatever the caller's environment lacks, a command works or ends in one sentence that helps."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.crew import ROOT, Crew

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from _pytest.mark import ParameterSet

    from lab import Fleet

INVENTORY = """\
hosts: {web1: {address: 127.0.0.1, port: 1, user: deploy}}
clients: {acme: {name: Büro, sites: {shop: {url: "https://a.example", host: web1, path: /srv/shop}}}}
"""
READING = ("list sites", "list playbooks", "validate", "schedule next", "schema inventory", "--help")
WRITING = ("run weekly", "tick", "report acme --period 2026-11", "resume last", "schema --write", "init sub")
NAMELESS = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
"""Nobody in /etc/passwd, with the rights of whoever runs the test."""
CLEAN = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture
def crew(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    (tmp_path / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "inventory.yaml").chmod(0o644)
    return tmp_path


def sitecrew(
    folder: Path, command: str, env: Mapping[str, str], *before: str, first: str = ""
) -> subprocess.CompletedProcess[str]:
    arguments = [*before, sys.executable, "-m", "runner", *command.split()]
    if first:
        arguments = ["bash", "-c", f'{first}; exec "$@"', "bash", *arguments]
    return subprocess.run(
        arguments, cwd=folder, env={**CLEAN, **env}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="replace", timeout=120, check=False,
    )  # fmt: skip


def check_plain(done: subprocess.CompletedProcess[str]) -> None:
    """It worked, or said in one sentence why not, with a hint; nothing that only programmers understand."""
    assert not re.search(r"Traceback|Error:|Errno|unexpected error|getpwuid|defect", done.stderr), done
    if done.returncode:
        assert done.stderr.count("error: ") <= 1, done
        assert len(done.stderr.splitlines()) >= 2, done


ENVIRONMENTS: dict[str, dict[str, str]] = {
    "nothing at all": {},
    "home is not there": {"HOME": "/no/such"},
    "home is empty": {"HOME": ""},
    "home is a file": {"HOME": "/etc/passwd"},
    "home is relative": {"HOME": "here"},
    "state and config elsewhere": {"XDG_STATE_HOME": "/proc/1/x", "XDG_CONFIG_HOME": "/no/such"},
    "no such locale": {"LANG": "xx_broken", "LC_ALL": "xx_broken"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "posix": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "dumb terminal": {"TERM": "dumb", "COLUMNS": "1", "LINES": "1"},
    "odd columns": {"TERM": "", "COLUMNS": "many"},
    "no such zone": {"TZ": "Nowhere/Land"},
    "zone in odd letters": {"TZ": "\u00fc:/../../etc/passwd"},
    "no folder for temporary files": {"TMPDIR": "/no/such"},
    "odd switches": {"NO_COLOR": "1", "PAGER": "/no/such", "EDITOR": "/no/such", "BROWSER": "", "SHELL": ""},
    "user is not who it is": {"USER": "somebody", "LOGNAME": "else", "SUDO_UID": "x", "SUDO_USER": "\x1b[2J"},
}  # fmt: skip


def environments() -> list[ParameterSet]:
    """Each environment, as a user with and without a name; most are `long`."""
    return [
        pytest.param(
            name,
            before,
            id=f"{user}-{name}",
            marks=[] if not before and number % 4 == 0 else [pytest.mark.long],
        )
        for user, before in (("user", ()), ("user without a name", NAMELESS))
        for number, name in enumerate(ENVIRONMENTS)
    ]


in_environments = pytest.mark.parametrize(("name", "before"), environments())


@in_environments
def test_commands_that_only_read_work(crew: Path, name: str, before: tuple[str, ...]) -> None:
    for command in ("list sites", "validate"):
        done = sitecrew(crew, command, ENVIRONMENTS[name], *before)
        assert done.returncode == 0, done
        check_plain(done)


@in_environments
def test_run_says_what_keeps_it_from_its_host(crew: Path, name: str, before: tuple[str, ...]) -> None:
    done = sitecrew(crew, "run weekly", ENVIRONMENTS[name], *before)
    check_plain(done)
    assert done.returncode == 4, done
    assert "shop: unreachable (" in done.stderr
    assert not (crew / ".sitecrew/logs").exists()


@pytest.mark.parametrize("before", [(), NAMELESS], ids=["user", "user without a name"])
def test_user_without_a_name_is_asked_for_one(crew: Path, before: tuple[str, ...]) -> None:
    (crew / "inventory.yaml").write_text(INVENTORY.replace(", user: deploy", ""), encoding="utf-8")
    done = sitecrew(crew, "run weekly", {}, *before)
    check_plain(done)
    assert done.returncode in {3, 4}
    assert "lost" not in done.stderr
    if before:
        assert "54321" in done.stderr
        assert "user" in done.stderr


def test_user_without_a_name_works_on_a_real_host(fleet: Fleet, tmp_path: Path) -> None:
    crew = Crew(fleet, tmp_path, "name: Hello\nsteps:\n  - shell: {run: 'true', changes: true}\n")
    done = sitecrew(crew.folder, "run hello -l acme-blog", {}, *NAMELESS)
    assert done.returncode == 0, done.stderr
    assert crew.site("acme-blog")["outcome"] == "changed"


@contextmanager
def mounted(folder: Path, *, options: str = "") -> Iterator[Path]:
    """A small file system of its own."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size=1m,mode=755{options}", "tmpfs", folder]
    subprocess.run(command, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts file systems")


@needs_root
@pytest.mark.parametrize("state", [pytest.param("read-only", marks=pytest.mark.long), "full"])
def test_workspace_that_cannot_be_written(crew: Path, tmp_path: Path, state: str) -> None:
    with mounted(tmp_path / "disk") as disk:
        (disk / "inventory.yaml").write_bytes((crew / "inventory.yaml").read_bytes())
        (disk / "inventory.yaml").chmod(0o644)
        if state == "full":
            fill(disk / "fill")
        else:
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for command in READING:
            done = sitecrew(disk, command, {"HOME": str(tmp_path)})
            assert done.returncode == 0, done
            check_plain(done)
        for command in WRITING:
            done = sitecrew(disk, command, {"HOME": str(tmp_path)})
            assert done.returncode in {1, 2}, done
            check_plain(done)
            assert done.stderr.startswith("error: "), done
            why = "Read-only file system" if state == "read-only" else "disk is full|No space left on device"
            assert re.search(why, done.stderr), done
        check_plain(sitecrew(disk, "doctor", {"HOME": str(tmp_path)}))


@needs_root
def test_full_folder_for_temporary_files(crew: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "tmp") as disk:
        fill(disk / "fill")
        for command in ("list sites", "run weekly"):
            check_plain(sitecrew(crew, command, {"TMPDIR": str(disk)}))


def fill(path: Path) -> None:
    done = subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=4k"], capture_output=True, check=False)
    assert b"No space left" in done.stderr


@pytest.mark.parametrize("command", ["list sites", "init x", "run weekly", "validate"])
def test_current_folder_that_is_gone(tmp_path: Path, command: str) -> None:
    done = sitecrew(tmp_path, command, {}, first='mkdir gone && cd gone && rmdir "$PWD"')
    assert done.returncode == 2, done
    assert done.stderr == "error: the current folder no longer exists\n  cd to one that does\n"


def test_current_folder_that_is_gone_is_no_trouble_where_the_workspace_is_named(crew: Path) -> None:
    done = sitecrew(crew, f"-w {crew} list sites", {}, first='mkdir gone && cd gone && rmdir "$PWD"')
    assert done.returncode == 0, done


@pytest.mark.parametrize(
    "mask", ["000", "777", *(pytest.param(mask, marks=pytest.mark.long) for mask in ("002", "077", "177"))]
)
def test_workspace_made_under_any_umask_can_be_used(tmp_path: Path, mask: str) -> None:
    folder = tmp_path / "crew"
    assert sitecrew(tmp_path, "init crew", {}, first=f"umask {mask}").returncode == 0
    (folder / "inventory.yaml").write_text(INVENTORY, encoding="utf-8")
    for command, code in (("validate", 0), ("run weekly", 4), ("report acme --period 2026-11", 0)):
        done = sitecrew(folder, command, {}, first=f"umask {mask}")
        assert done.returncode == code, done
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        assert not mode & 0o002, path
        assert mode & 0o600 == 0o600, path
        assert not path.is_dir() or mode & 0o100, path
    assert sitecrew(folder, "validate", {}).returncode == 0


def test_init_leaves_the_mode_of_a_folder_that_is_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    assert sitecrew(tmp_path, "init", {}).returncode == 0
    assert tmp_path.stat().st_mode & 0o7777 == 0o2750


@pytest.mark.parametrize(
    "env",
    [
        {"COLUMNS": "1", "TERM": "xterm"},
        *(pytest.param(env, marks=pytest.mark.long) for env in ({"TERM": "dumb"}, {"TERM": ""}, {})),
    ],
)
def test_terminals_that_can_do_little(crew: Path, env: dict[str, str]) -> None:
    for command, code in (("list sites", 0), ("run weekly", 4)):
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "runner", *command.split()],
            cwd=crew, env={**CLEAN, **env}, stdin=follower, stdout=follower, stderr=follower,
        )  # fmt: skip
        os.close(follower)
        said = b""
        while piece := read(leader):
            said += piece
        os.close(leader)
        assert process.wait(60) == code, said
        assert b"unexpected error" not in said


def read(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # the other end was closed
        return b""
