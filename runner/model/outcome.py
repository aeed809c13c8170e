"""Outcomes. The set is closed: the outcome is known, or it is `lost`."""

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
"""Start of the reason of an item that was kept although its first trial had failed. Stored in ledgers."""


class Outcome(StrEnum):
    """How a change, step, site or run ended, from worst to best. The worst one decides for the whole."""

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

    @property
    def is_failure(self) -> bool:
        """Whether the selector `@failed` includes it. For a run that undoes another, ask `is_failed`."""
        return _MEANINGS[self].failed

    @property
    def is_resumable(self) -> bool:
        """Whether `resume` has something left to do or to find out."""
        return _MEANINGS[self].resumes

    @property
    def is_final(self) -> bool:
        """Whether it is known how it ended, with nothing left for `resume`."""
        return not self.is_resumable

    @property
    def is_success(self) -> bool:
        """Whether everything went as planned, including what was held or skipped."""
        return self.is_final and not self.is_failure


class State(StrEnum):
    """The state of a run or site, before and after it has an outcome."""

    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOutcome:
    """How one planned change ended, as read from the site afterwards."""

    item: str
    kind: ItemKind
    from_version: str
    to_version: str
    """The planned version."""
    outcome: Outcome
    why: str = ""
    title: str = ""
    """The item's display name."""
    unverified: str = ""
    """Why no health check could verify the change; empty if one did."""
    uncertain: bool = False
    """Not successful, and not confirmed to be at `from_version` afterwards."""

    @classmethod
    def of(cls, change: Change, outcome: Outcome, why: str = "", *, uncertain: bool = False) -> Self:
        """Create the outcome of a planned change."""
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
    """How one step ended on one site. `seconds` is None if nothing ran."""

    step: str
    outcome: Outcome
    why: str = ""
    seconds: float | None = None
    changes: tuple[ChangeOutcome, ...] = ()
    output: str = ""
    """Output from the host, cleaned and shortened."""
    trials: int | None = None
    """Number of trials; None for a step without transactions."""
    looks: int | None = None
    """Number of health checks, each of all pages."""


_ORDER = list(Outcome)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst outcome; `skipped` if there are none."""
    return min(outcomes, key=_ORDER.index, default=Outcome.SKIPPED)


@dataclass(frozen=True, slots=True)
class _Meaning:
    code: ExitCode = ExitCode.OK
    """Exit code of a run in which a site has this outcome."""
    of_undo: ExitCode | None = None
    """Exit code of a run that undoes another, if different."""
    resumes: bool = False
    """`resume` has something left to do on the site."""
    failed: bool = False
    """The selector `@failed` includes the site."""


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
RESUMABLE = frozenset(outcome for outcome in Outcome if outcome.is_resumable)
"""The outcomes that are `is_resumable`, for database queries."""
_PRECEDENCE = (
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
    """Return the exit code that takes precedence."""
    given = set(codes)
    return next((code for code in _PRECEDENCE if code in given), ExitCode.OK)


def exit_code(outcomes: Iterable[Outcome], *, locked: bool = False, undo: bool = False) -> ExitCode:
    """Return the exit code of a run from its sites' outcomes.

    `locked`: a site was skipped because another run had locked it. `undo`: the run undoes another.
    """
    codes = {_code(_MEANINGS[outcome], undo=undo) for outcome in outcomes}
    return first_code(codes | ({ExitCode.LOCKED} if locked else set()))


def _code(meaning: _Meaning, *, undo: bool) -> ExitCode:
    return meaning.code if meaning.of_undo is None or not undo else meaning.of_undo


def is_failed(outcome: Outcome | None, *, undo: bool = False) -> bool:
    """Whether the selector `@failed` includes a site with this outcome. `undo`: the run undoes another."""
    if outcome is None:
        return False
    meaning = _MEANINGS[outcome]
    return meaning.failed and _code(meaning, undo=undo) is not ExitCode.OK
