"""What happens in the demo: one chapter each time it is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CHAPTERS", "Chapter", "Expected", "Release", "chapter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version of a plugin that is published before a run."""

    slug: str
    version: str
    more: str = ""
    """PHP at the end of its main file."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How an update of an item ends."""

    site: str
    item: str
    outcome: Literal["changed", "undone", "held"]

    def __str__(self) -> str:
        return f"{self.site}: {self.item} is {self.outcome}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One run of the demo.

    Attributes:
        releases: What is published before the run.
        news: What the user reads before the run, one point each.
        expected: What has to be in the result. Nothing else may be `undone` or fail.
        quiet: Whether nothing may change.
    """

    releases: tuple[Release, ...] = ()
    news: tuple[str, ...]
    expected: tuple[Expected, ...]
    quiet: bool = False


_BROKEN = "\nadd_action( 'admin_init', function () { lantern_register_lightbox(); } );\n"
"""A fatal error wherever WordPress loads its administration, also for the requests of visitors' forms."""
_MAJOR = Expected("acme-shop", "orchard-seo", "held")

CHAPTERS = (
    Chapter(
        releases=(Release(slug="lantern-gallery", version="2.5.0", more=_BROKEN),),
        news=(
            "11 updates are pending: plugins, themes and WordPress.",
            "Lantern Gallery 2.5.0 has a fatal error. It breaks acme-shop.",
            "Orchard SEO 4.0.0 is a major version. The policy holds these.",
        ),
        expected=(
            Expected("acme-shop", "lantern-gallery", "undone"),
            _MAJOR,
            Expected("acme-shop", "core", "changed"),
            Expected("acme-blog", "harbour-forms", "changed"),
            Expected("globex-www", "ferry-landing", "changed"),
        ),
    ),
    Chapter(
        releases=(Release(slug="copper-crumbs", version="0.9.8"),),
        news=(
            "Copper Crumbs 0.9.8 was published. Two sites use the plugin.",
            "Lantern Gallery 2.5.0 broke acme-shop: it is held until there is a newer version.",
            "Orchard SEO 4.0.0 is still held by the policy.",
        ),
        expected=(
            Expected("acme-shop", "copper-crumbs", "changed"),
            Expected("acme-blog", "copper-crumbs", "changed"),
            Expected("acme-shop", "lantern-gallery", "held"),
            _MAJOR,
        ),
    ),
    Chapter(
        releases=(Release(slug="lantern-gallery", version="2.5.1"),),
        news=(
            "Lantern Gallery 2.5.1 was published: it fixes the error, and ends the hold.",
            "Orchard SEO 4.0.0 is still held by the policy.",
        ),
        expected=(Expected("acme-shop", "lantern-gallery", "changed"), _MAJOR),
    ),
    Chapter(
        news=(
            "Nothing was published since the last run: there is nothing to update.",
            "Orchard SEO 4.0.0 is still held by the policy.",
        ),
        expected=(_MAJOR,),
        quiet=True,
    ),
)


def chapter(number: int) -> Chapter:
    """The chapter of that number, from 0; the last one is repeated."""
    return CHAPTERS[min(number, len(CHAPTERS) - 1)]
