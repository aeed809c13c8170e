"""Promise: dependencies of a service are pinned by hash, current, bounded and listed with licences."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from scripts import supply

ROOT = Path(__file__).parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCK = supply.LOCK.read_text()
PROJECT = tomllib.loads(PYPROJECT)["project"]


def licences() -> dict[str, str]:
    """Return the licence of each package from the two tables of docs/developers/dependencies.md."""
    page = (ROOT / "docs/developers/dependencies.md").read_text()
    rows = [line.strip("| ").split("|") for line in page.splitlines()]
    return {
        name.strip(): row[-1].strip()
        for row in rows
        if len(row) in {2, 4} and row[0].strip() != "package" and not row[0].startswith("-")
        for name in row[0].split(",")
    }


def test_lock_file_matches_pyproject() -> None:
    assert supply.problems(PYPROJECT, LOCK) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [('"click>=8.2,<9"', '"click>=9,<10"'), ('"rich>=14,<16",', '"rich>=14,<16",\n    "attrs<99",')],
)
def test_outdated_lock_file_is_detected(old: str, new: str) -> None:
    assert old in PYPROJECT
    assert supply.problems(PYPROJECT.replace(old, new), LOCK)


def test_locked_packages_have_hashes_and_no_index() -> None:
    packages = re.split(r"\n(?=[a-z])", LOCK)[1:]
    assert len(packages) > 40
    assert all("--hash=sha256:" in package for package in packages)
    assert "://" not in LOCK


def test_every_dependency_has_an_upper_bound() -> None:
    extras = PROJECT["optional-dependencies"].values()
    for text in [*PROJECT["dependencies"], *(one for extra in extras for one in extra)]:
        requirement = Requirement(text)
        own = requirement.name == PROJECT["name"]
        assert own or any(one.operator in {"<", "==", "~="} for one in requirement.specifier), text


def test_documented_licences_match_installed_packages() -> None:
    documented = licences()
    assert set(documented) == set(supply.locked(LOCK))
    for package, licence in documented.items():
        about = metadata(package)
        installed = about.get("License-Expression") or about.get("License") or ""
        classifiers = " ".join(c for c in about.get_all("Classifier") or () if c.startswith("License"))
        family = licence.split("-")[0].split()[0]
        assert family in f"{installed} {classifiers}".replace("Mozilla", "MPL"), (package, licence)


@pytest.mark.long
def test_bill_of_materials_lists_licences(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    subprocess.run([ROOT / "scripts/sbom", file], check=True, capture_output=True)
    bill = json.loads(file.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {component["name"].lower().replace("_", "-") for component in bill["components"]}
    assert {"paramiko", "fabric", "dbos", "sqlalchemy"} <= listed
    assert len(listed) > 40
    assert all(component.get("licenses") for component in bill["components"])
