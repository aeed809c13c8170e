"""A web server that answers like a healthy WordPress, unless a test changes a part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runner.model import Site, StatedPage
from runner.verify import examine, observe
from tests.verify.shop import FAST

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.verify import Signals
    from tests.verify.shop import Handler, Shop

__all__ = ["ERROR", "FEED", "PAGE", "TEXT", "WordPress", "leads", "says"]

TEXT = b"<p>" + b"Bread from rye sour dough, every morning. " * 30 + b"</p>"
PAGE = b"<!DOCTYPE html><html><link rel='stylesheet' href='/a.css?ver=1'><body>" + TEXT + b"</body></html>"
ERROR = b'<html><body id="error-page"><p>Il y a eu une erreur critique sur ce site.</p></body></html>'
FEED = (
    b'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Acme</title></channel></rss>'
)
SITEMAP = b'<?xml version="1.0" encoding="UTF-8"?><sitemapindex></sitemapindex>'


class says:  # noqa: N801 - used as a verb
    """Always sends the same answer, which tests can read."""

    def __init__(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.answer = status, body, headers

    def __call__(self, one: Handler) -> None:
        status, body, headers = self.answer
        one.answer(status, body, **headers)


def leads(to: str) -> Callable[[Handler], object]:
    """Redirect to a path that has `PAGE`."""
    return lambda one: one.answer(200, PAGE) if one.path.startswith(to) else one.answer(302, Location=to)


class WordPress:
    """The parts of the site, each a function that sends an answer."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.site = Site(name="shop", client="acme", host="web1", url=shop.url, path="/srv", pages=("/",))
        self.design: Any = None
        self.page: Callable[[Handler], object] = says(200, PAGE)
        self.missing: Callable[[Handler], object] = says(404, PAGE)
        self.rest: Callable[[Handler], object] = says(200, b'{"name": "Acme"}')
        self.ajax: Callable[[Handler], object] = says(400, b"0")
        self.sheet: Callable[[Handler], object] = says(200, b"p {}")
        self.feed: Callable[[Handler], object] = says(200, FEED)
        self.sitemap: Callable[[Handler], object] = says(200, SITEMAP)
        self.child: Callable[[Handler], object] = says(404)
        self.robots: Callable[[Handler], object] = says(200, b"User-agent: *\n")
        self.cron: Callable[[Handler], object] = says(200, b"")
        self.login: Callable[[Handler], object] | None = None
        shop.pages = self  # type: ignore[assignment]

    def __contains__(self, path: str) -> bool:
        return True

    def get(self, path: str, _: object) -> Callable[[Handler], object]:
        """Return the function that answers for a path."""
        if path.endswith(".css"):
            return self.sheet
        if "/wp-admin/" in path:
            return self.ajax
        if path.startswith("/sitecrew-"):
            return self.missing
        if path == "/wp-login.php" and self.login is not None:
            return self.login
        parts = {"/feed/": self.feed, "/wp-sitemap.xml": self.sitemap, "/robots.txt": self.robots}
        parts["/one.xml"] = self.child
        parts["/wp-cron.php"] = parts["/wp/wp-cron.php"] = self.cron
        if path in parts:
            return parts[path]
        return lambda one: (self.rest if "rest_route" in one.path else self.page)(one)

    def dead(self) -> None:
        """Let everything that PHP generates answer with an error."""
        self.page = self.missing = self.rest = self.ajax = self.feed = self.sitemap = says(500, ERROR)

    def state(self, page: StatedPage) -> None:
        """State the front page in the inventory."""
        self.site = replace(self.site, stated={"/": page})

    def now(self, folder: str = "") -> Signals:
        return observe(self.site, folder=folder, timing=FAST)

    def verdict(self, before: Signals) -> tuple[str, ...]:
        return examine(self.site, before, patience=0.0, timing=replace(FAST, limit=2.0))[1]
