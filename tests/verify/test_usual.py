"""A site that looks unhealthy on purpose: what is usual refuses nothing, what differs is worse."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner.model import Rest, SiteKind, StatedPage
from runner.verify import examine, observe, settle
from tests.verify.wordpress import ERROR, PAGE, TEXT, WordPress, leads, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.verify import Signals
    from tests.verify.shop import Handler, Shop

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
HERE = "http://127.0.0.1:1"
"""Another origin: nothing may be asked there."""


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
    members: "/: members only: leads to the login page",
    rest_closed: "/?rest_route=/: REST is closed: leads to /wp-login.php",
    rest_goes_home: "/?rest_route=/: REST is closed: leads to /",
    rest_silent: "/?rest_route=/: REST is closed: an empty answer",
    rest_hangs_up: "/?rest_route=/: REST is closed: no answer",
    quotes_database: "/: quotes an error message of WordPress",
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
    """The page as it is with other contents, under the same status."""

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
_WITH_PAGES = [coming_soon, wp_die, wp_die_200, members, quotes_database, quotes_critical]
_EVERY = [
    *((design, name, change) for design in DESIGNS for name, change in ANYWHERE.items()),
    *((design, name, change) for design in _WITH_PAGES for name, change in IN_PAGES.items()),
]
# one in six by default, so that each design and each change is among them
CHANGES = [
    pytest.param(*one, marks=[pytest.mark.long] if number % 6 else []) for number, one in enumerate(_EVERY)
]


@pytest.fixture
def wordpress(shop: Shop) -> WordPress:
    return WordPress(shop)


def measure(wordpress: WordPress, *, boots: bool = True) -> Signals:
    first = observe(wordpress.site, limit=2.0, patience=0.0, door=0.0, pause=lambda _: None)
    return settle(wordpress.site, first, boots=boots, limit=2.0, pause=lambda _: None)


def verdict(wordpress: WordPress, before: Signals) -> tuple[str, ...]:
    return examine(wordpress.site, before, limit=2.0, patience=0.0, pause=lambda _: None)[1]


@pytest.mark.parametrize(("design", "said"), DESIGNS.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_what_is_usual_is_named_refuses_nothing_and_is_not_worse_than_itself(
    wordpress: WordPress, design: Change, said: str
) -> None:
    design(wordpress)
    before = measure(wordpress)
    assert (before.findings, before.healthy) == ((), True)
    assert said in str(before.baseline) if said else not before.baseline.pages
    assert verdict(wordpress, before) == ()


@pytest.mark.parametrize(
    ("design", "name", "change"),
    CHANGES,
    ids=lambda one: getattr(one, "__name__", one if isinstance(one, str) else ""),
)
def test_what_differs_from_what_is_usual_is_worse(
    wordpress: WordPress, design: Change, name: str, change: Change
) -> None:
    if design is headless_redirect and name == "a broken login":
        pytest.skip("its visitors never see the login")
    wordpress.design = design
    design(wordpress)
    before = measure(wordpress)
    change(wordpress)
    assert verdict(wordpress, before) != (), name


def test_a_quotation_that_becomes_the_page_of_a_dead_database_is_found(wordpress: WordPress) -> None:
    wordpress.page = says(200, QUOTE)
    before = measure(wordpress)
    wordpress.page = says(
        200, b'<html><body id="error-page"><h1>Error establishing a database connection</h1></body></html>'
    )
    assert verdict(wordpress, before) != ()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (says(500, ERROR), "/: answers 500 where 200 is expected"),
        (says(502, b"Bad Gateway"), "/: answers 502 where 200 is expected"),
        (says(200, b""), "/: is empty"),
        (says(503, b""), "/: answers 503 where 200 is expected"),
        (says(200, PAGE + FATAL), "/: a PHP error is printed on the page"),
        (
            says(200, PAGE.replace(b"</html>", b"") + ERROR + b"faq-troubleshooting"),
            "/: shows the page on which WordPress gives up",
        ),
    ],
)
def test_what_is_broken_is_never_usual(
    wordpress: WordPress, answer: Callable[[Handler], object], found: str
) -> None:
    wordpress.page = answer
    assert found in measure(wordpress).findings


def test_nothing_is_usual_where_wordpress_does_not_start_or_wp_admin_does_not_work(
    wordpress: WordPress,
) -> None:
    coming_soon(wordpress)
    assert measure(wordpress, boots=False).findings
    wordpress.ajax = says(500, ERROR)
    assert measure(wordpress).findings


def test_what_changes_between_two_looks_is_not_usual(wordpress: WordPress) -> None:
    asked = iter(range(1000))
    wordpress.page = lambda one: one.answer(403 + next(asked) % 5, b"<html>Hm</html>")
    assert measure(wordpress).findings


@pytest.mark.parametrize(
    ("design", "stated"),
    [
        (coming_soon, StatedPage(503)),
        (wp_die, StatedPage(503)),
        (wp_die_200, StatedPage(200)),
        (members, StatedPage(None, "/wp-login.php")),
        (quotes_database, StatedPage(200)),
        (headless_404, StatedPage(404)),
        (headless_redirect, StatedPage(None, "https://app.example/start")),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_the_inventory_states_is_no_finding_and_otherwise_is_one(
    wordpress: WordPress, design: Change, stated: StatedPage
) -> None:
    wordpress.state(stated)
    design(wordpress)
    before = measure(wordpress)
    assert not [
        page for page in before.looks if page.page.startswith("/ ") or page.page == "/" if page.findings
    ]
    assert verdict(wordpress, before) == ()
    if stated.status != 200:
        wordpress.page = says(200, PAGE)
        assert any(found.startswith("/: ") for found in measure(wordpress).findings)
    wordpress.page = says(500, ERROR)
    assert verdict(wordpress, before) != ()


@pytest.mark.parametrize("design", [rest_closed, rest_goes_home, rest_silent, rest_hangs_up])
def test_rest_that_is_closed_as_stated_is_no_finding_and_open_is_one(
    wordpress: WordPress, design: Change
) -> None:
    open_rest = wordpress.rest
    wordpress.site = replace(wordpress.site, rest=Rest.CLOSED)
    assert any("REST is open" in finding for finding in wordpress.now().findings)
    design(wordpress)
    before = measure(wordpress)
    assert (before.healthy, before.baseline.pages) == (True, ())
    assert verdict(wordpress, before) == ()
    wordpress.rest = open_rest
    assert verdict(wordpress, before) != ()
    wordpress.rest = says(500, ERROR)
    assert verdict(wordpress, before) != ()


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_another_kind_of_redirect_to_the_same_place_is_not_worse(wordpress: WordPress, status: int) -> None:
    wordpress.page = lambda one: one.answer(302, Location="https://app.example/start")
    before = measure(wordpress)
    wordpress.page = lambda one: one.answer(status, Location="https://app.example/start?utm=1")
    assert verdict(wordpress, before) == ()
    wordpress.page = lambda one: one.answer(status, Location="https://app.example/")
    assert verdict(wordpress, before) != ()


MISSING = says(404, b"<!DOCTYPE html><html><body>Our manuals are below /en/ and /fr/. Ask us.</body></html>")


@pytest.mark.parametrize(
    ("usual", "after", "found"),
    [
        (MISSING, says(404, b""), True),
        (MISSING, says(404, b"<!DOCTYPE html><html><body>404</body></html>"), True),
        (MISSING, says(500, ERROR), True),
        (MISSING, says(200, PAGE), False),
        (MISSING, MISSING, False),
        (leads(f"{HERE}/docs"), leads(f"{HERE}/docs"), False),
        (leads(f"{HERE}/docs"), leads(f"{HERE}/other"), True),
        (leads(f"{HERE}/docs"), says(404, b"gone"), True),
        (leads(f"{HERE}/docs"), says(200, PAGE), True),
    ],
)
def test_a_static_site_is_compared_with_what_is_usual_for_it(
    wordpress: WordPress, usual: Change, after: Change, *, found: bool
) -> None:
    wordpress.site = replace(wordpress.site, kind=SiteKind.STATIC)
    wordpress.page = usual
    before = measure(wordpress)
    assert (before.findings, bool(before.baseline.pages)) == ((), True)
    wordpress.page = after
    assert bool(verdict(wordpress, before)) is found


def test_no_other_host_is_asked_for_what_a_redirect_names(wordpress: WordPress, shop: Shop) -> None:
    asked_before = shop.asked.total()
    wordpress.page = lambda one: one.answer(302, Location=f"{HERE}/secret")
    before = measure(wordpress)
    assert before.findings == ()
    assert shop.asked.total() > asked_before
    wordpress.page = lambda one: one.answer(302, Location="https://other.example/secret")
    assert verdict(wordpress, before) != ()
