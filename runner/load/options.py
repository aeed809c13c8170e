"""A step kind's options: a frozen dataclass of its own, read from YAML with messages in our words."""

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
"""For annotations that are made at run time."""


def options_of(kind: type, node: Node, problems: Problems, path: str) -> object | None:
    """An instance of the options class `kind`, or None when `problems` grew.

    Nothing behind the step means its defaults; a bare text or list means the field marked with
    `metadata={"scalar": ...}`, of which a class has at most one.
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
        made: object = _instance(kind, shape)
    except ValueError as error:
        key = _blamed(kind, shape)
        child = node.get(key)
        place, where = (child, joined(path, key)) if child else (node, path)
        problems.append(place.problem(where, str(error), getattr(error, "hint", "")))
        return None
    return made


def _blamed(kind: type, shape: BaseModel) -> str:
    """The one key without which the options would stand, or the only one; empty where there is none such."""
    given = sorted(shape.model_fields_set)
    names = [name for name in given if _stands(kind, shape, without=name)] or given
    if len(names) != 1:
        return ""
    return type(shape).model_fields[names[0]].alias or names[0]


def _stands(kind: type, shape: BaseModel, *, without: str) -> bool:
    try:
        _instance(kind, shape, without=without)
    except (TypeError, ValueError):
        return False
    return True


@cache
def shape_of(kind: type) -> type[BaseModel]:
    """The pydantic model that reads a dataclass. Field metadata: `alias`, `doc`, `scalar`."""
    hints = get_type_hints(kind)
    members: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        told = Field(alias=field.metadata.get("alias"), description=field.metadata.get("doc"))
        annotation = _ANNOTATED[_read(hints[field.name]), told]
        if field.default is not dataclasses.MISSING:
            members[field.name] = (annotation, field.default)
        elif field.default_factory is not dataclasses.MISSING:
            members[field.name] = (annotation, Field(default_factory=field.default_factory))
        else:
            members[field.name] = (annotation, ...)
    build: Any = create_model
    made: type[BaseModel] = build(kind.__name__, __base__=Shape, __doc__=_summary(kind), **members)
    return made


def _summary(kind: type) -> str | None:
    """The docstring, unless it is the one that `dataclass` writes."""
    text = kind.__doc__ or ""
    return None if text.startswith(f"{kind.__name__}(") else text


def scalar_field(kind: type) -> str | None:
    """The key that a bare value stands for. The mark is `True`, or the field's name."""
    keys = {field.name: str(field.metadata.get("alias") or field.name) for field in dataclasses.fields(kind)}
    for field in dataclasses.fields(kind):
        mark = field.metadata.get("scalar")
        if mark:
            return keys.get(str(mark), keys[field.name])
    return None


def _instance(kind: type, shape: BaseModel, *, without: str = "") -> Any:
    """The dataclass; fields that hold dataclasses of their own were read as models and are made so too."""
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


def _read(annotation: Any) -> Any:
    """The annotation with types that read text and speak our words."""
    origin, args = get_origin(annotation), get_args(annotation)
    scalar = _scalar(annotation)
    read: Any = annotation
    if scalar:
        read = Annotated[annotation, Reads(scalar[0], **scalar[1])]
    elif annotation is SecretRef:
        read = f.Secret
    elif origin is Annotated:
        read = _read(args[0])
    elif origin in {Union, types.UnionType}:
        read = _union(args)
    elif origin is frozenset:
        read = Annotated[frozenset.__class_getitem__(_read(args[0])), LISTED]
    elif origin in {tuple, list, Sequence}:
        read = Annotated[tuple.__class_getitem__((_read(args[0]), ...)), LISTED]
    elif origin in {dict, Mapping}:
        read = Annotated[dict.__class_getitem__((f.Line, _read(args[1]))), f.EMPTY_MAPPING]
    elif dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        read = shape_of(annotation)
    return read


def _scalar(annotation: Any) -> tuple[Callable[[object], object], dict[str, object]] | None:
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return values.choice(annotation), {"enum": [member.value for member in annotation]}
    if get_origin(annotation) is Literal:
        words = [str(word) for word in get_args(annotation)]
        return values.one_of(words), {"enum": words}
    return _SCALARS.get(annotation) if isinstance(annotation, type) else None


def _union(args: tuple[Any, ...]) -> Any:
    """One branch for each shape of value: text, list, mapping, nothing; scalars are tried in order."""
    order = [*_SCALARS]
    words = [arg for arg in args if _scalar(arg)]
    words.sort(key=lambda arg: order.index(arg) if arg in order else -1)
    branches: dict[str, Any] = {}
    alone = {str(word) for arg in words if get_origin(arg) is Literal for word in get_args(arg)}
    if words:
        listed = any(get_origin(arg) in _LISTS for arg in args)
        branches["<text>"] = Annotated[Any, _first_of(words, listed=listed)]
    for arg in args:
        if arg is type(None):
            branches["<nothing>"] = None
        elif get_origin(arg) in _LISTS:
            branches["<list>"] = _ANNOTATED[_read(arg), BeforeValidator(partial(_names_only, alone))]
        elif not _scalar(arg):
            branches["<mapping>"] = _read(arg)
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


def _names_only(alone: Collection[str], value: object) -> object:
    """A list as it stands, unless one of its entries is a word that means something only by itself."""
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, str) and entry in alone:
            raise Wrong(
                f"{quoted(entry)} in a list is taken for a name", f"write it alone, without brackets: {entry}"
            )
    return value


def _first_of(words: list[Any], *, listed: bool = False) -> Reads:
    """A text read by the first of several types that takes it. `listed`: a list might stand there too."""
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
