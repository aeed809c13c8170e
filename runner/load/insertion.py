"""Insertion of new hosts, clients and sites into the text of a file of the inventory.

Comments and the order of the file are kept. The result is parsed again and compared with the text before, so
that nothing else of the inventory can change.
"""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from runner.errors import UsageError
from runner.load.additions import (
    INCOMPLETE,
    NewClient,
    NewHost,
    NewSite,
    client_lines,
    host_lines,
    site_lines,
    yaml_value,
)

__all__ = ["with_additions"]

N = TypeVar("N", NewHost, NewSite)
_Entry: TypeAlias = tuple[str, Callable[[int], list[str]]]
"""A name, and what returns the lines of its entry for an indentation."""


def with_additions(
    text: str,
    *,
    hosts: Sequence[NewHost] = (),
    clients: Sequence[NewClient] = (),
    name: str = "inventory.yaml",
) -> str:
    """Return the text of an inventory with these hosts, clients and sites added. `name` is for messages.

    Incomplete sites are not added a second time. A complete site replaces the comment of an earlier addition.

    Raises:
        UsageError: the place cannot be found, because the file uses `{...}` or aliases there.
    """
    text = _inserted(text, ("hosts",), [_entry(host, host_lines) for host in hosts], name)
    text = _without_notes(text, [site for client in clients for site in client.sites if site.is_complete])
    known = _base(text).get("clients") or {}
    added = []
    for client in clients:
        fresh = tuple(site for site in client.sites if site.is_complete or not _is_noted(text, site))
        if fresh and client.id in known:
            path = ("clients", client.id, "sites")
            text = _inserted(text, path, [_entry(site, site_lines) for site in fresh], name)
        elif fresh:
            added.append((client.id, partial(client_lines, replace(client, sites=fresh))))
    return _inserted(text, ("clients",), added, name)


def _entry(new: N, lines: Callable[[N, int], list[str]]) -> _Entry:
    return new.name, partial(lines, new)


def _is_noted(text: str, site: NewSite) -> bool:
    """Whether the site is in the text as a comment."""
    return any(_note(site) in block for block in _notes(text.splitlines()).values())


def _note(site: NewSite) -> str:
    return f"#   url: {yaml_value(site.url)}" if site.url else f"# {yaml_value(site.name)}:"


def _notes(lines: Sequence[str]) -> dict[int, list[str]]:
    """Return the comments about incomplete sites, without indentation, by the number of the first line."""
    found: dict[int, list[str]] = {}
    start, wanted = -1, ""
    for number, text in enumerate(lines):
        if text.strip() == INCOMPLETE:
            start, wanted = number, f"{text[: text.index('#')]}# "
            found[start] = [text.strip()]
        elif start >= 0 and text.startswith(wanted):
            found[start].append(text.strip())
            wanted = f"{wanted.rstrip()}   "
        else:
            start = -1
    return found


def _without_notes(text: str, sites: Sequence[NewSite]) -> str:
    """Return the text without the comments about these sites."""
    wanted = {_note(site) for site in sites}
    lines = text.splitlines(keepends=True)
    for start, block in reversed(_notes(lines).items()):
        if wanted & set(block):
            del lines[start : start + len(block)]
    return "".join(lines)


def _base(text: str) -> dict[str, Any]:
    """Parse the text without converting any scalar."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    loaded = yaml.load(text, Loader=loader)  # noqa: S506  # builds only text, lists and mappings
    return loaded if isinstance(loaded, dict) else {}


def _inserted(text: str, path: tuple[str, ...], entries: Sequence[_Entry], name: str) -> str:
    """Insert entries at the end of the mapping at `path`, which is created if it does not exist.

    Raises:
        UsageError: the place cannot be found.
    """
    import yaml

    if not entries:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    try:
        opened = _with_open_mapping(text, path)
        at, indent, missing = _place(opened, path)
        lines = [f"{' ' * (indent + 2 * depth)}{key}:" for depth, key in enumerate(missing)]
        lines += [one for _, entry in entries for one in entry(indent + 2 * len(missing))]
        block = "".join(f"{one}{newline}" for one in lines)
        before = opened[:at]
        result = before + (newline if before and not before.endswith("\n") else "") + block + opened[at:]
        wanted = _with_entries(_base(text), path, _base(textwrap.dedent(block)), missing)
        if _without_empty(_base(result)) == _without_empty(wanted):
            return result
    except (yaml.YAMLError, _NoPlaceError):
        pass
    raise UsageError(
        f"cannot insert into {'.'.join(path)} of {name}: it is written with {{...}} or an alias",
        hint="add these lines there yourself:\n" + "\n".join(one for _, entry in entries for one in entry(0)),
    )


def _with_entries(
    tree: dict[str, Any], path: tuple[str, ...], block: dict[str, Any], missing: tuple[str, ...]
) -> dict[str, Any]:
    """Return the content of an inventory with the entries of a block added.

    Raises:
        _NoPlaceError: there is something else at the path, or one of the names exists.
    """
    for key in missing:
        block = block.get(key) or {}
    tree = copy.deepcopy(tree)
    parent = tree
    for key in path:
        parent[key] = parent.get(key) or {}
        parent = parent[key]
        if not isinstance(parent, dict):
            raise _NoPlaceError
    if parent.keys() & block.keys():
        raise _NoPlaceError
    parent.update(block)
    return tree


def _without_empty(value: Any) -> Any:
    """Leave out empty values, which mean the same as missing ones."""
    if isinstance(value, dict):
        return {key: found for key, one in value.items() if (found := _without_empty(one)) not in ("", {})}
    return value


class _NoPlaceError(Exception):
    """The file is written in a way that nothing can be inserted."""


def _with_open_mapping(text: str, path: tuple[str, ...]) -> str:
    """Return the text without a `{}` on the path, so that lines can follow there."""
    for key, value in _pairs(text, path):
        if (
            isinstance(value.value, list)
            and not value.value
            and value.start_mark.index > key.start_mark.index
        ):
            return text[: value.start_mark.index].rstrip(" ") + text[value.end_mark.index :]
    return text


def _place(text: str, path: tuple[str, ...]) -> tuple[int, int, tuple[str, ...]]:
    """Return the position and the indentation of the new lines, and the keys that are missing.

    Raises:
        _NoPlaceError: a mapping on the path is written with `{...}` or is an alias.
    """
    pairs = _pairs(text, path)
    node = _compose(text)
    for key, value in pairs:
        if value.start_mark.index < key.start_mark.index:  # an alias
            raise _NoPlaceError
        if not value.value:
            return _line_end(text, value.end_mark.index), key.start_mark.column + 2, path[len(pairs) :]
        node = value
    if node is None or not node.value:
        return len(text), 0, path
    if not isinstance(node.value[0], tuple) or node.flow_style:
        raise _NoPlaceError
    return _end_of(text, node), node.value[0][0].start_mark.column, path[len(pairs) :]


def _pairs(text: str, path: tuple[str, ...]) -> list[tuple[Any, Any]]:
    """Return the nodes of the keys and values on the path, as far as it exists."""
    import yaml

    node, found = _compose(text), []
    for key in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        pair = next((pair for pair in pairs if pair[0].value == key), None)
        if pair is None:
            break
        found.append(pair)
        node = pair[1]
    return found


def _compose(text: str) -> Any:
    import yaml

    return yaml.compose(text, Loader=yaml.SafeLoader)


def _end_of(text: str, node: Any) -> int:
    """Return the start of the line after the last value of a mapping."""
    while isinstance(node.value, list) and node.value and not node.flow_style:
        last = node.value[-1]
        key, child = last if isinstance(last, tuple) else (None, last)
        if key is not None and child.start_mark.index < key.start_mark.index:  # an alias
            return _line_end(text, key.end_mark.index)
        node = child
    at: int = node.end_mark.index
    is_block = getattr(node, "style", None) in {"|", ">"}
    return at if is_block and text[:at].endswith("\n") else _line_end(text, at)


def _line_end(text: str, at: int) -> int:
    """Return the position after the line break that follows `at`, or the end of the text."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1
