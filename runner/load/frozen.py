"""Orders as JSON text, as stored with their run. Thawing returns an object equal to the frozen one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from runner.model import Order, Playbook

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from runner.load.playbook import Kind

__all__ = ["freeze", "thaw", "thaw_as"]

T = TypeVar("T")


def freeze(thing: object) -> str:
    """Convert an order or another frozen dataclass to JSON. Secrets are references, never values."""
    kind: Any = type(thing)
    return _adapter(kind).dump_json(thing).decode()


def thaw(text: str, *, kinds: Mapping[str, Kind] | None = None) -> Order:
    """Restore a frozen order. `kinds` defaults to the registered kinds of steps.

    Raises ValueError if the text is not an order, or has a step of a kind that no longer exists.
    """
    order: Order = _adapter(Order).validate_json(text)
    if kinds is None:
        from runner.steps import registry

        kinds = registry()
    steps = []
    for step in order.playbook.steps:
        if step.kind not in kinds:
            raise ValueError(f"the order has a step of the unknown kind {step.kind}")
        options = _adapter(kinds[step.kind].options).validate_python(step.options, by_name=True)
        steps.append(dataclasses.replace(step, options=options))
    playbook: Playbook = dataclasses.replace(order.playbook, steps=tuple(steps))
    closes = order.closes.astimezone(UTC) if order.closes else None
    return dataclasses.replace(order, playbook=playbook, closes=closes)


def thaw_as(kind: type[T], data: object) -> T:
    """Create a frozen dataclass from the JSON of `freeze`, or from plain values as returned by `asdict`."""
    untyped_kind: Any = kind
    adapter = _adapter(untyped_kind)
    thawed: T = adapter.validate_json(data) if isinstance(data, str) else adapter.validate_python(data)
    return thawed


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
