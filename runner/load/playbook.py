"""A playbook file: a title and steps, each one single-key map with the common keys beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

from runner.load import fields as f
from runner.load.fields import EMPTY_LIST, LISTED, D, Shape
from runner.load.nodes import Node, Problems
from runner.load.options import options_of, shape_of
from runner.load.problems import checked
from runner.load.text import closest, joined, quoted
from runner.load.values import described
from runner.model import OnFailure, Playbook, Step

__all__ = ["CommonShape", "Kind", "PlaybookShape", "playbook_of"]


class Kind(Protocol):
    """What is needed of a kind of step: `runner.steps.base.StepKind` has it."""

    @property
    def name(self) -> str:
        """The word in the playbook."""

    @property
    def summary(self) -> str:
        """One sentence."""

    @property
    def options(self) -> type:
        """Frozen dataclass of its options."""

    @property
    def becomes(self) -> bool:
        """Whether `become: true` may stand beside it."""

    def ineffective(self, step: Step) -> Mapping[str, str]:
        """The common keys that have no effect on this step, each with what to do instead."""


class CommonShape(Shape):
    """The keys that may stand beside every kind of step."""

    name: Annotated[f.Line, D("What people read; else the kind.")] = ""
    tags: Annotated[frozenset[f.Tag], LISTED, D("Words to select the step by, with -t.")] = frozenset()
    when: Annotated[f.Selector | None, D("Selector; on other sites the step is skipped.")] = None
    timeout: Annotated[f.Span | None, D("How long the step may take; else limits.step.")] = None
    retries: Annotated[f.Retries, D("How often it is tried again after a failure.")] = 0
    become: Annotated[f.WhetherToBecome, D("Run with root's rights, the way the host says.")] = False
    on_failure: Annotated[OnFailure, f.AfterFailure, D("What a failure means for the steps behind.")] = (
        OnFailure.STOP
    )


class PlaybookShape(Shape):
    """What is to be done."""

    name: Annotated[f.Line, D("Title that people read; else the file's name.")] = ""
    steps: Annotated[list[object], EMPTY_LIST, D("What is done, in order.")]


def playbook_of(node: Node, name: str, kinds: Mapping[str, Kind], problems: Problems) -> Playbook | None:
    """The playbook called `name`, or None when `problems` grew."""
    before = len(problems)
    shape = checked(PlaybookShape, node, problems)
    listed = node.get("steps")
    entries = listed.entries() if listed else []
    if listed and not entries and not isinstance(listed.value, str | dict):
        problems.append(
            node.key_problem("steps", "steps", "a playbook without steps does nothing", "add a step")
        )
    used: dict[str, int] = {}
    steps = [_step(entry, index, kinds, used, problems) for index, entry in enumerate(entries)]
    if shape is None or len(problems) > before:
        return None
    return Playbook(name=name, title=shape.name or name, steps=tuple(step for step in steps if step))


def _step(
    node: Node, index: int, kinds: Mapping[str, Kind], used: dict[str, int], problems: Problems
) -> Step | None:
    path = joined("steps", index)
    if isinstance(node.value, str) and node.value in kinds:
        empty = Node(node.origin, node.line, node.column, None)
        node = Node(node.origin, node.line, node.column, {node.value: empty})
    if not isinstance(node.value, dict):
        found = node.value if isinstance(node.value, str) else ""
        hint = closest(found, kinds) if found else "like `- wordpress.core: {update: minor}`"
        message = f"expected a step, found {quoted(found) if found else described(node.value)}"
        problems.append(node.problem(path, message, hint))
        return None
    before = len(problems)
    beside = {key: child for key, child in node.value.items() if key in CommonShape.model_fields}
    common = checked(
        CommonShape, Node(node.origin, node.line, node.column, beside, node.keys), problems, path
    )
    kind = _kind(node, path, kinds, problems)
    if kind is None or (node.value[kind.name].value is None and _beside(node, kind)):
        return None
    options = options_of(kind.options, node.value[kind.name], problems, joined(path, kind.name))
    if common is not None and common.become and not kind.becomes:
        message = f"{kind.name} works with the account's own rights"
        hint = "take `become` away, and let the host's `user` be the owner of the files"
        problems.append(node.key_problem("become", joined(path, "become"), message, hint))
    if common is None or options is None or len(problems) > before:
        return None
    used[kind.name] = used.get(kind.name, 0) + 1
    number = used[kind.name]
    id_ = kind.name if number == 1 else f"{kind.name}-{number}"
    step = Step(id=id_, kind=kind.name, options=options, **dict(common))
    for key, instead in kind.ineffective(step).items():
        if getattr(step, key):
            message = f"{quoted(key)} has no effect on this step"
            problems.append(node.key_problem(key, joined(path, key), message, instead))
    return step


def _beside(node: Node, kind: Kind) -> list[str]:
    """Options of the kind that stand beside it instead of below."""
    options = {field.alias or name for name, field in shape_of(kind.options).model_fields.items()}
    return [key for key, _ in node.items() if key in options and key not in CommonShape.model_fields]


def _kind(node: Node, path: str, kinds: Mapping[str, Kind], problems: Problems) -> Kind | None:
    """The kind of a step: the one key that is none of the common ones."""
    rest = [key for key, _ in node.items() if key not in CommonShape.model_fields]
    known = [key for key in rest if key in kinds]
    beside = _beside(node, kinds[known[0]]) if known else []
    for key in rest:
        if key in beside:
            message = f"{quoted(key)} belongs to {known[0]} and stands beside it"
            hint = f"indent it further than {known[0]}"
            problems.append(node.key_problem(key, joined(path, key), message, hint))
        elif key not in kinds:
            what = "unknown key" if known else "unknown step"
            hint = closest(key, [*kinds, *CommonShape.model_fields])
            hint = (
                hint if hint.startswith("did") else closest(key, CommonShape.model_fields if known else kinds)
            )
            problems.append(node.key_problem(key, joined(path, key), f"{what} {quoted(key)}", hint))
    for key in known[1:]:
        message = f"a second step, {quoted(key)}, in one entry"
        problems.append(node.key_problem(key, joined(path, key), message, "begin it with a dash of its own"))
    if not rest:
        problems.append(node.problem(path, "names no step", "like `- wordpress.core: {update: minor}`"))
    return kinds[known[0]] if known else None
