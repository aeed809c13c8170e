"""Reading of the files of a workspace to trees of values with their positions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import Problem
from runner.load.inventory_files import FILE, FOLDER, InventoryListing, combined, list_inventory

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from runner.load.inventory import InventoryFile
    from runner.load.nodes import Node, Problems

__all__ = ["NO_WORKSPACE", "inventory_tree", "read_file", "read_inventory"]

NO_WORKSPACE = "create one with `sitecrew init`, or name one with -w DIR"
"""Hint."""


def read_inventory(
    listing: InventoryListing, folder: Path, problems: Problems
) -> tuple[list[InventoryFile], Node | None]:
    """Read and check each file of the inventory, and combine them; no tree if one of them is unreadable."""
    from runner.load.inventory import InventoryFile
    from runner.load.problems import checked
    from runner.load.unsupported import INVENTORY, refuse

    problems.extend(listing.problems)
    trees = _inventory_trees(listing, folder, problems)
    usable = [tree for tree in trees if tree]
    for tree in usable:
        refuse(tree, INVENTORY, problems)
    shapes = [shape for tree in usable if (shape := checked(InventoryFile, tree, problems))]
    complete = len(usable) == len(trees) and not listing.problems
    return shapes, combined(usable, problems) if complete else None


def _inventory_trees(listing: InventoryListing, folder: Path, problems: Problems) -> list[Node | None]:
    """Read the files of the inventory; None for one without usable text."""
    return [
        read_file(file, str(file.relative_to(folder)), folder, problems, needed=True)
        for file in listing.files or (folder / FILE,)
    ]


def inventory_tree(folder: Path) -> Node | None:
    """Return the files of the inventory as one tree with positions; None if one cannot be read."""
    trees = _inventory_trees(list_inventory(folder), folder, [])
    usable = [tree for tree in trees if tree]
    return combined(usable, []) if len(usable) == len(trees) else None


def read_file(
    source: Traversable, shown: str, base: Path, problems: Problems, *, needed: bool
) -> Node | None:
    """Read a file; None if there are problems. If `needed`, it must exist and must not be empty."""
    from runner.load.yamlnodes import read_at_most, read_yaml

    if not needed and not source.is_file():
        return None
    try:
        raw = read_at_most(source)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = NO_WORKSPACE if shown == FILE else ""
        problems.append(Problem(shown, 1, 1, "", f"cannot read the file: {reason}", hint))
        return None
    before = len(problems)
    tree = read_yaml(raw, shown, base, problems)
    if tree is None and needed and len(problems) == before:
        problems.append(Problem(shown, 1, 1, "", "the file is empty", _example(shown)))
    if tree is not None and not isinstance(tree.value, dict):
        problems.append(tree.problem("", "expected a mapping at the top of the file", _example(shown)))
        return None
    return tree


def _example(shown: str) -> str:
    """Hint with the keys that a file has at the top."""
    if shown == FILE or shown.startswith(f"{FOLDER}/"):
        return "it has `hosts:` and `clients:`; `sitecrew init` creates an example"
    return (
        "it has `name:` and `steps:`, with a list below `steps:`"
        if "playbooks/" in shown
        else "like `key: value`"
    )
