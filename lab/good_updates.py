"""Updates that are well and change what a site has: all of them at once are what a good week brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lab.fleet import Fleet

__all__ = ["GOOD_UPDATES", "GoodUpdate", "offer_good_updates"]


def _on(hook: str, code: str) -> str:
    return f"add_action( '{hook}', function () {{ {code} }} );"


def _style(name: str) -> str:
    return _on("wp_enqueue_scripts", f"wp_enqueue_style( '{name}', plugins_url( '{name}.css', __FILE__ ) );")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodUpdate:
    """One item with its code of 1.0 and of 1.1, and the files of both besides."""

    slug: str
    old: str = ""
    new: str = ""
    old_files: Mapping[str, bytes] = field(default_factory=dict)
    new_files: Mapping[str, bytes] = field(default_factory=dict)
    kind: Literal["plugins", "themes"] = "plugins"


GOOD_UPDATES = (
    GoodUpdate(
        slug="brings-files",
        new="foreach ( glob( __DIR__ . '/inc/*.php' ) as $file ) { require $file; }",
        new_files={f"inc/part-{n}.php": f"<?php\nfunction part_{n}() {{}}\n".encode() for n in range(30)},
    ),
    GoodUpdate(slug="brings-css", new=_style("fresh"), new_files={"fresh.css": b"h2 { margin: 1em 0 }"}),
    GoodUpdate(
        slug="adds-options",
        new=_on(
            "init", "for ( $n = 0; $n < 9; $n++ ) { add_option( \"adds_options_$n\", array( 'n' => $n ) ); }"
        ),
    ),
    GoodUpdate(
        slug="notes-in-log",
        new=_on("init", "error_log( 'PHP Notice:  notes-in-log was here in ' . __FILE__ . ' on line 1' );"),
    ),
    GoodUpdate(slug="takes-its-time", new=_on("wp_footer", "usleep( 400000 );")),
    GoodUpdate(
        slug="adds-a-route",
        new=_on(
            "rest_api_init",
            "register_rest_route( 'lab/v1', '/hours', array( 'callback' => function () {"
            " return array( 8, 18 ); }, 'permission_callback' => '__return_true' ) );",
        ),
    ),
    GoodUpdate(
        slug="adds-a-screen",
        new=_on("admin_menu", "add_menu_page( 'Hours', 'Hours', 'read', 'hours', '__return_true' );"),
    ),
    GoodUpdate(
        slug="changes-words",
        old=_on("wp_footer", "echo '<p>Opened in 1998. We bake every day but Monday.</p>';"),
        new=_on("wp_footer", "echo '<p>Closed for holidays until the ninth. See you soon!</p>';"),
    ),
    GoodUpdate(
        slug="plans-cron",
        new=_on(
            "init",
            "if ( ! wp_next_scheduled( 'plans_cron' ) )"
            " { wp_schedule_event( time() + 60, 'hourly', 'plans_cron' ); }",
        )
        + "add_action( 'plans_cron', '__return_true' );",
    ),
    GoodUpdate(
        slug="makes-a-table",
        new=_on(
            "init",
            "global $wpdb; if ( get_option( 'makes_a_table' ) ) { return; }"
            " update_option( 'makes_a_table', 1 );"
            ' $wpdb->query( "CREATE TABLE IF NOT EXISTS {$wpdb->prefix}hours (id INT, said TEXT)" );'
            " $wpdb->insert( $wpdb->prefix . 'hours', array( 'id' => 1, 'said' => '8 to 18' ) );",
        ),
    ),
    GoodUpdate(
        slug="renames-files",
        old=_style("style-1-0") + "require __DIR__ . '/old.php';",
        new=_style("style-1-1") + "require __DIR__ . '/inc/new.php';",
        old_files={"style-1-0.css": b"p { color: #222 }", "old.php": b"<?php\n"},
        new_files={"style-1-1.css": b"p { color: #333 }", "inc/new.php": b"<?php\n"},
    ),
    GoodUpdate(slug="weather-theme", kind="themes", new="add_theme_support( 'custom-logo' );"),
)
"""The last one is the theme that the site shows."""


def offer_good_updates(fleet: Fleet, site: str, url: str = "") -> None:
    """1.0 of each is active on the site, on its sub-site `url` where one is named, and 1.1 is on offer."""
    at = (f"--url={url}",) if url else ()
    for one in GOOD_UPDATES:
        publish = fleet.catalogue.theme if one.kind == "themes" else fleet.catalogue.plugin
        publish(one.slug, "1.0", php=one.old, files=one.old_files)
        fleet.install(site, one.kind, one.slug, "1.0")
        publish(one.slug, "1.1", php=one.new, files=one.new_files)
    plugins = [one.slug for one in GOOD_UPDATES if one.kind == "plugins"]
    fleet.wp(site, "plugin", "activate", *plugins, *at)
    (theme,) = (one.slug for one in GOOD_UPDATES if one.kind == "themes")
    if url:
        fleet.wp(site, "theme", "enable", theme, "--network")
    fleet.wp(site, "theme", "activate", theme, *at)
