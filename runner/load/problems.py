"""Validation errors of pydantic, converted to problems with positions in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from runner.errors import Problem, ValidationError
from runner.load.nodes import Node, Problems, plain
from runner.load.text import closest, joined, quoted
from runner.load.values import described

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["checked", "flat", "raise_if_any"]

_MOST_SHOWN = 200
"""Mistakes shown per file; the rest is counted."""
_CURLY_QUOTES = tuple("\u201c\u201d\u201e\u00ab\u2018\u2019")
M = TypeVar("M", bound="BaseModel")

_EXPECTED = {
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "frozen_set_type": "a list",
    "set_type": "a list",
}


def checked(model: type[M], node: Node, problems: Problems, path: str = "") -> M | None:
    """Validate a node; None if there are problems. `path` is the path of the node in its file."""
    from pydantic import ValidationError as Refused

    try:
        return model.model_validate(plain(node))
    except Refused as refused:
        errors = refused.errors(include_url=False, include_input=False)
        problems += [_problem(model, node, path, error) for error in errors[:_MOST_SHOWN]]
        if len(errors) > _MOST_SHOWN:
            problems.append(node.problem(path, f"{len(errors) - _MOST_SHOWN} more mistakes are not shown"))
        return None


def raise_if_any(problems: Problems) -> None:
    """Raise all problems, sorted by file, line and column."""
    if problems:
        found = sorted(set(problems))
        if excess := max(0, len(found) - 2 * _MOST_SHOWN):
            more = Problem(found[-1].file, 1, 1, "", f"{excess} more mistakes are not shown")
            found = [*found[: 2 * _MOST_SHOWN], more]
        raise ValidationError(tuple(found))


def _problem(model: type[BaseModel], root: Node, path: str, error: Mapping[str, Any]) -> Problem:
    loc: tuple[str | int, ...] = error["loc"]
    kind: str = error["type"]
    if kind == "extra_forbidden":
        node, inner, rest = _walk(root, loc[:-1])
        key = str(rest[-1] if rest else loc[-1])
        where = joined(path, *inner, key)
        hint = _instead(model, loc[:-1]).get(key) or closest(key, _keys(model, loc[:-1]))
        return node.key_problem(key, where, f"unknown key {quoted(key)}", hint)
    if kind == "missing":
        return _missing(root, path, loc)
    node, inner, rest = _walk(root, loc)
    where = joined(path, *inner)
    cause = error.get("ctx", {}).get("error")
    message, hint = str(cause or error["msg"]), getattr(cause, "hint", "")
    if kind in _EXPECTED:
        message = f"expected {_EXPECTED[kind]}, found {described(node.value)}"
        hint = _likely_key(model, loc) or _shape_hint(kind, node, _keys(model, loc))
    if isinstance(node.value, str) and node.value.startswith(_CURLY_QUOTES):
        hint = "use straight quotes: \" or '"
    if "[key]" in rest and inner:
        parent, above, _ = _walk(root, inner[:-1])
        return parent.key_problem(str(inner[-1]), joined(path, *above, inner[-1]), message, hint)
    return node.problem(where, message, hint)


def _likely_key(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """Hint for a misspelt key that was taken for a name."""
    if not loc:
        return ""
    hint = closest(str(loc[-1]), known := _keys(model, loc[:-1]))
    return hint if hint.startswith("did") and loc[-1] not in known else ""


def _shape_hint(kind: str, node: Node, keys: Sequence[str]) -> str:
    """Hint for a value of the wrong shape."""
    listed = _EXPECTED[kind] == "a list"
    if isinstance(node.value, str):
        return f"its keys: {', '.join(keys)}" if keys else "put it in brackets: [...]" if listed else ""
    if isinstance(node.value, dict):
        return "start each entry with a dash"
    return "write `key: value`, without dashes" if node.value else ""


def _missing(root: Node, path: str, loc: Sequence[str | int]) -> Problem:
    """Report a missing key at the key of its mapping."""
    node, inner, _ = _walk(root, loc[:-1])
    message = f"{quoted(str(loc[-1]))} is missing"
    where = joined(path, *inner, str(loc[-1]))
    hint = f"add `{loc[-1]}:`"
    if inner and isinstance(inner[-1], str):
        parent, _, _ = _walk(root, inner[:-1])
        return parent.key_problem(inner[-1], where, message, hint)
    return node.problem(where, message, hint)


def _walk(root: Node, loc: Sequence[str | int]) -> tuple[Node, tuple[str | int, ...], tuple[str | int, ...]]:
    """Follow `loc` as far as the tree goes; return the node, the parts followed and the parts not found."""
    node = root
    followed: list[str | int] = []
    rest: list[str | int] = []
    for part in loc:
        value = node.value
        if isinstance(value, dict) and part in value:
            node = value[str(part)]
            followed.append(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            node = value[part]
            followed.append(part)
        else:
            rest.append(part)
    return node, tuple(followed), tuple(rest)


def _keys(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that the model allows in the mapping at `loc`."""
    found = _models(model, loc)
    fields = [field for one in found for field in getattr(one, "model_fields", {}).items()]
    return [field.alias or name for name, field in fields]


def _instead(model: type[BaseModel], loc: Sequence[str | int]) -> Mapping[str, str]:
    """The keys of other tools that people write in the mapping at `loc`, with what to write instead."""
    return {key: hint for one in _models(model, loc) for key, hint in getattr(one, "instead", {}).items()}


def _models(model: type[BaseModel], loc: Sequence[str | int]) -> list[Any]:
    """The models and containers that may be at `loc`."""
    current: list[Any] = [model]
    for part in loc:
        if not str(part).startswith("<"):
            current = [inner for outer in current for inner in _below(outer, str(part))]
    return current


def _below(outer: Any, part: str) -> list[Any]:
    """The types allowed below a key of a model, or in a list or mapping."""
    fields = getattr(outer, "model_fields", None)
    if fields is None:
        return flat([arg for arg in get_args(outer) if arg is not Ellipsis][-1])
    named = [field.annotation for name, field in fields.items() if part in {name, field.alias}]
    return [found for annotation in named or [getattr(outer, "extras", None)] for found in flat(annotation)]


def flat(annotation: Any) -> list[Any]:
    """Return the models and containers in an annotation, taken out of unions."""
    if hasattr(annotation, "model_fields"):
        return [annotation]
    if hasattr(annotation, "__metadata__"):
        return flat(get_args(annotation)[0])
    if get_origin(annotation) in {dict, list, tuple, frozenset, Mapping}:
        return [annotation]
    return [found for arg in get_args(annotation) for found in flat(arg)]
