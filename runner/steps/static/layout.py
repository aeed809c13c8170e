"""Where the parts of a released site lie on its host, and what stands there before a release."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from runner.steps.static.tree import Difference, Tree

__all__ = ["RELEASE", "Layout", "ReleaseOrder", "Standing", "SwitchOrder"]

RELEASE = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-z]{4,16}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a site lie on its host."""

    path: str
    """The link: the site's document root."""

    @classmethod
    def of(cls, path: str) -> Layout:
        """The layout of a site's path."""
        return cls(posixpath.normpath(path))

    @property
    def parent(self) -> str:
        """The folder of the link."""
        return posixpath.dirname(self.path)

    @property
    def room(self) -> str:
        """Name of the folder of releases: `releases` beside a link called `current`, else after the link."""
        name = posixpath.basename(self.path)
        return "releases" if name == "current" else f"{name}.releases"

    @property
    def releases(self) -> str:
        """The folder of releases."""
        return posixpath.join(self.parent, self.room)

    def incoming(self, name: str) -> str:
        """Where a release is gathered; nothing there is ever served."""
        return f".{name}.part"

    def sums(self, name: str) -> str:
        """The file that lists a release's content."""
        return f".{name}.sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands on the host before a release."""

    path: str
    """`link`, `folder`, `nothing` or `other`."""
    target: str = ""
    """Of the link, as it is written."""
    writable: bool = True
    """Whether the link's folder may be written to."""
    summer: bool = True
    """Whether the host has a program for sha256."""
    releases: tuple[str, ...] = ()
    serving: Tree = field(default_factory=dict)
    incoming: Tree = field(default_factory=dict)
    built: Tree = field(default_factory=dict)
    """What a build made on the host."""

    @property
    def release(self) -> str:
        """Name of the release that is served; what else the link leads to by its last part."""
        return posixpath.basename(self.target.rstrip("/")) if self.path == "link" else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOrder:
    """A release that lies whole on the host, to be switched to."""

    name: str
    standing: Standing

    @property
    def adopted(self) -> str:
        """Name of the release that a folder at the link's place becomes."""
        return f"{self.name[:16]}-adopted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOrder(SwitchOrder):
    """A release that is gathered on the host, to be checked, made whole and switched to."""

    files: int
    difference: Difference
