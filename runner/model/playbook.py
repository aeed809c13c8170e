"""What is to be done: a playbook is a list of steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

__all__ = ["OnFailure", "Playbook", "Step"]


class OnFailure(StrEnum):
    """What a failed step means for the steps behind it."""

    STOP = "stop"
    CONTINUE = "continue"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a playbook. `options` is an instance of the step kind's own options class."""

    id: str
    """Unique in the playbook: the kind, with `-2`, `-3` ... from its second use on."""
    kind: str
    """Name in the registry, like `wordpress.plugins`."""
    options: object
    name: str = ""
    tags: frozenset[str] = frozenset()
    when: str | None = None
    """A selector; the step is skipped on sites that it does not match."""
    timeout: timedelta | None = None
    retries: int = 0
    become: bool = False
    on_failure: OnFailure = OnFailure.STOP

    @property
    def title(self) -> str:
        """What a person reads: the given name, else the kind."""
        return self.name or self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A named list of steps. `name` is the file's stem, `title` what its first line says."""

    name: str
    title: str
    steps: tuple[Step, ...]
    start_at: str = ""
    """Id of the step that a run was told to start at; those before it are skipped."""
    stepwise: bool = False
    """Each step is a part of its own, since somebody is asked before each."""
