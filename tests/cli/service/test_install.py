"""`service`: what it prints, writes, keeps and deletes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lab.terminal import Terminal
from tests.cli.workspaces import INVENTORY, ROOT, sitecrew, write_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = write_workspace(tmp_path / "crew", INVENTORY)
    (found / "sitecrew.yaml").write_text("backups: {store: ../copies}\nlimits: {step: 30m}\n")
    return found


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "units"


def test_print_shows_what_install_writes(folder: Path, into: Path) -> None:
    printed = sitecrew(folder, "service", "print", "--dir", str(into))
    assert printed.stderr == ""
    assert not into.exists()
    done = sitecrew(folder, "service", "install", "--dir", str(into), "--yes")
    assert done.returncode == 0
    assert (into / "sitecrew.service").read_text() == printed.stdout
    assert "systemctl enable --now sitecrew.service" in done.stderr
    text = printed.stdout
    assert f"--workspace {folder} serve\n" in text
    for path in (folder / ".sitecrew", folder / "reports/out", folder.parent / "copies"):
        assert f'"{path}"' in text
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert "TimeoutStopSec=2100\n" in text
    again = sitecrew(folder, "service", "install", "--dir", str(into))
    assert again.returncode == 0
    assert "the unit files are up to date" in again.stderr


def test_timer_of_user_as_json(folder: Path, tmp_path: Path) -> None:
    found = sitecrew(
        folder,
        "service",
        "print",
        "--timer",
        "--user",
        "--json",
        "--name",
        "acme",
        XDG_CONFIG_HOME=str(tmp_path),
    )
    document = json.loads(found.stdout)
    assert document["writable"][-1] == f"{folder}/reports/out"
    service, timer = document["units"]
    assert service["path"] == f"{tmp_path}/systemd/user/acme-tick.service"
    assert timer["path"] == f"{tmp_path}/systemd/user/acme-tick.timer"
    assert "User=" not in service["text"]
    assert f"--workspace {folder} tick\n" in service["text"]


def test_writable_workspace_if_a_window_builds(folder: Path) -> None:
    (folder / "playbooks/nightly.yaml").write_text(
        "name: Nightly\nsteps:\n  - static.build: {folder: site, run: make, output: site/out}\n"
    )
    assert f'"{folder}/.sitecrew"' in _printed(folder)
    with (folder / "inventory.yaml").open("a") as file:
        file.write('windows:\n  weekly: {playbook: nightly, day: tuesday, at: "03:00", timezone: UTC}\n')
    assert f'"{folder}"' in _printed(folder)


def _printed(folder: Path) -> str:
    done = sitecrew(folder, "service", "print")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_edited_unit_is_replaced_only_after_a_question(folder: Path, into: Path) -> None:
    install = ("service", "install", "--dir", str(into))
    sitecrew(folder, *install, "--yes")
    unit = into / "sitecrew.service"
    written = unit.read_text()
    unit.write_text(written.replace("RestartSec=60", "RestartSec=5"))
    edited = unit.read_text()
    refused = sitecrew(folder, *install)
    assert refused.returncode == 2
    assert "answer with -y" in refused.stderr
    assert unit.read_text() == edited
    with Terminal([sys.executable, "-m", "runner", *install], folder=folder) as terminal:
        terminal.wait_for("was edited, or is not from Sitecrew. Replace it?")
        terminal.type_line("n")
        terminal.wait_for("nothing was written")
        terminal.wait_for_exit()
    assert unit.read_text() == edited
    with Terminal([sys.executable, "-m", "runner", *install], folder=folder) as terminal:
        terminal.wait_for("Replace it?")
        terminal.type_line("y")
        terminal.wait_for("Write 1 file")
        terminal.type_line("y")
        terminal.wait_for("now type:")
        terminal.wait_for_exit()
    assert unit.read_text() == written


def test_uninstall_deletes_only_own_units(folder: Path, into: Path) -> None:
    sitecrew(folder, "service", "install", "--dir", str(into), "--yes")
    foreign = into / "sitecrew-tick.timer"
    foreign.write_text("[Timer]\nOnCalendar=daily\n")
    (into / "multi-user.target.wants").mkdir()
    link = into / "multi-user.target.wants/sitecrew.service"
    link.symlink_to(into / "sitecrew.service")
    uninstall = ("service", "uninstall", "--dir", str(into), "--yes")
    enabled = sitecrew(folder.parent, *uninstall)
    assert enabled.returncode == 2
    assert "disable --now sitecrew.service" in enabled.stderr
    link.unlink()
    done = sitecrew(folder.parent, *uninstall)
    assert done.returncode == 0
    assert "deleted 1 file" in done.stderr
    assert sorted(path.name for path in into.iterdir()) == ["multi-user.target.wants", "sitecrew-tick.timer"]
    again = sitecrew(folder.parent, *uninstall)
    assert again.returncode == 0
    assert "no unit files of Sitecrew" in again.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "../x"), "--name ../x: use letters"),
        (("--account", "no-such-login"), "there is no account 'no-such-login'"),
        (("--account", "nobody", "--user"), "--account has no effect with --user"),
    ],
)
def test_wrong_options_are_refused(folder: Path, words: tuple[str, ...], message: str) -> None:
    found = sitecrew(folder, "service", "print", *words)
    assert found.returncode == 2
    assert message in found.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install for another account")
def test_root_installs_for_owner_of_workspace(into: Path) -> None:
    with TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        folder = write_workspace(Path(top) / "crew")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
            shutil.chown(path, "daemon", "daemon")
        done = sitecrew(folder, "service", "install", "--dir", str(into), "--yes")
        if not _can_run_sitecrew("daemon"):
            assert done.returncode == 2
            assert "daemon, the owner of the workspace, cannot execute" in done.stderr
            assert not into.exists()
            return
        assert done.returncode == 0, done.stderr
        assert "\nUser=daemon\n" in (into / "sitecrew.service").read_text()
        for made in (folder / ".sitecrew", folder / "reports/out"):
            assert made.owner() == "daemon"


def _can_run_sitecrew(login: str) -> bool:
    """Whether another account can execute this checkout; not if it is below the home of root."""
    try:
        words = [sys.executable, "-m", "runner", "--version"]
        return subprocess.run(words, user=login, cwd=ROOT, check=False, capture_output=True).returncode == 0
    except PermissionError:
        return False
