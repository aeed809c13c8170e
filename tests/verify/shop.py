"""A web server whose pages the tests define."""

from __future__ import annotations

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from runner.verify import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FAST", "PAGE", "Handler", "Shop"]

FAST = Timing(limit=5.0, patience=0.0, pause=lambda _: None)
"""Without retries."""

PAGE = b"<html><link rel=stylesheet href=a><body>Add to cart</body></html>"


class Shop(ThreadingHTTPServer):
    """Answers with the entry of `pages` for a path, and counts the requests."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Callable[[Handler], None]] = {}
        self.requests: Counter[str] = Counter()
        self.queries: list[str] = []
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect."""


class Handler(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.requests[path] += 1
        self.server.queries.append(query)
        self.server.pages.get(path, lambda one: one.answer(200, PAGE))(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
