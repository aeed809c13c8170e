"""Playbooks and their steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

__all__ = ["OnFailure", "Playbook", "Step"]


class OnFailure(StrEnum):
    """What happens to the following steps when a step fails."""

    STOP = "stop"
    CONTINUE = "continue"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of a playbook. `options` is an instance of the options class of its kind."""

    id: str
    """Unique in the playbook: the kind, with `-2`, `-3` ... from its second use on."""
    kind: str
    """Name in the registry, like `wordpress.plugins`."""
    options: object
    name: str = ""
    tags: frozenset[str] = frozenset()
    when: str | None = None
    """A selector; the step is skipped on sites that do not match."""
    timeout: timedelta | None = None
    retries: int = 0
    become: bool = False
    on_failure: OnFailure = OnFailure.STOP

    @property
    def title(self) -> str:
        """The display name: the given name, else the kind."""
        return self.name or self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A list of steps. `name` is the file name without extension, `title` the display name."""

    name: str
    title: str
    steps: tuple[Step, ...]
    start_at: str = ""
    """Id of the step to start at; the steps before it are skipped."""
    skip_tags: tuple[str, ...] = ()
    """Steps with one of these tags are skipped."""
    stepwise: bool = False
    """Ask before each step, so steps are not combined into jobs."""
