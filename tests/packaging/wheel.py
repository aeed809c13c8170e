"""Sitecrew as a wheel, built from the repository and installed beside its declared dependencies only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def checkout(folder: Path) -> Path:
    """The files that git knows, as they are in the work tree."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def build(kind: str, source: Path, folder: Path) -> Path:
    """The `wheel` or `sdist` of a source tree."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    [made] = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def install(wheel: Path, folder: Path) -> Path:
    """A virtual environment with the wheel and what it declares; returns its `sitecrew`."""
    venv.create(folder, symlinks=True, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    for found in closure("sitecrew"):
        for name in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (packages / name).exists():
                (packages / name).symlink_to(found.locate_file(name))
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin/python"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "install", *quiet, wheel], check=True, env=outside(), capture_output=True)
    return folder / "bin/sitecrew"


def closure(name: str) -> Iterator[Distribution]:
    """What a package needs, without extras that nobody asked for."""
    left, seen = [Requirement(name)], set()
    while left:
        asked = left.pop()
        key = (re.sub(r"[-_.]+", "-", asked.name).lower(), frozenset(asked.extras))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(asked.name)
        if asked.name != name:
            yield found
        extras = asked.extras or {""}
        needs = [Requirement(text) for text in found.requires or ()]
        left += [n for n in needs if not n.marker or any(n.marker.evaluate({"extra": e}) for e in extras)]


def outside() -> dict[str, str]:
    """An environment that knows nothing of the repository."""
    return {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
