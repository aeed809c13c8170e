"""A playbook file: a title and steps. Each step is a mapping with the key of its kind and the common keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

from runner.load import fields as f
from runner.load.fields import EMPTY_LIST, LISTED, D, Shape
from runner.load.habits import PLAYBOOK_KEYS, STEP_KEYS, STEPS
from runner.load.nodes import Node, Problems
from runner.load.options import options_of, shape_of
from runner.load.problems import checked
from runner.load.text import closest, joined, quoted
from runner.load.values import described
from runner.model import OnFailure, Playbook, Step

__all__ = ["CommonShape", "Kind", "PlaybookShape", "playbook_of"]


class Kind(Protocol):
    """The parts of `runner.steps.base.StepKind` that are needed here."""

    @property
    def name(self) -> str:
        """The key in the playbook."""

    @property
    def summary(self) -> str:
        """One sentence."""

    @property
    def options(self) -> type:
        """Frozen dataclass of its options."""

    @property
    def becomes(self) -> bool:
        """Whether `become: true` is allowed."""

    def ineffective(self, step: Step) -> Mapping[str, str]:
        """Return the common keys that have no effect on this step, each with what to do instead."""


class CommonShape(Shape):
    """The keys that every step can have."""

    name: Annotated[f.Line, D("Display name; by default the kind.")] = ""
    tags: Annotated[frozenset[f.Tag], LISTED, D("Tags to select the step with -t.")] = frozenset()
    when: Annotated[f.Selector | None, D("Selector; the step is skipped on other sites.")] = None
    timeout: Annotated[f.Span | None, D("Timeout of the step; by default limits.step.")] = None
    retries: Annotated[f.Retries, D("How often to retry after a failure.")] = 0
    become: Annotated[f.StepBecome, D("Run as root, using the host's `become`.")] = False
    on_failure: Annotated[OnFailure, f.AfterFailure, D("Whether the next steps run after a failure.")] = (
        OnFailure.STOP
    )


class PlaybookShape(Shape):
    """A list of steps to run."""

    instead = PLAYBOOK_KEYS

    name: Annotated[f.Line, D("Display name; by default the file's name.")] = ""
    steps: Annotated[list[object], EMPTY_LIST, D("Steps to run, in order.")]


def playbook_of(node: Node, name: str, kinds: Mapping[str, Kind], problems: Problems) -> Playbook | None:
    """Create the playbook `name`; None if there are problems."""
    before = len(problems)
    shape = checked(PlaybookShape, node, problems)
    listed = node.get("steps")
    entries = listed.entries() if listed else []
    if listed and not entries and not isinstance(listed.value, str | dict):
        problems.append(node.key_problem("steps", "steps", "the playbook has no steps", "add a step"))
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
    common_keys = {key: child for key, child in node.value.items() if key in CommonShape.model_fields}
    common = checked(
        CommonShape, Node(node.origin, node.line, node.column, common_keys, node.keys), problems, path
    )
    kind = _kind(node, path, kinds, problems)
    if kind is None or (node.value[kind.name].value is None and _misplaced_options(node, kind)):
        return None
    options = options_of(kind.options, node.value[kind.name], problems, joined(path, kind.name))
    if common is not None and common.become and not kind.becomes:
        message = f"{kind.name} cannot run as root"
        hint = "remove `become`, and set the host's `user` to the owner of the files"
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


def _misplaced_options(node: Node, kind: Kind) -> list[str]:
    """Options of the kind that are written next to it instead of below it."""
    options = {field.alias or name for name, field in shape_of(kind.options).model_fields.items()}
    return [key for key, _ in node.items() if key in options and key not in CommonShape.model_fields]


def _hint(key: str, kinds: Mapping[str, Kind], *, known: bool) -> str:
    """What to write instead of an unknown key; `known` says whether the kind of its step is."""
    instead = STEP_KEYS.get(key) or STEPS.get(key.rpartition(".")[2])
    if instead:
        return instead
    hint = closest(key, [*kinds, *CommonShape.model_fields])
    return hint if hint.startswith("did") else closest(key, CommonShape.model_fields if known else kinds)


def _kind(node: Node, path: str, kinds: Mapping[str, Kind], problems: Problems) -> Kind | None:
    """The kind of a step: the one key that is not a common key."""
    rest = [key for key, _ in node.items() if key not in CommonShape.model_fields]
    known = [key for key in rest if key in kinds]
    misplaced = _misplaced_options(node, kinds[known[0]]) if known else []
    for key in rest:
        if key in misplaced:
            message = f"{quoted(key)} is an option of {known[0]}"
            hint = f"indent it further than {known[0]}"
            problems.append(node.key_problem(key, joined(path, key), message, hint))
        elif key not in kinds:
            what = "unknown key" if known or key in STEP_KEYS else "unknown step"
            hint = _hint(key, kinds, known=bool(known))
            problems.append(node.key_problem(key, joined(path, key), f"{what} {quoted(key)}", hint))
    for key in known[1:]:
        message = f"a second step, {quoted(key)}, in one entry"
        problems.append(node.key_problem(key, joined(path, key), message, "start it with its own dash"))
    if not rest:
        problems.append(node.problem(path, "expected a step", "like `- wordpress.core: {update: minor}`"))
    return kinds[known[0]] if known else None
