"""A finding of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass

from runner.errors import ExitCode

__all__ = ["Check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at. `code` is OK, or what a run would exit with because of it."""

    about: str
    """`controller`, a host or a site."""
    finding: str
    code: ExitCode = ExitCode.OK
    hint: str = ""
