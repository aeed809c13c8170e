"""The options of a kind of step: read from YAML into the kind's own frozen dataclass."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, Discriminator, Field, Tag, create_model

from runner.load import fields as f
from runner.load import times, values
from runner.load.fields import LISTED, Reads, Shape
from runner.load.nodes import Node, Problems
from runner.load.problems import checked
from runner.load.text import joined, listing, quoted
from runner.load.values import Wrong, described
from runner.model import SecretRef

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["options_of", "scalar_field", "shape_of"]


_ANNOTATED: Any = Annotated
"""For annotations that are built at run time."""


def options_of(kind: type, node: Node, problems: Problems, path: str) -> object | None:
    """Create an instance of the options class `kind`; None if there are problems.

    A step without a value gets the defaults. A bare text or list sets the field that is marked with
    `metadata={"scalar": ...}`; a class has at most one.
    """
    before = len(problems)
    model = shape_of(kind)
    scalar = scalar_field(kind)
    if node.value is None:
        node = Node(node.origin, node.line, node.column, {})
    elif not isinstance(node.value, dict):
        if scalar is None:
            keys = [field.alias or name for name, field in model.model_fields.items()]
            hint = f"its keys: {listing(keys)}" if keys else "it has no options"
            problems.append(node.problem(path, f"expected a mapping, found {described(node.value)}", hint))
            return None
        node = Node(node.origin, node.line, node.column, {scalar: node}, {scalar: (node.line, node.column)})
    shape = checked(model, node, problems, path)
    if shape is None or len(problems) > before:
        return None
    try:
        options: object = _instance(kind, shape)
    except ValueError as error:
        key = _culprit_key(kind, shape)
        child = node.get(key)
        place, where = (child, joined(path, key)) if child else (node, path)
        problems.append(place.problem(where, str(error), getattr(error, "hint", "")))
        return None
    return options


def _culprit_key(kind: type, shape: BaseModel) -> str:
    """The only key given, or the only one whose removal makes the options valid; empty if there is none."""
    given = sorted(shape.model_fields_set)
    names = [name for name in given if _is_valid(kind, shape, without=name)] or given
    if len(names) != 1:
        return ""
    return type(shape).model_fields[names[0]].alias or names[0]


def _is_valid(kind: type, shape: BaseModel, *, without: str) -> bool:
    try:
        _instance(kind, shape, without=without)
    except (TypeError, ValueError):
        return False
    return True


@cache
def shape_of(kind: type) -> type[BaseModel]:
    """Create the pydantic model that reads a dataclass. Field metadata: `alias`, `doc`, `scalar`."""
    hints = get_type_hints(kind)
    members: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        info = Field(alias=field.metadata.get("alias"), description=field.metadata.get("doc"))
        annotation = _ANNOTATED[_parsed_type(hints[field.name]), info]
        if field.default is not dataclasses.MISSING:
            members[field.name] = (annotation, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            members[field.name] = (annotation, Field(default_factory=field.default_factory))
        else:
            members[field.name] = (annotation, ...)
    build: Any = create_model
    shape: type[BaseModel] = build(kind.__name__, __base__=Shape, __doc__=_summary(kind), **members)
    return shape


def _summary(kind: type) -> str | None:
    """The docstring, unless `dataclass` generated it."""
    text = kind.__doc__ or ""
    return None if text.startswith(f"{kind.__name__}(") else text


def scalar_field(kind: type) -> str | None:
    """Return the key that a bare value sets, if any. It is marked with `True` or with a field's name."""
    keys = {field.name: str(field.metadata.get("alias") or field.name) for field in dataclasses.fields(kind)}
    for field in dataclasses.fields(kind):
        mark = field.metadata.get("scalar")
        if mark:
            return keys.get(str(mark), keys[field.name])
    return None


def _instance(kind: type, shape: BaseModel, *, without: str = "") -> Any:
    """Create the dataclass from its model, including nested dataclasses."""
    hints = get_type_hints(kind)
    names = shape.model_fields_set - {without}
    given = {name: _unshaped(hints[name], getattr(shape, name)) for name in names}
    return kind(**given)


def _unshaped(annotation: Any, value: Any) -> Any:
    if isinstance(value, Shape):
        inner = next(t for t in _leaves(annotation) if shape_of(t).__name__ == type(value).__name__)
        return _instance(inner, value)
    if isinstance(value, tuple | list | frozenset):
        return type(value)(_unshaped(annotation, entry) for entry in value)
    if isinstance(value, Mapping):
        return {key: _unshaped(annotation, entry) for key, entry in value.items()}
    return value


def _leaves(annotation: Any) -> list[type]:
    """The dataclasses in an annotation."""
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type) and annotation is not SecretRef:
        return [annotation]
    return [leaf for arg in get_args(annotation) for leaf in _leaves(arg)]


_LISTS = {tuple, list, frozenset, Sequence}
_SCALARS: dict[type, tuple[Callable[[object], object], dict[str, object]]] = {
    bool: (values.boolean, {"type": "boolean"}),
    int: (values.whole(), {"type": "integer"}),
    float: (values.number, {"type": "number"}),
    timedelta: (
        times.duration,
        {"type": "string", "pattern": r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$"},
    ),
    str: (values.text, {"type": "string"}),
}


def _parsed_type(annotation: Any) -> Any:
    """Replace the types in an annotation with types that parse text."""
    origin, args = get_origin(annotation), get_args(annotation)
    scalar = _scalar(annotation)
    parsed: Any = annotation
    if scalar:
        parsed = Annotated[annotation, Reads(scalar[0], **scalar[1])]
    elif annotation is SecretRef:
        parsed = f.Secret
    elif origin is Annotated:
        parsed = _parsed_type(args[0])
    elif origin in {Union, types.UnionType}:
        parsed = _union(args)
    elif origin is frozenset:
        parsed = Annotated[frozenset.__class_getitem__(_parsed_type(args[0])), LISTED]
    elif origin in {tuple, list, Sequence}:
        parsed = Annotated[tuple.__class_getitem__((_parsed_type(args[0]), ...)), LISTED]
    elif origin in {dict, Mapping}:
        parsed = Annotated[dict.__class_getitem__((f.Line, _parsed_type(args[1]))), f.EMPTY_MAPPING]
    elif dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        parsed = shape_of(annotation)
    return parsed


def _scalar(annotation: Any) -> tuple[Callable[[object], object], dict[str, object]] | None:
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return values.choice(annotation), {"enum": [member.value for member in annotation]}
    if get_origin(annotation) is Literal:
        words = [str(word) for word in get_args(annotation)]
        return values.one_of(words), {"enum": words}
    return _SCALARS.get(annotation) if isinstance(annotation, type) else None


def _union(args: tuple[Any, ...]) -> Any:
    """Build a union with a branch per shape: text, list, mapping, null. Scalars are tried in order."""
    order = [*_SCALARS]
    words = [arg for arg in args if _scalar(arg)]
    words.sort(key=lambda arg: order.index(arg) if arg in order else -1)
    branches: dict[str, Any] = {}
    keywords = {str(word) for arg in words if get_origin(arg) is Literal for word in get_args(arg)}
    if words:
        listed = any(get_origin(arg) in _LISTS for arg in args)
        branches["<text>"] = Annotated[Any, _first_of(words, listed=listed)]
    for arg in args:
        if arg is type(None):
            branches["<nothing>"] = None
        elif get_origin(arg) in _LISTS:
            branches["<list>"] = _ANNOTATED[
                _parsed_type(arg), BeforeValidator(partial(_names_only, keywords))
            ]
        elif not _scalar(arg):
            branches["<mapping>"] = _parsed_type(arg)
    if len(branches) == 1:
        return next(iter(branches.values()))
    fallback = "<text>" if words else next(iter(branches))

    def pick(value: object) -> str:
        shape = {type(None): "<nothing>", list: "<list>", dict: "<mapping>", str: "<text>"}.get(
            type(value), ""
        )
        if shape == "<text>" and not words and "<list>" in branches:
            return "<list>"
        return shape if shape in branches else fallback

    tagged = tuple(Annotated[branch, Tag(shape)] for shape, branch in branches.items())
    return Annotated[Union[tagged], Discriminator(pick)]  # noqa: UP007


def _names_only(keywords: Collection[str], value: object) -> object:
    """Refuse a list with a keyword such as `all` in it, which would be taken for a name."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, str) and entry in keywords:
            raise Wrong(
                f"{quoted(entry)} cannot be an entry of a list", f"write it without brackets: {entry}"
            )
    return value


def _first_of(words: list[Any], *, listed: bool = False) -> Reads:
    """Parse a text with the first of several types that accepts it. `listed`: a list is allowed too."""
    readers = [reader for reader, _ in filter(None, map(_scalar, words))]
    schemas = [schema for _, schema in filter(None, map(_scalar, words))]

    def parse(value: object) -> object:
        failed: Wrong | None = None
        for reader in readers:
            try:
                return reader(value)
            except Wrong as wrong:
                failed = wrong if failed is None or len(readers) > 1 else failed
        if failed and listed and not failed.hint:
            failed.hint = f"or a list: [{value}]"
        raise failed or Wrong("expected text")

    return Reads(parse, **(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}))
