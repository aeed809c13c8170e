"""One result of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from runner.errors import ExitCode
from runner.model import CheckLevel

__all__ = ["Check"]


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
    def level(self) -> CheckLevel:
        """How much it matters."""
        if self.code is not ExitCode.OK:
            return CheckLevel.PROBLEM
        return CheckLevel.WARNING if self.hint or self.holds else CheckLevel.OK
