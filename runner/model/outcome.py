"""How something ended. A closed set: an outcome is known, or it is `lost`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from runner.errors import ExitCode
from runner.model.plan import Change, ItemKind

__all__ = [
    "RESUMABLE",
    "UNREPEATED",
    "ChangeOutcome",
    "Outcome",
    "State",
    "StepOutcome",
    "exit_code",
    "first_code",
    "is_failed",
    "worst",
]

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
    uncertain: bool = False
    """Did not succeed, and was not read to be at `from_version` afterwards."""

    @classmethod
    def of(cls, change: Change, outcome: Outcome, why: str = "", *, uncertain: bool = False) -> Self:
        """How a planned change ended."""
        return cls(
            item=change.item,
            kind=change.kind,
            from_version=change.from_version,
            to_version=change.to_version,
            outcome=outcome,
            why=why,
            title=change.title,
            uncertain=uncertain,
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


@dataclass(frozen=True, slots=True)
class _Meaning:
    code: ExitCode = ExitCode.OK
    """Of a run in which a site ended so."""
    of_undo: ExitCode | None = None
    """Of a run that undoes another one, where that is a different code."""
    resumes: bool = False
    """`resume` has something to do on the site."""
    failed: bool = False
    """The selector `@failed` means it."""


_MEANINGS = {
    Outcome.LOST: _Meaning(ExitCode.LOST, resumes=True, failed=True),
    Outcome.FAILED: _Meaning(ExitCode.FAILED, failed=True),
    Outcome.UNREACHABLE: _Meaning(ExitCode.UNREACHABLE, resumes=True, failed=True),
    Outcome.CANCELLED: _Meaning(ExitCode.INTERRUPTED, resumes=True),
    Outcome.MISSED: _Meaning(ExitCode.MISSED, resumes=True),
    Outcome.UNDONE: _Meaning(ExitCode.UNDONE, of_undo=ExitCode.OK, failed=True),
    Outcome.HELD: _Meaning(),
    Outcome.CHANGED: _Meaning(),
    Outcome.OK: _Meaning(),
    Outcome.SKIPPED: _Meaning(),
}
RESUMABLE = frozenset(outcome for outcome, meaning in _MEANINGS.items() if meaning.resumes)
"""Those after which `resume` has something to do or to find out."""
_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.UNEXPECTED,
    ExitCode.USAGE,
    ExitCode.LOST,
    ExitCode.FAILED,
    ExitCode.UNREACHABLE,
    ExitCode.LOCKED,
    ExitCode.MISSED,
    ExitCode.UNDONE,
    ExitCode.PENDING,
)


def first_code(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code that stands for several."""
    found = set(codes)
    return next((code for code in _FIRST if code in found), ExitCode.OK)


def exit_code(outcomes: Iterable[Outcome], *, locked: bool = False, undo: bool = False) -> ExitCode:
    """The exit code of a run by its sites' outcomes.

    `locked` when a site was left to another run; `undo` for a run that undoes another one.
    """
    codes = {_code(_MEANINGS[outcome], undo=undo) for outcome in outcomes}
    return first_code(codes | ({ExitCode.LOCKED} if locked else set()))


def _code(meaning: _Meaning, *, undo: bool) -> ExitCode:
    return meaning.code if meaning.of_undo is None or not undo else meaning.of_undo


def is_failed(outcome: Outcome | None, *, undo: bool = False) -> bool:
    """Whether `@failed` means a site that ended so in a run, or in one that undoes another one."""
    if outcome is None:
        return False
    meaning = _MEANINGS[outcome]
    return meaning.failed and _code(meaning, undo=undo) is not ExitCode.OK
