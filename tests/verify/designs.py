"""Sites that look unhealthy on purpose, and changes that break them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.verify.wordpress import ERROR, PAGE, TEXT, WordPress, leads, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.verify.shop import Handler

    Change = Callable[[WordPress], None]

SOON = (
    b"<!DOCTYPE html><html><head><link rel='stylesheet' href='/a.css'><title>Soon</title></head><body>"
    b"<h1>We are opening soon</h1><p>Our new shop is nearly done. Come back in a few days, or write to us "
    b"at hello@acme.example: we will tell you when it is there.</p></body></html>"
)
DIE = (
    b'<!DOCTYPE html><html><head><title>Soon</title><link rel="stylesheet" href="/a.css"></head>'
    b'<body id="error-page"><div class="wp-die-message">Our shop opens on Monday. Thank you for waiting '
    b"and see you soon in our new rooms.</div></body></html>"
)
LOGIN = (
    b"<!DOCTYPE html><html><head><link rel='stylesheet' href='/a.css'></head><body class=login>"
    b'<form id="loginform"><label>Username</label><input name="log"><label>Password</label>'
    b'<input name="pwd"><input type="checkbox"><button>Log in</button></form>'
    b"<p>Only members may read here; ask the office for an account.</p></body></html>"
)
QUOTE = PAGE.replace(
    TEXT, b"<h1>Error establishing a database connection</h1><p>What to do: ask your host.</p>"
)
CRITICAL = PAGE.replace(
    TEXT, TEXT + b"<blockquote>There has been a critical error on this website.</blockquote>"
)
ELSEWHERE = "http://127.0.0.1:1"
"""Another origin, to which no request may go."""


def coming_soon(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = says(503, SOON, **{"Retry-After": "3600"})


def wp_die(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = says(503, DIE)


def wp_die_200(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = says(200, DIE)


def members(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = wordpress.feed = leads("/wp-login.php")
    wordpress.login = says(200, LOGIN)


def rest_closed(wordpress: WordPress) -> None:
    wordpress.rest = leads("/wp-login.php")
    wordpress.login = says(200, LOGIN)


def rest_goes_home(wordpress: WordPress) -> None:
    wordpress.rest = lambda one: one.answer(302, Location="/")


def rest_silent(wordpress: WordPress) -> None:
    wordpress.rest = says(200, b"")


def rest_hangs_up(wordpress: WordPress) -> None:
    wordpress.rest = lambda one: one.connection.shutdown(socket.SHUT_RDWR)


def quotes_database(wordpress: WordPress) -> None:
    wordpress.page = says(200, QUOTE)


def quotes_critical(wordpress: WordPress) -> None:
    wordpress.page = says(200, CRITICAL)


def headless_404(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = wordpress.feed = says(
        404, b"<!DOCTYPE html><html><body>Nothing is here. The shop is elsewhere, in an app.</body></html>"
    )


def headless_redirect(wordpress: WordPress) -> None:
    wordpress.page = wordpress.missing = lambda one: one.answer(301, Location="https://app.example/start")


DESIGNS = {
    coming_soon: "/: a coming-soon page (503, Retry-After)",
    wp_die: "/: a coming-soon page (503, wp_die)",
    wp_die_200: "/: a coming-soon page (wp_die, 200)",
    members: "/: members only: redirects to the login page",
    rest_closed: "/?rest_route=/: REST is closed: redirects to /wp-login.php",
    rest_goes_home: "/?rest_route=/: REST is closed: redirects to /",
    rest_silent: "/?rest_route=/: REST is closed: an empty answer",
    rest_hangs_up: "/?rest_route=/: REST is closed: no answer",
    quotes_database: "/: quotes a WordPress error message",
    quotes_critical: "",
    headless_404: "/: headless: answers 404",
    headless_redirect: "/: headless: redirects to another host, app.example",
}


def dead(wordpress: WordPress) -> None:
    wordpress.dead()


def page(answer: Callable[[Handler], object]) -> Change:
    def change(wordpress: WordPress) -> None:
        wordpress.page = answer

    return change


def edited(edit: Callable[[bytes], bytes]) -> Change:
    """Edit the page and keep its status."""

    def change(wordpress: WordPress) -> None:
        part = "login" if wordpress.design is members else "page"
        status, body, headers = getattr(wordpress, part).answer
        setattr(wordpress, part, says(status, edit(body), **headers))

    return change


def ajax(wordpress: WordPress) -> None:
    wordpress.ajax = says(500, ERROR)


def login_gone(wordpress: WordPress) -> None:
    wordpress.login = says(500, ERROR)
    wordpress.page = leads("/wp-login.php")


FATAL = b"<b>Fatal error</b>:  Uncaught Error: no in <b>/srv/a.php</b> on line <b>3</b>"
WARNING = b"<b>Warning</b>:  Undefined variable in <b>/srv/a.php</b> on line <b>3</b>"
ANYWHERE: dict[str, Change] = {
    "500": dead,
    "a white page": page(says(200, b"")),
    "another redirect": page(leads("/elsewhere/")),
    "a broken login": login_gone,
    "wp-admin 500": ajax,
    "the error page of the database": page(
        says(
            500, b"<html><body id=error-page><h1>Error establishing a database connection</h1></body></html>"
        )
    ),
    "another 503": page(says(503, b"<html><h1>Service Unavailable</h1></html>")),
}
IN_PAGES: dict[str, Change] = {
    "a fatal error printed": edited(lambda body: body.replace(b"</body>", FATAL + b"</body>")),
    "no end": edited(lambda body: body.replace(b"</html>", b"")),
    "warnings printed": edited(lambda body: WARNING + body),
    "lost stylesheets": edited(lambda body: body.replace(b"<link", b"<lnk")),
    "lost substance": edited(
        lambda body: (
            b"<!DOCTYPE html><html><link rel='stylesheet' href='/a.css'>"
            + (b'<body id="error-page">' if b"error-page" in body else b"<body>")
            + b"<p>Hm.</p></body></html>"
        )
    ),
}
