"""What keeps strangers out of sites out there: passwords, challenges, firewalls, logins."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.shell import run, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.fleet import Fleet

__all__ = ["DOORS", "PASSWORD", "TOKEN", "USER", "Door", "door", "member_cookie"]

USER, PASSWORD, TOKEN = "care", "lemon tree 17", "let-me-in-8842"
_CHALLENGE = (
    "<!DOCTYPE html><title>Just a moment...</title>"
    "<script src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1'></script>"
)
_ASKS = """        auth_basic "Staging";
        auth_basic_user_file @FOLDER@/doors.htpasswd;
"""
_SOON = (
    "<!DOCTYPE html><html><head><title>Soon</title></head><body><h1>We are opening soon</h1>"
    "<p>Our new shop is nearly done. Come back in a few days.</p></body></html>"
)
_CLOSED_REST = """add_filter( 'rest_authentication_errors', function ( $known ) {
	$shut = new WP_Error( 'shut', 'Members only.', array( 'status' => 401 ) );
	return $known || is_user_logged_in() ? $known : $shut;
} );
"""


@dataclass(frozen=True, slots=True)
class Door:
    """What keeps strangers out of a site."""

    nginx: str = ""
    """Lines of its server block."""
    php: str = ""
    """A must-use plugin."""


def _first(code: str) -> str:
    """Before anything of the theme, for visitors who are not logged in."""
    return (
        "add_action( 'template_redirect', function () {\n"
        f"\tif ( is_user_logged_in() ) {{\n\t\treturn;\n\t}}\n{code}\n}} );\n"
    )


DOORS = {
    "password": Door(_ASKS),
    "password on wp-admin": Door(
        "        location ~ ^/(wp-login\\.php$|wp-admin/) {\n"
        + "".join(f"    {line}\n" for line in _ASKS.splitlines())
        + """            try_files $uri =404;
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_param HTTP_HOST $http_host;
            fastcgi_pass unix:@SOCKET@;
        }
"""
    ),
    "challenge": Door(
        f"""        set $door shut;
        if ($http_x_access_token = "{TOKEN}") {{
            set $door open;
        }}
        if ($door = shut) {{
            return 403 "{_CHALLENGE}";
        }}
"""
    ),
    "query": Door(
        """        if ($args ~ "sitecrew=") {
            return 403 "blocked";
        }
"""
    ),
    "cookie wall": Door(
        f"""        set $door shut;
        if ($cookie_consent = "{TOKEN}") {{
            set $door open;
        }}
        if ($uri = "/consent.html") {{
            set $door open;
        }}
        if ($door = shut) {{
            return 302 /consent.html;
        }}
        location = /consent.html {{
            default_type text/html;
            return 200 "<html><body><h1>Do you agree?</h1><form><button>Yes</button></form></body></html>";
        }}
"""
    ),
    "members": Door(
        php=_first("\twp_safe_redirect( wp_login_url( home_url( '/' ) ) );\n\texit;") + _CLOSED_REST
    ),
    "soon": Door(
        php=_first(f"\tstatus_header( 503 );\n\theader( 'Retry-After: 3600' );\n\techo '{_SOON}';\n\texit;")
    ),
    "soon by wp_die": Door(
        php=_first(
            "\twp_die( '<h1>We are opening soon</h1><p>Our new shop is nearly done.</p>', 'Soon',"
            " array( 'response' => 503 ) );"
        )
    ),
    "headless": Door(
        php="add_action( 'template_redirect', function () {\n\tstatus_header( 404 );\n"
        "\techo '<!DOCTYPE html><html><head><title>Nothing here</title></head><body><p>This address is for"
        " programs.</p></body></html>';\n\texit;\n}, 99 );\n"
    ),
    "headless elsewhere": Door(
        php="add_action( 'template_redirect', function () {\n"
        "\twp_redirect( 'https://app.bakery.example/' );\n\texit;\n}, 99 );\n"
    ),
    "REST closed": Door(php=_CLOSED_REST),
    "XML-RPC closed": Door(
        "        location = /xmlrpc.php {\n            return 403;\n        }\n",
        "add_filter( 'xmlrpc_enabled', '__return_false' );\n",
    ),
    "shell for scripts": Door(
        php="add_action( 'template_redirect', function () {\n"
        '\techo \'<!DOCTYPE html><html><head><title>Shop</title></head><body><div id="app"></div>'
        '<script src="/wp-includes/js/jquery/jquery.min.js"></script></body></html>\';\n\texit;\n}, 99 );\n'
    ),
}
"""By what stands there. "headless" lets hooks of plugins run, as a theme without pages does."""


@contextmanager
def door(fleet: Fleet, site: str, kind: str) -> Iterator[None]:
    """The site behind a door, for as long as the block lasts."""
    found, user = DOORS[kind], fleet.spec.user(fleet.spec.site(site).host)
    plugin = fleet.spec.path(fleet.spec.site(site)) / "wp-content/mu-plugins/door.php"
    if found.nginx:
        write(fleet.web.folder / "doors.htpasswd", f"{USER}:{{PLAIN}}{PASSWORD}\n")
        fleet.web.doors[site] = _lines(fleet, site, found.nginx)
        fleet.web.start_nginx()
    if found.php:
        write(plugin, f"<?php\n{found.php}")
        run("chown", f"{user}:{user}", plugin)
    try:
        yield
    finally:
        plugin.unlink(missing_ok=True)
        if fleet.web.doors.pop(site, None) is not None:
            fleet.web.start_nginx()


def _lines(fleet: Fleet, site: str, text: str) -> str:
    folder: Path = fleet.web.folder
    socket = folder / f"php-{fleet.spec.site(site).host}.sock"
    return text.replace("@FOLDER@", str(folder)).replace("@SOCKET@", str(socket))


def member_cookie(fleet: Fleet, site: str) -> tuple[str, str]:
    """Name and value of the cookie of somebody who is logged in, for a day; a reset site has forgotten it."""
    code = "echo LOGGED_IN_COOKIE, ' ', wp_generate_auth_cookie( 1, time() + DAY_IN_SECONDS, 'logged_in' );"
    name, _, value = fleet.wp(site, "eval", code).strip().partition(" ")
    return name, value
