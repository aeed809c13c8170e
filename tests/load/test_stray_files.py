"""Promise: files left in a workspace by editors, file systems and other tools do no harm."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from runner.errors import UnknownNameError, ValidationError
from runner.inspect.exposure import about_controller
from runner.inspect.sources import read_folder
from runner.load import load_playbook, load_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INVENTORY = """\
hosts: {web1: {address: web1.example}}
clients: {acme: {name: Acme, sites: {shop: {url: "https://acme.example", host: web1, path: /srv/shop}}}}
"""
BROKEN = "steps: [ {no: such"


@pytest.fixture
def crew(tmp_path: Path) -> Path:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "reports").mkdir()
    (tmp_path / "playbooks/nightly.yaml").write_text("steps: [backup]\n")
    return tmp_path


def written(path: Path) -> None:
    path.write_text(BROKEN)


def dangling(path: Path) -> None:
    path.symlink_to("anna@laptop.4711:1764284400")


def looping(path: Path) -> None:
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    (path / "inside.yaml").mkdir(parents=True)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


SILENT = [
    (".#nightly.yaml", dangling),
    (".#nightly.yaml", looping),
    ("._nightly.yaml", written),
    (".nightly.yaml.swp", written),
    (".nightly.yaml", written),
    (".yaml", written),
    ("#nightly.yaml#", written),
    ("nightly.yaml~", written),
    ("nightly.yaml.orig", written),
    ("nightly.yaml.rej", written),
    ("nightly.yaml.bak", written),
    (".nightly.yaml", os.mkfifo),
    ("._nightly.yml", written),
    ("archive.yml", folder),
    (".DS_Store", written),
    ("nightly.yaml.d", folder),
]
REPORTED = [
    ("old.yaml", folder, "it is a folder"),
    ("old.yaml", dangling, "it is a broken link"),
    ("old.yaml", os.mkfifo, "it is not a file"),
    ("old.yaml", listening, "it is not a file"),
    ("nightly (Anna's conflicted copy).yaml", written, "its name"),
]


@pytest.mark.parametrize(("name", "make"), SILENT)
def test_stray_files_among_playbooks_are_ignored(crew: Path, name: str, make: Callable[[Path], None]) -> None:
    make(crew / "playbooks" / name)
    loaded = load_workspace(crew)
    assert set(loaded.playbooks) == {"nightly", "patch", "weekly"}
    assert loaded.warnings == ()
    assert list(about_controller(loaded)) == []


@pytest.mark.parametrize(("name", "make", "why"), REPORTED)
def test_unusable_playbook_is_ignored_with_a_warning(
    crew: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Callable[[Path], None], why: str
) -> None:
    monkeypatch.chdir(crew)
    make(crew / "playbooks" / name)
    loaded = load_workspace(crew)
    assert set(loaded.playbooks) == {"nightly", "patch", "weekly"}
    [warning] = loaded.warnings
    assert name.partition("'")[0] in warning
    assert why in warning


def test_shipped_playbook_does_not_replace_a_broken_link(crew: Path) -> None:
    (crew / "playbooks/weekly.yaml").symlink_to("../gone.yaml")
    assert "weekly" not in load_workspace(crew).playbooks
    with pytest.raises(UnknownNameError):
        load_playbook(crew, "weekly")
    (crew / "inventory.yaml").write_text(
        f"{INVENTORY}windows: {{w: {{playbook: weekly, day: monday, at: '02:00'}}}}\n"
    )
    with pytest.raises(ValidationError):
        load_workspace(crew)


def test_linked_playbook_is_loaded(crew: Path) -> None:
    (crew / "shared.yaml").write_text("steps: [backup]\n")
    (crew / "playbooks/shared.yaml").symlink_to("../shared.yaml")
    assert "shared" in load_workspace(crew).playbooks


@pytest.mark.parametrize(("name", "make"), SILENT)
def test_stray_files_among_templates_are_ignored(crew: Path, name: str, make: Callable[[Path], None]) -> None:
    make(crew / "reports" / name.replace(".yaml", ".html.j2"))
    assert load_workspace(crew).warnings == ()


def test_broken_link_as_playbooks_folder_is_ignored(crew: Path) -> None:
    (crew / "playbooks/nightly.yaml").unlink()
    (crew / "playbooks").rmdir()
    (crew / "playbooks").symlink_to("gone")
    assert set(load_workspace(crew).playbooks) == {"patch", "weekly"}


def test_lock_file_of_an_editor_is_not_uploaded(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>new</p>")
    (tmp_path / ".htaccess").write_text("Options -Indexes")
    dangling(tmp_path / ".#index.html")
    assert set(read_folder(tmp_path)) == {"index.html", ".htaccess"}
