"""What our PHP programs say amid all else that a site prints: from a stranger, taken by its shape only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Never, TypeVar

from runner.untrusted import sentence

__all__ = ["marked", "shaped"]

_Kind = TypeVar("_Kind")
_LARGEST = 1 << 63


def marked(text: str, mark: str) -> Iterator[dict[str, Any]]:
    """The objects on the lines that begin with the mark; what cannot be read is passed over."""
    for line in text.split("\n"):
        if line.startswith(f"{mark} {{"):
            try:
                data = json.loads(line.removeprefix(f"{mark} "), parse_constant=_refuse)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict):
                yield data


def shaped(kind: type[_Kind], data: Any, **ready: Any) -> _Kind:
    """A frozen dataclass from plain values, its texts cleaned; `ready` are fields that the caller made.

    Raises:
        ValueError: something is missing, or not of the field's type.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{kind.__name__} is no object")  # noqa: TRY004 - one error for all that is wrong with it
    made: Any = kind
    found = dict(ready)
    for field in fields(made):
        if field.name in data and field.name not in ready:
            found[field.name] = _typed(data[field.name], str(field.type), field.name)
    try:
        return made(**found)  # type: ignore[no-any-return]
    except TypeError as error:
        raise ValueError(f"{kind.__name__} is not whole: {error}") from error


def _typed(value: Any, wanted: str, name: str) -> Any:
    if wanted.endswith(" | None"):
        return None if value is None else _typed(value, wanted.removesuffix(" | None"), name)
    if wanted == "str" and isinstance(value, str):
        return sentence(value)
    if wanted == "bool" and isinstance(value, bool):
        return value
    if wanted == "int" and type(value) is int and abs(value) < _LARGEST:
        return value
    if wanted == "tuple[str, ...]" and isinstance(value, list):
        return tuple(_typed(entry, "str", name) for entry in value)
    raise ValueError(f"{name} is no {wanted}")


def _refuse(word: str) -> Never:
    raise ValueError(f"{word} is no number")
