"""Settings from several sources, merged as trees: flag > environment > workspace > user > default.

Each value keeps its origin, so that a mistake is reported at its place and relative paths start at the folder
of their own file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

from runner.errors import UsageError
from runner.load.nodes import Node, Origin
from runner.load.text import closest, quoted
from runner.model import Settings

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = [
    "defaults_layer",
    "environment_layer",
    "flags_layer",
    "merged",
    "unknown_variables",
    "variable_of",
    "variables",
    "with_absolute_paths",
]

_REFERENCE = frozenset({"env", "file", "command"})
_PATH_SETTINGS = (
    ("agency", "logo"),
    ("mail", "ca_file"),
    ("tools", "wp_cli", "file"),
    ("ssh", "known_hosts"),
    ("ssh", "config"),
    ("backups", "store"),
    ("ledger",),
    ("ledger", "url"),
)
_PREFIX = "SITECREW_"
_WORKSPACE = "SITECREW_WORKSPACE"
_OPERATOR = "SITECREW_OPERATOR"
_PLAIN = "SITECREW_PLAIN"
_LAB = "SITECREW_CACHE"
"""Cache folder of the test lab."""


def variables() -> dict[str, tuple[str, ...]]:
    """Return the environment variables that set settings, each with the path of its setting."""
    return {variable_of(path): path for path, _ in _settings()}


def variable_of(path: tuple[str, ...]) -> str:
    """Return the environment variable of the setting at `path`."""
    return f"{_PREFIX}{'_'.join(path).upper()}"


def environment_layer(environ: Mapping[str, str], base: Path) -> Node:
    """Return the settings in the environment. For a secret, the variable is referred to, not read."""
    annotations = dict(_settings())
    root = Node(Origin("environment", base), 1, 1, {})
    for variable, path in variables().items():
        if variable in environ:
            origin = Origin(f"environment:{variable}", base, [f"{variable}={environ[variable]}"])
            value = environ[variable]
            _put(root, path, _leaf(annotations[path], value, variable, origin, len(variable) + 2))
    return root


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each variable that starts like a setting but is unknown."""
    known = {*variables(), _WORKSPACE, _OPERATOR, _PLAIN}
    names = sorted(name for name in environ if name.startswith(_PREFIX) and name not in {*known, _LAB})
    return [f"unknown environment variable {quoted(name)[1:-1]}{_suggestion(name, known)}" for name in names]


def _suggestion(name: str, known: Iterable[str]) -> str:
    hint = closest(name.removeprefix(_PREFIX), (one.removeprefix(_PREFIX) for one in known))
    full = hint.replace('"', f'"{_PREFIX}', 1)
    return f" ({full})" if hint.startswith("did") else ""


def flags_layer(flags: Mapping[str, str], base: Path) -> Node:
    """Return the settings given on the command line, by path: `{"parallel.sites": "10"}`."""
    annotations = dict(_settings())
    root = Node(Origin("command line", base), 1, 1, {})
    for name, value in flags.items():
        path = tuple(name.split("."))
        if path not in annotations:
            hint = closest(name, (".".join(known) for known in annotations))
            raise UsageError(f"unknown setting {quoted(name)}", hint=hint)
        origin = Origin("command line", base, [f"{name}={value}"])
        _put(root, path, _leaf(annotations[path], value, "", origin, len(name) + 2))
    return root


def defaults_layer(base: Path) -> Node:
    """Return the defaults that are paths, which also start at the workspace."""
    default = Settings()
    origin = Origin("default", base)
    root = Node(origin, 1, 1, {})
    for path, value in (
        (("ledger",), default.ledger.url),
        (("backups", "store"), default.backups.store),
        (("ssh", "known_hosts"), default.ssh.known_hosts),
        (("ssh", "config"), default.ssh.config),
    ):
        _put(root, path, Node(origin, 1, 1, value))
    return root


def merged(layers: Iterable[Node]) -> Node:
    """Merge trees key by key; later layers win. A reference to a secret is replaced as a whole."""
    first, *rest = layers
    for layer in rest:
        first = _merge(first, layer)
    return first


def with_absolute_paths(root: Node) -> Node:
    """Make every path in the tree absolute, including the files of secrets."""
    crew = root.get("crew")
    templates = [
        ("crew", "webhooks", name, "template") for name, _ in (crew.below("webhooks") if crew else ())
    ]
    for path in (*_PATH_SETTINGS, *templates):
        node: Node | None = root
        for key in path:
            node = node.get(key) if node else None
        if node and isinstance(node.value, str) and node.value.strip():
            node.value = _absolute(node.value, node.origin.base, ledger=path[0] == "ledger")
    _absolute_references(root)
    return root


def _absolute(value: str, base: Path, *, ledger: bool) -> str:
    if ledger:
        scheme, _, path = value.partition(":///")
        if scheme != "sqlite" or not path or path.startswith(":memory:") or "?" in path:
            return value  # refused when the value is parsed
        return f"{scheme}:///{base / Path(path).expanduser()}"
    return str(base / Path(value).expanduser())


def _absolute_references(node: Node) -> None:
    if isinstance(node.value, dict):
        file = node.value.get("file")
        if file and set(node.value) == {"file"} and isinstance(file.value, str) and file.value.strip():
            file.value = str(file.origin.base / Path(file.value).expanduser())
        for child in node.value.values():
            _absolute_references(child)


def _merge(low: Node, high: Node) -> Node:
    if not isinstance(low.value, dict) or not isinstance(high.value, dict):
        return low if high.value is None else high
    if high.value and set(high.value) <= _REFERENCE:
        return high
    values = dict(low.value)
    for key, child in high.value.items():
        values[key] = _merge(values[key], child) if key in values else child
    return Node(high.origin, high.line, high.column, values, {**low.keys, **high.keys})


def _put(root: Node, path: tuple[str, ...], leaf: Node) -> None:
    node = root
    for key in path[:-1]:
        children = node.value if isinstance(node.value, dict) else {}
        node = children.setdefault(key, Node(leaf.origin, 1, 1, {}))
    if isinstance(node.value, dict):
        node.value[path[-1]] = leaf


def _leaf(annotation: Any, value: str, variable: str, origin: Origin, column: int) -> Node:
    from runner.load.problems import flat

    node = Node(origin, 1, column, value)
    if variable and "SecretRef" in str(annotation):
        return Node(origin, 1, column, {"env": Node(origin, 1, column, variable)})
    if flat(annotation):
        parts = (part.strip() for part in value.split(","))
        return Node(origin, 1, column, [Node(origin, 1, column, part) for part in parts if part])
    return node


def _settings() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every setting that is a single value or a list of texts, with its annotation."""
    from runner.load.settings import SettingsFile

    return _leaves(SettingsFile, ())


def _leaves(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    from runner.load.problems import flat

    for name, field in model.model_fields.items():
        below = (*path, field.alias or name)
        models = [found for found in flat(field.annotation) if hasattr(found, "model_fields")]
        if models:
            yield from _leaves(models[0], below)
        elif not any(get_origin(found) is dict for found in flat(field.annotation)):
            yield below, field.annotation
