"""Read the lines of our PHP programs from the output of a site: untrusted, so each field is checked.

The site's own PHP runs in the same process as our programs. It can read the mark and print such lines itself,
so every value is checked for its type, size and form before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, Never, TypeAlias, TypeVar

from runner.untrusted import sentence

__all__ = ["Rules", "entries", "marked", "number", "shaped", "texts"]

Rules: TypeAlias = Mapping[str, Callable[[str], str]]
"""By the name of a text field: a function that returns the valid text, or raises ValueError."""

_Kind = TypeVar("_Kind")
_LARGEST = 1 << 63
_LINE = 2 << 20
"""The longest line, in characters; the facts of a network of 1,000 sites take less than half of it."""
_LINES = 20_000
_TEXT = 16 << 20
"""The longest output, in characters; the driver keeps less."""
_DEEPEST = 12
_ENTRIES = 5_000


def marked(text: str, mark: str) -> Iterator[dict[str, Any]]:
    """The JSON objects on the lines that start with the mark; invalid ones are skipped.

    Lines that are too long or too deeply nested are skipped too, and everything after the 20,000th line.
    """
    head, count = f"{mark} {{", 0
    for line in text[:_TEXT].split("\n"):
        if not line.startswith(head) or len(line) > _LINE:
            continue
        if (count := count + 1) > _LINES:
            return
        try:
            data = json.loads(line.removeprefix(f"{mark} "), parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict) and _depth(data) <= _DEEPEST:
            yield data


def texts(value: object) -> str:
    """The value if it is text, cleaned for display; otherwise empty."""
    return sentence(value) if isinstance(value, str) else ""


def number(value: object) -> int:
    """The value if it is a count; otherwise 0."""
    return value if type(value) is int and 0 <= value < _LARGEST else 0


def entries(value: object, limit: int = _ENTRIES) -> list[Any]:
    """The value if it is a list, cut at `limit`; otherwise empty."""
    return value[:limit] if isinstance(value, list) else []


def shaped(kind: type[_Kind], data: Any, rules: Rules | None = None, **ready: Any) -> _Kind:
    """Build a frozen dataclass from plain values, with cleaned texts; `ready` fields are used as they are.

    Raises:
        ValueError: a field is missing, has the wrong type or breaks one of the `rules`.
    """
    rules = rules or {}
    if not isinstance(data, Mapping):
        raise ValueError(f"{kind.__name__} is not an object")  # noqa: TRY004 - one exception for all malformed input
    made: Any = kind
    found = dict(ready)
    for field in fields(made):
        if field.name in data and field.name not in ready:
            value, rule = data[field.name], rules.get(field.name)
            if rule and isinstance(value, str):
                found[field.name] = rule(value)
            else:
                found[field.name] = _typed(value, str(field.type), field.name)
    try:
        return made(**found)  # type: ignore[no-any-return]
    except TypeError as error:
        raise ValueError(f"{kind.__name__} is incomplete: {error}") from error


def _typed(value: Any, wanted: str, name: str) -> Any:
    if wanted.endswith(" | None"):
        return None if value is None else _typed(value, wanted.removesuffix(" | None"), name)
    if wanted == "str" and isinstance(value, str):
        return sentence(value)
    if wanted == "bool" and isinstance(value, bool):
        return value
    if wanted == "int" and type(value) is int and abs(value) < _LARGEST:
        return value
    if wanted == "tuple[int, ...]" and isinstance(value, list) and len(value) <= _ENTRIES:
        return tuple(_typed(entry, "int", name) for entry in value)
    if wanted == "tuple[str, ...]" and isinstance(value, list) and len(value) <= _ENTRIES:
        return tuple(_typed(entry, "str", name) for entry in value)
    raise ValueError(f"{name} is not of type {wanted}")


def _depth(value: object) -> int:
    """How deeply lists and objects are nested, up to the limit."""
    level, found = [value], 0
    while level and found <= _DEEPEST:
        found += 1
        level = [inner for outer in level for inner in _inner(outer) if isinstance(inner, dict | list)]
    return found


def _inner(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse(word: str) -> Never:
    raise ValueError(f"{word} is not a number")
