"""The lock file of a service: is it what pyproject.toml asks for? `scripts/lock` writes it."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "service.txt"
_MADE_FROM = "# from dependencies sha256:"


def digest(pyproject: str) -> str:
    """One word for everything in pyproject.toml that decides what is installed for a service."""
    project = tomllib.loads(pyproject)["project"]
    asked = {key: project[key] for key in ("requires-python", "dependencies")}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def header(pyproject: str) -> str:
    """The first lines of the lock file."""
    return (
        "# What a service installs, each file by its hash. Written by scripts/lock.\n"
        "#   pip install --require-hashes -r requirements/service.txt\n"
        "#   pip install --no-deps .\n"
        f"{_MADE_FROM}{digest(pyproject)}\n"
    )


def locked(lock: str) -> dict[str, tuple[Requirement, ...]]:
    """The packages of a lock file by name, each with the versions for different systems."""
    found: dict[str, list[Requirement]] = {}
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\").strip())
            found.setdefault(requirement.name.lower(), []).append(requirement)
    return {name: tuple(requirements) for name, requirements in found.items()}


def problems(pyproject: str, lock: str) -> list[str]:
    """Why the lock file is not what pyproject.toml asks for; empty when it is."""
    found = []
    if f"{_MADE_FROM}{digest(pyproject)}" not in lock.splitlines():
        found.append("the dependencies in pyproject.toml have changed since it was written")
    packages = locked(lock)
    for text in tomllib.loads(pyproject)["project"]["dependencies"]:
        asked = Requirement(text)
        versions = [next(iter(one.specifier)).version for one in packages.get(asked.name.lower(), ())]
        if not versions:
            found.append(f"{asked.name} is missing")
        found += [f"{asked} is locked at {version}" for version in versions if version not in asked.specifier]
    return found


def main() -> int:
    """`header` prints the lock file's first lines; `check` prints what is wrong with it."""
    pyproject = (ROOT / "pyproject.toml").read_text()
    if sys.argv[1:] == ["header"]:
        sys.stdout.write(header(pyproject))
        return 0
    found = problems(pyproject, LOCK.read_text())
    for problem in found:
        sys.stderr.write(f"requirements/service.txt: {problem}; run scripts/lock\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
