"""One result of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.errors import ExitCode

__all__ = ["Check", "Level"]


class Level(StrEnum):
    """How much a result matters."""

    OK = "ok"
    WARNING = "warning"
    """A run would succeed, but something is to be done or would be held."""
    PROBLEM = "problem"
    """It would make a run fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One result. `code` is OK, or the exit code that a run would have because of it."""

    about: str
    """`controller`, `windows`, or the name of a host or site."""
    finding: str
    code: ExitCode = ExitCode.OK
    hint: str = ""
    holds: bool = False
    """Whether an item would be held because of it."""

    @property
    def level(self) -> Level:
        """How much it matters."""
        if self.code is not ExitCode.OK:
            return Level.PROBLEM
        return Level.WARNING if self.hint or self.holds else Level.OK
