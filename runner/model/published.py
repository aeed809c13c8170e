"""Data published by wordpress.org that steps compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.model.facts import CoreOffer

__all__ = ["Asked", "Offers", "Release", "Sums"]


@dataclass(frozen=True, slots=True)
class Sums:
    """The checksums of one version.

    `problem` says why they are unknown. If both are empty, wordpress.org publishes none.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By file, the accepted MD5 sums."""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The newest version of a plugin or theme on wordpress.org."""

    version: str
    package: str
    """An https URL on downloads.wordpress.org."""
    requires_php: str = ""
    requires_wordpress: str = ""
    requires_plugins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """An item to ask wordpress.org about, with the site's own offer for it."""

    kind: str
    """`plugins` or `themes`."""
    file: str
    """Main file of a plugin, or folder of a theme."""
    title: str = ""
    offered: str = ""
    public: bool = False
    """It appears to come from wordpress.org; if that does not know it, it may have been closed."""


@dataclass(frozen=True, slots=True)
class Offers:
    """The answers of wordpress.org about the items that were asked for."""

    known: Mapping[tuple[str, str], Release | None] = field(default_factory=dict)
    """By kind and file; None for an item unknown to wordpress.org; missing if there was no answer."""
    problem: str = ""
    """Why an answer is missing."""
    age: float = 0.0
    """Age in seconds of the oldest answer used."""
    core: Mapping[str, tuple[CoreOffer, ...]] = field(default_factory=dict)
    """WordPress versions offered, by installed version."""
    closed: Mapping[str, str] = field(default_factory=dict)
    """Main files of plugins closed on wordpress.org, each with a sentence that says since when."""
