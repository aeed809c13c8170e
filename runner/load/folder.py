"""The playbooks in a folder, apart from what editors, file systems and sync tools leave there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import Problem
from runner.load.text import quoted
from runner.load.values import Wrong, name

__all__ = ["Listing", "is_yaml_file", "list_playbooks"]

_SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of a folder of playbooks."""

    playbooks: dict[str, Path] = field(default_factory=dict)
    """Files by name of the playbook."""
    unusable: frozenset[str] = frozenset()
    """Names whose entry is not a file, such as a broken link. A shipped playbook does not replace them."""
    warnings: tuple[str, ...] = ()
    """Why some entries that look like playbooks were ignored."""
    problems: tuple[Problem, ...] = ()


def is_yaml_file(file: str) -> bool:
    """Whether a name is that of a YAML file, not of a lock, backup or resource fork (`.#weekly.yaml`)."""
    return file.endswith(_SUFFIX) and not file.startswith((".", "#"))


def list_playbooks(folder: Path) -> Listing:
    """List the playbooks in a folder; empty if the folder does not exist.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return Listing()
    found: dict[str, Path] = {}
    unusable, warnings, problems = set(), [], []
    for path in sorted(folder.iterdir()):
        stem = path.name.removesuffix(_SUFFIX)
        if path.name.endswith(".yml") and is_yaml_file(f"{path.stem}{_SUFFIX}") and path.is_file():
            message, hint = "ignored: a playbook's name ends in .yaml", f"mv {path.name} {path.stem}.yaml"
            problems.append(Problem(f"playbooks/{path.name}", 1, 1, "", message, hint))
        elif not is_yaml_file(path.name):
            continue
        elif why := _name_problem(stem):
            warnings.append(f"{quoted(f'playbooks/{path.name}')} is ignored: its name: {why}")
        elif not path.is_file():
            unusable.add(stem)
            warnings.append(f"{quoted(f'playbooks/{path.name}')} is ignored: {_file_type(path)}")
        else:
            found[stem] = path
    return Listing(found, frozenset(unusable), tuple(warnings), tuple(problems))


def _name_problem(stem: str) -> str:
    """Why this cannot be the name of a playbook; empty if it can."""
    try:
        name(stem)
    except Wrong as wrong:
        return str(wrong)
    return ""


def _file_type(path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    return "it is a broken link" if path.is_symlink() and not path.exists() else "it is not a file"
