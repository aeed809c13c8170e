"""Sites that look unhealthy on purpose: each by a plugin of its own, which is updated as others are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.fleet import Fleet

__all__ = ["DESIGNS", "PLUGIN", "Design", "designed", "install_anew", "put_up"]

PLUGIN = "curtain"
_FRONT = """add_action( 'template_redirect', function () {
	if ( is_user_logged_in() ) {
		return;
	}
	%s
} );"""
_SOON = _FRONT % (
    """status_header( 503 );
	header( 'Retry-After: %s' );
	echo '<!DOCTYPE html><html><head><title>Soon</title><link rel="stylesheet" href="'
		. esc_url( includes_url( 'css/buttons.css' ) ) . '"></head><body>'
		. '<h1>We are opening soon</h1><p>%s</p></body></html>';
	exit;"""
)
_DIE = _FRONT % "wp_die( '<h1>Closed</h1><p>%s</p>', '%s', array( 'response' => 503 ) );"
_MEMBERS = (
    _FRONT % "%s"
    + """
add_filter( 'rest_authentication_errors', function ( $found ) {
	return null === $found && ! is_user_logged_in()
		? new WP_Error( 'members_only', 'Members only.', array( 'status' => 401 ) ) : $found;
} );"""
)
_REST_LEADS = """add_action( 'rest_api_init', function () {
	if ( ! is_user_logged_in() ) {
		wp_redirect( home_url( '/' ), %s );
		exit;
	}
}, 0 );"""
_REST_REFUSES = """add_filter( 'rest_authentication_errors', function ( $found ) {
	return null === $found && ! is_user_logged_in()
		? new WP_Error( 'rest_closed', '%s', array( 'status' => 401 ) ) : $found;
} );"""
_REST_EMPTY = """add_action( 'rest_api_init', function () {
	if ( ! is_user_logged_in() ) {
		%s;
	}
}, 0 );"""
_QUOTES = """add_shortcode( 'quotes', function () {
	return '<h2>Error establishing a database connection</h2><p>%s</p>'
		. '<blockquote>There has been a critical error on this website.</blockquote>';
} );"""
_NOTHING = _FRONT % (
    """status_header( 404 );
	nocache_headers();
	echo '<!DOCTYPE html><html><body><p>%s</p></body></html>';
	exit;"""
)
_AWAY = _FRONT % "wp_redirect( 'https://app.example/start', %s );\n\texit;"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One of them."""

    name: str
    php: str = ""
    """The plugin's code."""
    newer: str = ""
    """That of its next version, which does the same in other words."""
    content: str = ""
    """What the front page says besides its own text."""
    nginx: str = ""
    """Lines of the site's server block."""
    status: int = 200
    """Of the front page."""
    rest: bool = True
    """A fatal error of REST can be seen from outside."""


DESIGNS = (
    Design(
        name="soon",
        php=_SOON % (3600, "Our new shop is nearly done. Come back in a few days."),
        newer=_SOON % (86400, "Only a few days are left, and then our new shop opens its doors to you."),
        status=503,
    ),
    Design(
        name="soon by wp_die",
        php=_DIE % ("Our shop opens on Monday. Thank you for waiting.", "Soon"),
        newer=_DIE % ("Our shop opens on Monday at eight. Thank you for your patience with us.", "Opening"),
        status=503,
    ),
    Design(
        name="members",
        php=_MEMBERS % "auth_redirect();",
        newer=_MEMBERS
        % "nocache_headers();\n\twp_safe_redirect( wp_login_url( home_url( '/' ), true ) );\n\texit;",
        status=302,
    ),
    Design(name="REST leads away", php=_REST_LEADS % 302, newer=_REST_LEADS % 301, rest=False),
    Design(
        name="REST refuses",
        php=_REST_REFUSES % "REST is closed.",
        newer=_REST_REFUSES % "Only who is logged in may use REST.",
    ),
    Design(name="REST is empty", php=_REST_EMPTY % "exit", newer=_REST_EMPTY % "die( '' )", rest=False),
    Design(
        name="REST is silent",
        nginx='        if ($args ~ "rest_route=") {\n            return 444;\n        }\n',
        rest=False,
    ),
    Design(
        name="quotes errors",
        php=_QUOTES % "What to do: ask your host.",
        newer=_QUOTES % "What to do when you read this: ask your host whether the database runs.",
        content="[quotes]",
    ),
    Design(
        name="headless, 404",
        php=_NOTHING % "Nothing is here. The shop is elsewhere, in an app.",
        newer=_NOTHING % "Nothing to see here. Our shop is an app: look for it in your store.",
        status=404,
    ),
    Design(name="headless, leads away", php=_AWAY % 302, newer=_AWAY % 301, status=302),
)


def install_anew(fleet: Fleet, site: str, slug: str, version: str) -> None:
    """A version of a plugin, newer than what PHP may have compiled of it: in packages all is of one age."""
    fleet.install(site, "plugins", slug, version)
    for path in (fleet.sites[site].path / "wp-content/plugins" / slug).rglob("*.php"):
        path.touch()


def put_up(fleet: Fleet, site: str, design: Design) -> None:
    """The site, in its first state else, as the design has it; the plugin's next version is not on offer."""
    fleet.catalogue.plugin(PLUGIN, "1.0", php=design.php)
    install_anew(fleet, site, PLUGIN, "1.0")
    fleet.wp(site, "plugin", "activate", PLUGIN)
    if design.content:
        page = fleet.wp(site, "option", "get", "page_on_front").strip()
        text = f"<p>{fleet.sites[site].expect}</p>{design.content}"
        fleet.wp(site, "post", "update", page, f"--post_content={text}")


@contextmanager
def designed(fleet: Fleet, site: str, design: Design) -> Iterator[None]:
    """What the design has before WordPress, for as long as the block lasts."""
    fleet.web.doors[site] = design.nginx
    fleet.web.start_nginx()
    try:
        yield
    finally:
        del fleet.web.doors[site]
        fleet.web.start_nginx()
