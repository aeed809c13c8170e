"""What wordpress.org publishes, as far as steps compare with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.model.facts import CoreOffer

__all__ = ["Asked", "Offers", "Release", "Sums"]


@dataclass(frozen=True, slots=True)
class Sums:
    """The checksums of one version.

    `problem` says why they are not known; without it and without `files`, wordpress.org publishes none.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By file: the MD5 sums that it may have."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The newest version of a plugin or theme, as wordpress.org publishes it."""

    version: str
    package: str
    """An address of downloads.wordpress.org, over https."""
    requires_php: str = ""
    requires_wordpress: str = ""
    requires_plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """An item of a site: what it is, and what the site itself says that is offered for it."""

    kind: str
    """`plugins` or `themes`."""
    file: str
    """Main file of a plugin, folder of a theme."""
    title: str = ""
    offered: str = ""
    public: bool = False
    """It looks like one of wordpress.org's: where that does not know it, it may have been closed."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What wordpress.org publishes for the items that were asked about."""

    known: Mapping[tuple[str, str], Release | None] = field(default_factory=dict)
    """By kind and file; None for an item that wordpress.org does not know; not there: no answer."""
    problem: str = ""
    """Why something was not answered."""
    age: float = 0.0
    """Seconds since the oldest answer that is used."""
    core: Mapping[str, tuple[CoreOffer, ...]] = field(default_factory=dict)
    """Versions of WordPress, by the one that is installed."""
    closed: Mapping[str, str] = field(default_factory=dict)
    """Main files of plugins that wordpress.org has closed, with a sentence that says since when."""
