"""What was read from a host's package manager."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SystemFacts", "SystemPackage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackage:
    """A package with something to be said about it; those that are as they should be are not told."""

    name: str
    """With its architecture behind a colon or a dot where that is not the host's own."""
    installed: str
    """Empty for a package that would come along."""
    offered: str
    """Equal to `installed` where an interrupted installation is to be finished."""
    security: bool = False
    """A security fix is among what it brings."""
    origin: str = ""
    """Where the offered version comes from, in the manager's words."""
    kept: str = ""
    """Why the manager would not upgrade it by itself; empty when it would."""
    unfinished: bool = False
    """Its installation was interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """The packages of a host at one instant."""

    manager: str
    """`apt` or `dnf`."""
    root: bool
    """Read with root's rights, without which nothing can be changed."""
    boot: str
    """Changes when the host starts anew."""
    installed: frozenset[str] = frozenset()
    packages: tuple[SystemPackage, ...] = ()
    unasked: str = ""
    """Why not every source could be asked; empty when all answered."""
    reboot: tuple[str, ...] = ()
    """What wants a reboot."""
