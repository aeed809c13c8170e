"""Page caches before a site, set up as the usual guides have them, and the visitors who fill them."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import httpx

from lab.shell import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.fleet import Fleet

__all__ = ["drop_in", "empty", "page_cache", "refresh", "visitors"]

_DROP_IN = """<?php
$page  = isset( $_SERVER['REQUEST_URI'] ) ? $_SERVER['REQUEST_URI'] : '';
$known = preg_grep( '/^(wordpress_logged_in|comment_author)/', array_keys( $_COOKIE ) );
if ( PHP_SAPI !== 'cli' && ! $known && false === strpos( $page, '?' ) && false === strpos( $page, '/wp-' ) ) {
	$kept = WP_CONTENT_DIR . '/cache/' . md5( $page ) . '.html';
	if ( is_file( $kept ) ) {
		readfile( $kept );
		exit;
	}
	ob_start(
		function ( $text ) use ( $kept ) {
			if ( 200 === http_response_code() ) {
				file_put_contents( $kept, $text );
			}
			return $text;
		}
	);
}
"""
"""It keeps pages without a query for visitors whom nobody knows, as most do; empty ones too."""


@contextmanager
def page_cache(fleet: Fleet, site: str) -> Iterator[None]:
    """Pages without a query, for visitors without cookies, are kept for a day."""
    fleet.web.cached.add(site)
    fleet.web.start_nginx()
    try:
        yield
    finally:
        fleet.web.cached.discard(site)
        fleet.web.start_nginx()


def refresh(fleet: Fleet, site: str) -> str:
    """A command that fetches the front page anew into the cache, for want of nginx's commercial purge."""
    return f"curl -sf -o /dev/null -H X-Refresh:1 {fleet.sites[site].url}/"


@contextmanager
def drop_in(fleet: Fleet, site: str) -> Iterator[None]:
    """WordPress's own place for page caches, `advanced-cache.php`, with one that keeps pages for ever."""
    found = fleet.sites[site]
    config, content = found.path / "wp-config.php", found.path / "wp-content"
    before, user = config.read_text(), fleet.spec.user(found.host)
    config.write_text(before.replace("<?php", "<?php define( 'WP_CACHE', true );", 1))
    (content / "advanced-cache.php").write_text(_DROP_IN)
    (content / "cache").mkdir(exist_ok=True)
    run("chown", f"{user}:{user}", content / "advanced-cache.php", content / "cache")
    try:
        yield
    finally:
        config.write_text(before)
        run("rm", "-rf", content / "advanced-cache.php", content / "cache")


def empty(fleet: Fleet, site: str) -> str:
    """A command of the host's user that throws away every page that is kept of the site."""
    if site not in fleet.web.cached:
        return "rm -f wp-content/cache/*.html"
    pages = fleet.web.folder / "pages"
    run("setfacl", "-R", "-m", f"u:{fleet.spec.user(fleet.sites[site].host)}:rwx", pages)
    return f"rm -f {pages}/*"


@contextmanager
def visitors(urls: Sequence[str]) -> Iterator[None]:
    """Somebody asks for each address, again and again: what a cache lacks is kept from then on."""
    over = threading.Event()

    def visit(url: str) -> None:
        with httpx.Client(timeout=20) as client:
            while not over.wait(0.1):
                with suppress(httpx.HTTPError):
                    client.get(url)

    threads = [threading.Thread(target=visit, args=(url,), daemon=True) for url in urls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
