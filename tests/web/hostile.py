"""A web server that sends arbitrary bytes, over TCP or TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

__all__ = ["Hostile", "page"]

Play = Callable[[socket.socket, bytes], object]


def page(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a complete HTTP response."""
    head = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n%s" % (
        status,
        len(body),
        head,
        body,
    )


class Hostile:
    """Reads the head of a request, then sends the entry of `plays` for its path."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.plays: dict[str, Play | bytes] = {}
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self.ending = threading.Event()
        self._context = context
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.ending.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(link,), daemon=True).start()

    def _one(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            link = stack.enter_context(link)
            if self._context:
                link = stack.enter_context(self._context.wrap_socket(link, server_side=True))
            head = b""
            while b"\r\n\r\n" not in head and (more := link.recv(65536)):
                head += more
            if not head:
                return
            path = head.split(b" ")[1].decode("latin-1").partition("?")[0]
            self.asked.append(path)
            self.heads.append(head)
            play = self.plays.get(path, page(b"hello"))
            if isinstance(play, bytes):
                link.sendall(play)
            else:
                play(link, head)
