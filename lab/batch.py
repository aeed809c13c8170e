"""Many pending updates on one site, some of them bad: what batches are tried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from lab.fleet import Fleet

__all__ = ["DIES", "FATAL", "LAYOUT", "TOGETHER", "prepare_batch", "turn"]

_QUIET = "add_filter( 'the_content', function ( $text ) { return $text; } );"
FATAL = "turnstile_is_missing();"
"""A fatal error as soon as it is loaded: it names its file."""
LAYOUT = (
    "add_action( 'wp_enqueue_scripts',"
    " function () { global $wp_styles; $wp_styles->queue = array(); }, 999 );"
)
"""No stylesheets, and no word of whose fault it is."""


TOGETHER = (
    "add_action( 'wp_loaded', function () { global $turnstiles; $turnstiles = 1 + (int) $turnstiles;"
    " if ( $turnstiles > 1 && ! is_admin() && PHP_SAPI !== 'cli' ) { die(); } } );"
)
"""A white page where two items have it; one alone does nothing."""
DIES = (
    "add_filter( '%s', function ( $reply, $extra ) {"
    " if ( ( $extra['plugin'] ?? '' ) === plugin_basename( __FILE__ ) ) { turnstile_is_missing(); }"
    " return $reply; }, 10, 2 );"
)
"""An old version that ends PHP while it is updated, at a filter of the upgrader."""


def turn(number: int) -> str:
    """The slug of the item of that number."""
    return f"turnstile-{number:02}"


def prepare_batch(
    fleet: Fleet,
    site: str,
    bad: Mapping[int, str],
    *,
    old: Mapping[int, str] | None = None,
    count: int = 20,
    kind: Literal["plugins", "themes"] = "plugins",
) -> tuple[str, ...]:
    """The site in its first state, with so many items at 1.0 and 1.1 on offer; returns their slugs.

    Plugins are active; of themes the last one is.

    Args:
        fleet: where.
        site: its name.
        bad: the code of 1.1 of those that are not plain.
        old: the code of 1.0 of those that are not plain.
        count: of items, numbered from 0.
        kind: of the items.
    """
    fleet.catalogue.reset()
    fleet.reset(site)
    slugs = tuple(turn(number) for number in range(count))
    publish = fleet.catalogue.plugin if kind == "plugins" else fleet.catalogue.theme
    for number, slug in enumerate(slugs):
        publish(slug, "1.0", php=(old or {}).get(number, _QUIET))
        fleet.install(site, kind, slug, "1.0")
        publish(slug, "1.1", php=bad.get(number, _QUIET))
    if kind == "plugins":
        fleet.wp(site, "plugin", "activate", *slugs)
    else:
        fleet.wp(site, "theme", "activate", slugs[-1])
    return slugs
