"""The paths of a site with releases on its host, and the state of the site before a release."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from runner.steps.static.tree import Difference, Tree

__all__ = ["RELEASE", "Layout", "ReleaseOrder", "Standing", "SwitchOrder"]

RELEASE = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-z]{4,16}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a site with releases on its host."""

    path: str
    """The link, which is the site's document root."""

    @classmethod
    def of(cls, path: str) -> Layout:
        """Return the layout for a site's path."""
        return cls(posixpath.normpath(path))

    @property
    def parent(self) -> str:
        """The folder that contains the link."""
        return posixpath.dirname(self.path)

    @property
    def room(self) -> str:
        """Name of the releases folder: `releases` if the link is called `current`, else `LINK.releases`."""
        name = posixpath.basename(self.path)
        return "releases" if name == "current" else f"{name}.releases"

    @property
    def releases(self) -> str:
        """Path of the folder of releases."""
        return posixpath.join(self.parent, self.room)

    def incoming(self, name: str) -> str:
        """Return the name of the folder where a release is assembled; it is never served."""
        return f".{name}.part"

    def sums(self, name: str) -> str:
        """Return the name of the file with a release's checksums."""
        return f".{name}.sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The state of the site on its host before a release."""

    path: str
    """`link`, `folder`, `nothing` or `other`."""
    target: str = ""
    """The target of the link, unresolved."""
    writable: bool = True
    """Whether this login can write to the folder of the link."""
    summer: bool = True
    """Whether the host can compute SHA-256."""
    releases: tuple[str, ...] = ()
    serving: Tree = field(default_factory=dict)
    """The files online."""
    incoming: Tree = field(default_factory=dict)
    """The files of this release from an earlier attempt."""
    built: Tree = field(default_factory=dict)
    """The files that a build produced on the host."""

    @property
    def release(self) -> str:
        """Name of the release online: the last part of the link's target, whatever that is."""
        return posixpath.basename(self.target.rstrip("/")) if self.path == "link" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOrder:
    """An order to switch to a release that is complete on the host."""

    name: str
    standing: Standing

    @property
    def adopted(self) -> str:
        """Name of the release that an existing folder at the site's path becomes."""
        return f"{self.name[:16]}-adopted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder(SwitchOrder):
    """An order to check a release that is assembled on the host, name it and switch to it."""

    files: int
    difference: Difference
