"""Updates that misbehave, each a genuine zip that the stand-in for wordpress.org offers.

A case publishes a harmless 1.0 and a 1.1 that is not. What is expected of it is the word that an honest tool
must find for it: `undone` (it broke the site and was taken back), `failed` (it did not happen), `held` (not
begun), or `changed` (it is well, however odd).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lab.fleet import Fleet

__all__ = ["CASES", "SLUG", "Case", "prepare"]

SLUG = "weathervane"
_QUIET = "add_action( 'wp_footer', function () { echo '<!-- weathervane -->'; } );"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One update. `php` is the code of 1.1; `more` are further arguments of `Catalogue.plugin`."""

    name: str
    expected: Literal["undone", "failed", "held", "changed"]
    php: str = _QUIET
    old: str = _QUIET
    """The code of 1.0."""
    kind: Literal["plugins", "themes"] = "plugins"
    more: Mapping[str, object] = field(default_factory=dict)
    cut: int = 0
    """Bytes after which the download breaks off."""
    because: str = ""
    """A text that the reason must hold."""


def _on(hook: str, code: str = "weathervane_is_missing();") -> str:
    return f"add_action( '{hook}', function () {{ {code} }} );"


CASES = (
    Case(name="fatal on load", expected="undone", php="weathervane_is_missing();", because="does not start"),
    Case(name="parse error", expected="undone", php="if ( true { echo 1; }", because="does not start"),
    Case(name="fatal on the front only", expected="undone", php=_on("template_redirect"), because="500"),
    Case(name="fatal in wp-admin only", expected="undone", php=_on("admin_init"), because="admin-ajax"),
    Case(
        name="fatal in cron only",
        expected="undone",
        php="if ( defined( 'DOING_CRON' ) && DOING_CRON ) { weathervane_is_missing(); }",
        because="cron",
    ),
    Case(name="fatal in REST only", expected="undone", php=_on("rest_api_init"), because="rest_route"),
    Case(name="white page", expected="undone", php=_on("template_redirect", "exit;"), because="is empty"),
    Case(
        name="stylesheets gone",
        expected="undone",
        php="add_action( 'wp_print_styles', function () { wp_styles()->queue = array(); }, 999 );",
        because="stylesheets",
    ),
    Case(
        name="text gone",
        expected="undone",
        php="add_action( 'template_redirect', function () { ob_start( function ( $page ) {"
        " return preg_replace( '~<body.*</body>~s', '<body><p>Coming soon</p></body>', $page ); } ); } );",
        because="lacks the text",
    ),
    Case(
        name="redirect loop",
        expected="undone",
        php=_on("template_redirect", "wp_redirect( home_url( '/?loop=' . wp_rand() ) ); exit;"),
        because="loop",
    ),
    Case(
        name="redirect elsewhere",
        expected="undone",
        php=_on("template_redirect", "wp_redirect( 'http://127.0.0.1:9/' ); exit;"),
    ),
    Case(
        name="memory exhausted",
        expected="undone",
        php="ini_set( 'memory_limit', '64M' ); $x = ''; while ( true ) { $x .= str_repeat( 'x', 1 << 20 ); }",
        because="memory",
    ),
    Case(
        name="activation hook is fatal",
        expected="changed",
        php="register_activation_hook( __FILE__, function () { weathervane_is_missing(); } );",
    ),
    Case(
        name="noise on the command line",
        expected="changed",
        php="if ( PHP_SAPI === 'cli' ) { echo \"HELLO\\n\"; }",
    ),
    Case(name="noise everywhere", expected="undone", php="echo 'HELLO';", because="JSON"),
    Case(name="version unchanged", expected="failed", more={"version": "1.0", "zip_version": "1.1"}),
    Case(name="zip corrupt", expected="failed", more={"package": b"PK\3\4 this is no zip" * 50}),
    Case(name="zip missing", expected="failed", more={"missing": True}),
    Case(name="download cut in the middle", expected="failed", cut=100),
    Case(name="needs a newer PHP", expected="held", more={"requires_php": "99.0"}),
    Case(name="main file renamed", expected="failed", more={"main": "other-name.php"}),
    Case(
        name="deactivates itself",
        expected="undone",
        php=_on("init", "deactivate_plugins( plugin_basename( __FILE__ ) );").replace(
            "deactivate_plugins", "require_once ABSPATH . 'wp-admin/includes/plugin.php'; deactivate_plugins"
        ),
        because="no longer active",
    ),
    Case(
        name="fatal after the answer",
        expected="undone",
        php=_on(
            "shutdown",
            "if ( function_exists( 'fastcgi_finish_request' ) )"
            " { fastcgi_finish_request(); weathervane_is_missing(); }",
        ),
        because="error log",
    ),
    Case(name="theme is fatal", expected="undone", kind="themes", php="weathervane_is_missing();"),
    Case(name="good", expected="changed"),
)


def prepare(fleet: Fleet, site: str, case: Case) -> None:
    """The site in its first state, with 1.0 active and the case's 1.1 on offer."""
    fleet.catalogue.reset()
    fleet.reset(site)
    if case.kind == "themes":
        fleet.catalogue.theme(SLUG, "1.0")
        fleet.install(site, "themes", SLUG, "1.0")
        fleet.wp(site, "theme", "activate", SLUG)
        fleet.catalogue.theme(SLUG, "1.1", php=case.php)
        return
    fleet.catalogue.plugin(SLUG, "1.0", php=case.old)
    fleet.install(site, "plugins", SLUG, "1.0")
    fleet.wp(site, "plugin", "activate", SLUG)
    more = dict(case.more)
    version = str(more.pop("version", "1.1"))
    fleet.catalogue.plugin(SLUG, version, php=case.php, **more)  # type: ignore[arg-type]
    if case.cut:
        fleet.catalogue.switch(cut={SLUG: case.cut})
