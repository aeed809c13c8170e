"""Settings that earlier versions accepted without effect. Each is reported at its position.

To implement one, add the key to its shape and delete its line here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Problem
from runner.load.layers import variable_of
from runner.load.nodes import Node, Origin, Problems
from runner.load.text import joined, quoted

__all__ = ["INVENTORY", "SETTINGS", "Unsupported", "refuse", "refuse_variables"]

_ANY = "*"
_NOT_SUPPORTED = "is not supported by this version"


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A key, or those of its values that match `values`. `*` in the path matches any name or entry."""

    path: tuple[str, ...]
    instead: str
    """What to do, as a hint."""
    values: str = ""
    """Regular expression for the whole value; empty for the key itself."""


INVENTORY = (
    Unsupported(
        ("clients", _ANY, "report"), "delete it; `sitecrew report CLIENT --period P --send` sends one"
    ),
    Unsupported(("clients", _ANY, "support"), "delete it"),
    Unsupported(("clients", _ANY, "sites", _ANY, "watch"), "delete it; sites are checked around changes"),
    Unsupported(("clients", _ANY, "sites", _ANY, "expires"), "delete it"),
)
SETTINGS = (
    Unsupported(("backups", "store"), "write a folder", r"[a-z][a-z0-9+.-]{1,30}:.*"),
    Unsupported(("backups", "keep"), "delete it; every snapshot is kept"),
    Unsupported(("backups", "password"), "delete it; snapshots are not encrypted"),
    Unsupported(("watch",), "delete it; sites are checked around changes"),
)


def refuse(root: Node, unsupported: tuple[Unsupported, ...], problems: Problems) -> None:
    """Report each of these settings in the tree, and delete it so that it is reported once."""
    for setting in unsupported:
        for found in list(_matches(root, setting, setting.path, ())):
            problems.append(_problem(found, setting))
            _delete(found)


def refuse_variables(environ: Mapping[str, str], base: Path, problems: Problems) -> None:
    """Report each environment variable that sets a key of `SETTINGS` or a key below it."""
    for setting in SETTINGS:
        prefix = variable_of(setting.path)
        for name in environ if not setting.values else ():
            if name == prefix or name.startswith(f"{prefix}_"):
                origin = Origin(f"environment:{name}", base)
                problems.append(
                    origin.problem(1, 1, ".".join(setting.path), f"{name} {_NOT_SUPPORTED}", "unset it")
                )


@dataclass(frozen=True, slots=True)
class _Match:
    parent: Node
    key: str | int
    child: Node
    path: tuple[str | int, ...]


def _matches(
    node: Node, setting: Unsupported, path: tuple[str, ...], passed: tuple[str | int, ...]
) -> Iterator[_Match]:
    """Yield the settings below `node` that match the rest of the path."""
    key, *rest = path
    for name, child in _children(node):
        if key not in (_ANY, name):
            continue
        here = (*passed, name)
        if rest and not (rest == [_ANY] and isinstance(child.value, str)):  # a text counts as a list of one
            yield from _matches(child, setting, tuple(rest), here)
        elif not setting.values or _has_value(child, setting.values):
            yield _Match(node, name, child, here)


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    if isinstance(node.value, dict):
        yield from node.value.items()
    elif isinstance(node.value, list):
        yield from enumerate(node.value)


def _has_value(node: Node, values: str) -> bool:
    return isinstance(node.value, str) and bool(re.fullmatch(values, node.value.strip().lower()))


def _problem(found: _Match, setting: Unsupported) -> Problem:
    path = joined("", *found.path)
    if setting.values:
        message = f"{quoted(str(found.child.value))} {_NOT_SUPPORTED}"
        return found.child.problem(path, message, setting.instead)
    key = str(found.key)
    return found.parent.key_problem(key, path, f"{quoted(key)} {_NOT_SUPPORTED}", setting.instead)


def _delete(found: _Match) -> None:
    """Delete the setting. Because of aliases, it may already be gone."""
    inside = found.parent.value
    if isinstance(inside, dict):
        inside.pop(str(found.key), None)
    elif isinstance(inside, list):
        inside[:] = [child for child in inside if child is not found.child]
