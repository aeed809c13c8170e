"""How long a playbook takes on a site."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Basis", "Estimate"]


class Basis(StrEnum):
    """What an estimate is based on."""

    SITE = "site"
    """Earlier runs of the playbook on the site."""
    PLAYBOOK = "playbook"
    """Runs of the playbook on other sites of the same kind."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The time that must be left in a window when a site is started."""

    seconds: float
    """The work and the reserve."""
    reserve: float
    """Seconds before the close from which changes in progress are rolled back."""
    basis: Basis = Basis.DEFAULT
    runs: int = 0
    """Number of runs that it is based on."""
