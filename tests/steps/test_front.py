"""Pages requested on the site's own host: real PHP, real web servers on loopback, a minimal WordPress."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lab.certificates import ensure
from runner.model import Host, Seen, Site, SiteKind
from runner.steps.front import Front, FrontWay, front_script, parse_front
from runner.verify.inside import (
    Inside,
    asked_inside,
    inside_of,
    leads_on,
    program_inside,
    programs_inside,
    worse_inside,
)
from tests.verify.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.steps import Script
    from tests.verify.shop import Handler

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="these tests run PHP")

MARK = "0123456789abcdef0123456789abcdef"
HOST = Host(name="web1", address="127.0.0.1")
OWN = (
    b"<html><head><link rel=stylesheet href=http://shop.example/wp-content/a.css></head>"
    b"<body>Add to cart</body></html>"
)
BLOG_HEADER = """<?php
function apply( $name, $value, ...$more ) {
    foreach ( $GLOBALS['wp_filter'][ $name ] ?? array() as $group ) {
        foreach ( $group as $one ) { $value = $one['function']( $value, ...$more ); }
    }
    return $value;
}
require __DIR__ . '/theme.php';
"""


@pytest.fixture
def shop() -> Iterator[Shop]:
    yield from served(Shop())


def served(server: Shop) -> Iterator[Shop]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def site_of(folder: Path, url: str, kind: SiteKind = SiteKind.WORDPRESS) -> Site:
    return Site(name="shop", client="acme", host="web1", url=url, path=str(folder), kind=kind)


def named(shop: Shop, scheme: str = "http") -> str:
    return f"{scheme}://shop.example:{shop.server_address[1]}"


def got(site: Site, *, known: Front | None = None, url: str = "", env: dict[str, str] | None = None) -> Front:
    asked = asked_inside(site, url)
    assert asked is not None
    return ran(front_script(site, HOST, MARK, asked, known=known), env)


def ran(script: Script, env: dict[str, str] | None = None) -> Front:
    said = subprocess.run(
        ["sh"], input=script.text, capture_output=True, text=True, check=False, timeout=60, env=env
    )
    front = parse_front(said.stdout, MARK)
    assert front is not None, said
    return front


def theme(folder: Path, php: str) -> None:
    (folder / "index.php").write_text(
        "<?php define( 'WP_USE_THEMES', true ); require __DIR__ . '/wp-blog-header.php';"
    )
    (folder / "wp-blog-header.php").write_text(BLOG_HEADER)
    (folder / "theme.php").write_text(php)


def test_web_server_is_asked_by_site_name(shop: Shop, tmp_path: Path) -> None:
    hosts: list[str | None] = []

    def page(one: Handler) -> None:
        hosts.append(one.headers["Host"])
        one.answer(200, OWN, **{"X-Served-By": "us"})

    shop.pages["/"] = page
    site = site_of(tmp_path, named(shop))
    front = got(site)
    assert (front.way, front.status, front.body) == (FrontWay.WEB, 200, OWN)
    assert ("x-served-by", "us") in front.headers
    assert set(hosts) == {named(shop).removeprefix("http://")}
    inside = inside_of(site, front, 0.1, known=False)
    assert (inside.seen, inside.check and inside.check.page.healthy) == (True, True)


@pytest.mark.parametrize(
    "page",
    [
        lambda one: one.answer(200, b"<h1>Welcome to nginx!</h1> shop.example"),
        lambda one: one.answer(401, OWN),
        lambda one: one.answer(403, OWN),
        lambda one: one.answer(200, OWN.replace(b"shop.example", b"other.example")),
    ],
)
def test_page_of_another_site_is_rejected(
    shop: Shop, tmp_path: Path, page: Callable[[Handler], None]
) -> None:
    shop.pages["/"] = page
    assert got(site_of(tmp_path, named(shop))).way is FrontWay.NONE


def test_known_page_is_judged_whatever_it_contains(shop: Shop, tmp_path: Path) -> None:
    shop.pages["/"] = lambda one: one.answer(200, OWN)
    site = site_of(tmp_path, named(shop))
    front = got(site)
    before = inside_of(site, front, 0.1, known=False)
    shop.pages["/"] = lambda one: one.answer(500, b"")
    after = inside_of(site, got(site, known=front), 0.1, known=True)
    assert worse_inside(before, after)
    assert "answers 500" in worse_inside(before, after)[0]


def test_redirects_are_followed_only_on_the_site(shop: Shop, tmp_path: Path) -> None:
    shop.pages["/"] = lambda one: one.answer(301, Location=f"{named(shop)}/de/")
    shop.pages["/de/"] = lambda one: one.answer(200, OWN)
    assert got(site_of(tmp_path, named(shop))).url == f"{named(shop)}/de/"
    shop.pages["/de/"] = lambda one: one.answer(
        302, b"wp-content shop.example", Location="http://evil.example/"
    )
    assert shop.requests["/de/"] == 1
    assert got(site_of(tmp_path, named(shop))).way is FrontWay.NONE


def test_certificate_for_another_name_is_rejected(tmp_path: Path) -> None:
    ensure(tmp_path / "tls", "127.0.0.1", "shop.example")
    server = Shop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls/server.pem", tmp_path / "tls/server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.pages["/"] = lambda one: one.answer(200, OWN + b"other.example")
    for _ in served(server):
        port = server.server_address[1]
        trusts = {"PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(tmp_path / "tls/ca.pem")}
        right = site_of(tmp_path, f"https://shop.example:{port}")
        other = site_of(tmp_path, f"https://other.example:{port}")
        assert got(right, env=trusts).way is FrontWay.WEB
        assert got(other, env=trusts).way is FrontWay.NONE
        assert got(right, env={"PATH": "/usr/bin:/bin"}).way is FrontWay.NONE


def test_static_page_is_recognised_by_its_file(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"<html>Gauges</html>")
    site = site_of(tmp_path, named(shop), SiteKind.STATIC)
    shop.pages["/"] = lambda one: one.answer(200, b"<html>Gauges</html>")
    assert got(site).way is FrontWay.WEB
    shop.pages["/"] = lambda one: one.answer(200, b"<html>Welcome</html>")
    assert got(site).way is FrontWay.NONE


def test_wordpress_runs_if_web_server_refuses(shop: Shop, tmp_path: Path) -> None:
    shop.pages["/"] = lambda one: one.answer(401, b"no")
    site = site_of(tmp_path, named(shop))
    theme(tmp_path, "<html><body>Hello <?php echo $_SERVER['HTTP_HOST'], getcwd(); ?></body></html>")
    front = got(site)
    assert (front.way, front.status, front.fatal) == (FrontWay.WORDPRESS, 200, "")
    assert named(shop).removeprefix("http://").encode() in front.body
    assert str(tmp_path).encode() in front.body


def test_wp_admin_runs_if_only_it_is_refused(shop: Shop, tmp_path: Path) -> None:
    shop.pages["/"] = lambda one: one.answer(200, OWN)
    shop.pages["/wp-admin/admin-ajax.php"] = lambda one: one.answer(401, b"no")
    site = site_of(tmp_path, named(shop))
    page = got(site)
    ajax = tmp_path / "wp-admin/admin-ajax.php"
    ajax.parent.mkdir()

    def looked(php: str) -> Inside:
        ajax.write_text(f"<?php {php}")
        (ask, asked), *_ = (one for one in programs_inside(site, "") if one[1].entry)
        front = ran(front_script(site, HOST, MARK, asked, known=page, or_run=True))
        assert front.way is FrontWay.WORDPRESS
        return replace(inside_of(site, page, 0.1, known=False), more=(program_inside(site, ask, front, 0.1),))

    well, broken = looked("http_response_code( 400 ); echo '0';"), looked("missing();")
    assert well.more[0].page.healthy
    assert worse_inside(well, well) == ()
    (first, *_) = worse_inside(well, broken)
    assert "admin-ajax.php" in first
    assert "wp-admin does not work" in first


@pytest.mark.parametrize(
    ("php", "status", "says"),
    [
        ("<html><?php missing();", 500, "undefined function missing"),
        ("<html><?php ob_start(); http_response_code( 404 ); echo 'gone'; exit;", 404, ""),
        (
            "<html><?php ini_set( 'memory_limit', '20M' ); $x = ''; while ( 1 ) { $x .= $x . 'xx'; }",
            500,
            "memory",
        ),
        ("<?php ob_end_clean(); echo 'out of the buffer'; missing();", 500, "missing"),
    ],
)
def test_end_of_php_is_reported(tmp_path: Path, php: str, status: int, says: str) -> None:
    theme(tmp_path, php)
    front = got(site_of(tmp_path, "http://shop.example:9"))
    assert (front.status, says in front.fatal) == (status, True), front


def test_redirect_of_wordpress_is_followed(tmp_path: Path) -> None:
    theme(
        tmp_path,
        "<?php if ( '/' === $_SERVER['REQUEST_URI'] ) { http_response_code( 301 );"
        " apply( 'wp_redirect', 'http://shop.example:9/de/' ); exit; } echo '<html>Willkommen</html>';",
    )
    site = site_of(tmp_path, "http://shop.example:9")
    first = got(site)
    assert (first.status, leads_on(site, first)) == (301, "http://shop.example:9/de/")
    assert got(site, url=leads_on(site, first)).body == b"<html>Willkommen</html>"
    assert leads_on(site, replace(first, headers=(("location", "http://evil.example/"),))) == ""


def test_large_page_is_truncated(tmp_path: Path) -> None:
    theme(tmp_path, "<?php echo str_repeat( 'x', 3 << 20 );")
    front = got(site_of(tmp_path, "http://shop.example:9"))
    assert (len(front.body), front.cut) == (1 << 20, True)


def test_folder_without_wordpress_gives_no_page(tmp_path: Path) -> None:
    assert got(site_of(tmp_path, "http://shop.example:9")).way is FrontWay.NONE


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '{"way": "else"}',
        '{"way": "web", "status": 20}',
        '{"way": "web", "status": 200, "body": "?"}',
    ],
)
def test_malformed_answer_is_ignored(line: str) -> None:
    assert parse_front(f"noise\n{MARK} {line}\n", MARK) is None


def test_command_line_page_counts_only_if_healthy_before() -> None:
    site = Site(name="shop", client="acme", host="web1", url="http://shop.example", path="/srv")
    good = Front(way=FrontWay.WORDPRESS, status=200, body=OWN)
    bad = Front(way=FrontWay.WORDPRESS, status=500, fatal="missing in /srv/a.php")
    assert not inside_of(site, bad, 0.1, known=False).seen
    before, after = inside_of(site, good, 0.1, known=False), inside_of(site, bad, 0.1, known=True)
    assert before.check
    assert before.check.page.seen is Seen.SEEN
    assert any("PHP fatal error: missing" in said for said in worse_inside(before, after))
    assert worse_inside(before, inside_of(site, Front(), 0.1, known=True))
    assert worse_inside(Inside(why="no"), after)
