"""An order as JSON text, to be kept beside its run, and back: what comes back equals what went in."""

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
    """An order, or another frozen dataclass, as JSON. Secrets are in it by reference, as everywhere."""
    kind: Any = type(thing)
    return _adapter(kind).dump_json(thing).decode()


def thaw(text: str, *, kinds: Mapping[str, Kind] | None = None) -> Order:
    """The order that was frozen. `kinds` are the registered ones unless given.

    Raises ValueError where the text is no order, or one with a kind of step that is not there any more.
    """
    order: Order = _adapter(Order).validate_json(text)
    if kinds is None:
        from runner.steps import registry

        kinds = registry()
    steps = []
    for step in order.playbook.steps:
        if step.kind not in kinds:
            raise ValueError(f"the order has a step {step.kind} that is not there any more")
        options = _adapter(kinds[step.kind].options).validate_python(step.options, by_name=True)
        steps.append(dataclasses.replace(step, options=options))
    playbook: Playbook = dataclasses.replace(order.playbook, steps=tuple(steps))
    closes = order.closes.astimezone(UTC) if order.closes else None
    return dataclasses.replace(order, playbook=playbook, closes=closes)


def thaw_as(kind: type[T], data: object) -> T:
    """A frozen dataclass from what `freeze` made of it, or from its plain values as `asdict` leaves them."""
    anything: Any = kind
    adapter = _adapter(anything)
    thawed: T = adapter.validate_json(data) if isinstance(data, str) else adapter.validate_python(data)
    return thawed


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
