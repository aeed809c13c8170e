"""One result of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from runner.errors import ExitCode

__all__ = ["Check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One result. `code` is OK, or the exit code that a run would have because of it."""

    about: str
    """`controller`, `windows`, or the name of a host or site."""
    finding: str
    code: ExitCode = ExitCode.OK
    hint: str = ""
