"""A faulty TCP proxy in the process of the test."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Proxy:
    """Forwards to one target; can break the first connection after some bytes from the server.

    `turns` counts how often the client spoke after it had been spoken to: the round trips that it waited for.
    """

    def __init__(self, target: tuple[str, int], *, budget: int | None = None, reset: bool = True) -> None:
        self._target, self._budget, self._reset = target, budget, reset
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port: int = self._listener.getsockname()[1]
        self.address = "127.0.0.1"
        self.total = 0
        """Bytes from the server."""
        self.connections = 0
        self.turns = 0
        self._last = "server"
        self._closed = False
        self._frozen = threading.Event()
        self._frozen.set()
        self._open: list[socket.socket] = []
        self.watch: Callable[[int], None] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection now."""
        for sock in self._open:
            _close(sock, reset=self._reset)
        self._open.clear()

    def freeze(self) -> None:
        """Stop forwarding without closing."""
        self._frozen.clear()

    def thaw(self) -> None:
        self._frozen.set()

    def close(self) -> None:
        self._closed = True
        self._frozen.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            if self._closed:
                client.close()
                server.close()
                return
            self.connections += 1
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(sock)
            budget = self._budget if self.connections == 1 else None
            for args in ((client, server, "client", None), (server, client, "server", budget)):
                threading.Thread(target=self._pump, args=args, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, who: str, budget: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._frozen.wait()
                if who == "client" and self._last == "server":
                    self.turns += 1
                self._last = who
                if who == "server":
                    self.total += len(data)
                    if budget is not None:
                        data = data[:budget]
                        budget -= len(data)
                sink.sendall(data)
                if budget == 0:
                    break
        for sock in (source, sink):
            _close(sock, reset=self._reset)


def _close(sock: socket.socket, *, reset: bool) -> None:
    """Also wakes the thread that reads from it: until that stops, the system sends neither RST nor FIN."""
    with contextlib.suppress(OSError):
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
    sock.close()
