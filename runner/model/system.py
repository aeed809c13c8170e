"""The facts of a host's package manager."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SystemFacts", "SystemPackage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackage:
    """A package that needs attention; packages that are up to date are left out."""

    name: str
    """With a suffix (colon or dot) for an architecture other than the host's."""
    installed: str
    """Empty for a package that would be installed as a dependency."""
    offered: str
    """Equal to `installed` if an interrupted installation has to be finished."""
    security: bool = False
    """The update contains a security fix."""
    origin: str = ""
    """The source of the offered version, as named by the package manager."""
    kept: str = ""
    """Why the package manager would keep back the update; empty if it would not."""
    unfinished: bool = False
    """Its installation was interrupted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """The packages of a host at one moment."""

    manager: str
    """`apt` or `dnf`."""
    root: bool
    """Whether the facts were read as root; nothing can be changed otherwise."""
    boot: str
    """An id that changes when the host reboots."""
    installed: frozenset[str] = frozenset()
    packages: tuple[SystemPackage, ...] = ()
    unasked: str = ""
    """Why some package sources could not be refreshed; empty if all could."""
    reboot: tuple[str, ...] = ()
    """What requires a reboot."""
