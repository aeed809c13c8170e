"""The files of an inventory: inventory.yaml and inventory/*.yaml, which are read as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Problem
from runner.load.folder import is_yaml_file
from runner.load.nodes import Node, Problems
from runner.load.text import joined, quoted

__all__ = ["FILE", "FOLDER", "InventoryListing", "combined", "has_inventory", "list_inventory", "places_of"]

FILE = "inventory.yaml"
FOLDER = "inventory"
_NOUNS = {"hosts": "host", "groups": "group", "clients": "client", "windows": "window", "defaults": "default"}


@dataclass(frozen=True, slots=True)
class InventoryListing:
    """The files of an inventory."""

    files: tuple[Path, ...] = ()
    """inventory.yaml, if there is one, then those of the folder by name."""
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Files in the folder that look as if they should be read."""


def has_inventory(workspace: Path) -> bool:
    """Whether a folder is a workspace: it has an inventory.yaml, or a folder `inventory` with such files."""
    return any(path.is_file() for path in list_inventory(workspace).files)


def list_inventory(workspace: Path) -> InventoryListing:
    """List the files of the inventory of a workspace."""
    top = workspace / FILE
    files = [top] if top.exists() or top.is_symlink() else []
    folder = workspace / FOLDER
    warnings, problems = [], []
    try:
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        message, hint = (
            f"cannot read the folder: {error.strerror or error}",
            f"check it with: ls -ld {folder}",
        )
        return InventoryListing(tuple(files), problems=(Problem(FOLDER, 1, 1, "", message, hint),))
    for path in inside:
        shown = f"{FOLDER}/{path.name}"
        if path.name.startswith((".", "#")):
            continue
        if not shown.isprintable():
            message = f"{quoted(path.name)} cannot be the name of a file here"
            problems.append(Problem(FOLDER, 1, 1, "", message, "rename it"))
        elif path.suffix == ".yml":
            message, hint = "ignored: its name does not end in .yaml", f"mv {shown} {FOLDER}/{path.stem}.yaml"
            problems.append(Problem(shown, 1, 1, "", message, hint))
        elif is_yaml_file(path.name):
            files.append(path)
        elif path.is_dir() and any(_yaml_files(path)):
            warnings.append(f"{quoted(shown)} is ignored: only files directly in {FOLDER}/ are read")
    return InventoryListing(tuple(files), tuple(warnings), tuple(problems))


def _yaml_files(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})


def combined(trees: Sequence[Node], problems: Problems) -> Node:
    """Combine the files into one tree. A name that is in two of them is a problem, and the first one is kept.

    Mistakes in the shape of a file are not reported here: each file is also checked by itself.
    """
    first, *more = trees
    if not more:
        return first
    root = Node(first.origin, first.line, first.column, {})
    for tree in trees:
        for section, node in tree.items():
            _add_section(root, section, node, problems)
    return root


def _add_section(root: Node, section: str, node: Node, problems: Problems) -> None:
    sections = root.value if isinstance(root.value, dict) else {}
    there = sections.get(section)
    if there is None or not isinstance(there.value, dict):
        there = sections[section] = Node(node.origin, node.line, node.column, node.value, dict(node.keys))
        if isinstance(node.value, dict):
            there.value = dict(node.value)
        return
    values = there.value
    for name, child in node.items():
        if name not in values:
            values[name] = child
            there.keys[name] = node.keys[name]
            continue
        noun = _NOUNS.get(section, "key")
        message = f"duplicate {noun} {quoted(name)}, first at {_position(there, name)}"
        problems.append(node.key_problem(name, joined(section, name), message, "remove one of the two"))


def places_of(inventory: Node) -> dict[str, str]:
    """Return where each entry is in the files, as `file:line` by its path, such as `clients.acme`."""
    places = {
        joined(section, name): _position(node, name)
        for section, node in inventory.items()
        if section != "defaults"
        for name, _ in node.items()
    }
    for _, client in inventory.below("clients"):
        if sites := client.get("sites"):
            places |= {joined("sites", name): _position(sites, name) for name, _ in sites.items()}
    return places


def _position(mapping: Node, key: str) -> str:
    """Return `file:line` of a key of a mapping, which may be in another file than the mapping."""
    child = mapping.get(key) or mapping
    line, _ = mapping.keys.get(key, (child.line, child.column))
    return f"{child.origin.name}:{line}"
