"""The playbooks of a folder: editors, file systems and synchronizing tools leave other files beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import Problem
from runner.load.text import quoted
from runner.load.values import Wrong, name

__all__ = ["Listing", "is_playbook", "list_playbooks"]

_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder of playbooks."""

    playbooks: dict[str, Path] = field(default_factory=dict)
    """Files by the playbook's name."""
    unusable: frozenset[str] = frozenset()
    """Names of playbooks whose entry is no file, such as a dangling link. No other file takes their place."""
    warnings: tuple[str, ...] = ()
    """Why some entries that look like playbooks are not read."""
    problems: tuple[Problem, ...] = ()


def is_playbook(file: str) -> bool:
    """Whether a file of this name is one: not a lock, backup or resource fork (`.#weekly.yaml`)."""
    return file.endswith(_SUFFIX) and not file.startswith((".", "#"))


def list_playbooks(folder: Path) -> Listing:
    """The playbooks of a folder; empty where there is no such folder.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return Listing()
    found: dict[str, Path] = {}
    unusable, warnings, problems = set(), [], []
    for path in sorted(folder.iterdir()):
        stem = path.name.removesuffix(_SUFFIX)
        if path.name.endswith(".yml") and is_playbook(f"{path.stem}{_SUFFIX}") and path.is_file():
            message, hint = "is not read: a playbook's name ends in .yaml", f"mv {path.name} {path.stem}.yaml"
            problems.append(Problem(f"playbooks/{path.name}", 1, 1, "", message, hint))
        elif not is_playbook(path.name):
            continue
        elif why := _misnamed(stem):
            warnings.append(f"{quoted(f'playbooks/{path.name}')} is not read: its name: {why}")
        elif not path.is_file():
            unusable.add(stem)
            warnings.append(f"{quoted(f'playbooks/{path.name}')} is not read: {_kind(path)}")
        else:
            found[stem] = path
    return Listing(found, frozenset(unusable), tuple(warnings), tuple(problems))


def _misnamed(stem: str) -> str:
    """Why runs and windows cannot be called by this name; empty where they can."""
    try:
        name(stem)
    except Wrong as wrong:
        return str(wrong)
    return ""


def _kind(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "it is a link to nothing" if path.is_symlink() and not path.exists() else "it is not a file"
