"""What wordpress.org publishes, as far as steps compare with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Sums"]


@dataclass(frozen=True, slots=True)
class Sums:
    """The checksums of one version.

    `problem` says why they are not known; without it and without `files`, wordpress.org publishes none.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By file: the MD5 sums that it may have."""
    problem: str = ""
