"""How something ended. A closed set: an outcome is known, or it is `lost`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from runner.errors import ExitCode
from runner.model.plan import Change, ItemKind

__all__ = ["UNREPEATED", "ChangeOutcome", "Outcome", "State", "StepOutcome", "exit_code", "worst"]

UNREPEATED = "the first trial failed"
"""Begins the reason beside an item that stayed although the trial before had failed."""


class Outcome(StrEnum):
    """From worst to best, in the order in which one decides for a whole run."""

    LOST = "lost"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"
    MISSED = "missed"
    UNDONE = "undone"
    HELD = "held"
    CHANGED = "changed"
    OK = "ok"
    SKIPPED = "skipped"


class State(StrEnum):
    """What is said while there is no outcome yet, and once there is one."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """What became of one planned change, as re-read from the site."""

    item: str
    kind: ItemKind
    from_version: str
    to_version: str
    """What was planned."""
    outcome: Outcome
    why: str = ""
    title: str = ""
    """The item's name as people know it."""
    unverified: str = ""
    """Why nobody could see whether the site is well with it; empty where somebody could."""

    @classmethod
    def of(cls, change: Change, outcome: Outcome, why: str = "") -> Self:
        """How a planned change ended."""
        return cls(
            item=change.item,
            kind=change.kind,
            from_version=change.from_version,
            to_version=change.to_version,
            outcome=outcome,
            why=why,
            title=change.title,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """What became of one step on one site. `seconds` is None where nothing ran."""

    step: str
    outcome: Outcome
    why: str = ""
    seconds: float | None = None
    changes: tuple[ChangeOutcome, ...] = ()
    output: str = ""
    """Cleaned and cut text of the host."""
    trials: int | None = None
    """How often changes were tried together; None for a step that does not try."""
    looks: int | None = None
    """How often the site was looked at from outside for it, whatever number of pages."""


_ORDER = list(Outcome)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome that stands for several; `skipped` where there is none."""
    return min(outcomes, key=_ORDER.index, default=Outcome.SKIPPED)


_EXIT = {
    Outcome.CANCELLED: ExitCode.INTERRUPTED,
    Outcome.LOST: ExitCode.LOST,
    Outcome.FAILED: ExitCode.FAILED,
    Outcome.UNREACHABLE: ExitCode.UNREACHABLE,
    Outcome.MISSED: ExitCode.MISSED,
    Outcome.UNDONE: ExitCode.UNDONE,
}
_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.UNEXPECTED,
    ExitCode.LOST,
    ExitCode.FAILED,
    ExitCode.UNREACHABLE,
    ExitCode.LOCKED,
    ExitCode.MISSED,
    ExitCode.UNDONE,
)


def exit_code(outcomes: Iterable[Outcome], *, locked: bool = False) -> ExitCode:
    """The exit code of a run by its sites' outcomes; `locked` when a site was left to another run."""
    found = {_EXIT[o] for o in outcomes if o in _EXIT} | ({ExitCode.LOCKED} if locked else set())
    return next((code for code in _FIRST if code in found), ExitCode.OK)
