"""A TCP proxy that makes links worse: it delays, cuts and stalls them.

In a test, as a context manager with a thread of its own:

    with Proxy(target=("127.0.20.1", 2222), cut_after=4096) as proxy:
        connect(proxy.address, proxy.port)

As a process, for many links at once: `python -m lab.proxy 0.0.0.0:2423 same:2422 --delay-ms 25`; `same`
stands for the address that the client connected to.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import struct
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["Link", "Proxy", "serve"]

How = Literal["rst", "fin", "stall"]


@dataclass(slots=True, eq=False)
class Link:
    """A connection through the proxy. Counts are bytes that were handed on."""

    number: int
    """From 1, in order of arrival."""
    up: int = 0
    down: int = 0
    """From the server to the client."""
    cut: bool = False
    ended: int = 0
    """Directions that were closed in an orderly way."""
    ends: list[End] = field(default_factory=list)


class End(asyncio.Protocol):
    """One side of a link: what arrives here goes to `peer` after the delay, in order."""

    def __init__(self, proxy: Proxy, link: Link, *, is_server: bool) -> None:
        self.proxy = proxy
        self.link = link
        self.is_server = is_server
        self.peer: End | None = None
        self.transport: asyncio.Transport | None = None
        self.waiting: deque[bytes | None] = deque()
        link.ends.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (narrows the type)
        self.transport = transport
        if self.proxy.room(self.link) == 0:
            self.proxy.sever(self.link)
        elif self.peer is None:
            self.proxy.spawn(self._dial(transport))

    def data_received(self, data: bytes) -> None:
        self._later(data)

    def eof_received(self) -> bool:
        self._later(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if (
            exc is not None
            and not self.link.cut
            and self.peer is not None
            and self.peer.transport is not None
        ):
            self.peer.transport.abort()
        self.proxy.forget(self.link)

    async def _dial(self, client: asyncio.Transport) -> None:
        """Connects to the server; until then nothing is read from the client."""
        client.pause_reading()
        host, port = self.proxy.target
        if host == "same":
            host = client.get_extra_info("sockname")[0]
        loop = asyncio.get_running_loop()
        server = End(self.proxy, self.link, is_server=True)
        server.peer, self.peer = self, server
        try:
            await loop.create_connection(lambda: server, host, port)
        except OSError:
            client.abort()
            return
        client.resume_reading()

    def _end(self) -> None:
        """Hands on that this side says no more; when both have said so, the link is over."""
        self.link.ended += 1
        for end in self.link.ends:
            if end.transport is None:
                continue
            if self.link.ended == len(self.link.ends):
                end.transport.close()
            elif end is self.peer and end.transport.can_write_eof():
                end.transport.write_eof()

    def _later(self, data: bytes | None) -> None:
        if self.proxy.delay > 0:
            self.waiting.append(data)
            asyncio.get_running_loop().call_later(self.proxy.delay, self._oldest)
        else:
            self._pass(data)

    def _oldest(self) -> None:
        self._pass(self.waiting.popleft())

    def _pass(self, data: bytes | None) -> None:
        peer = self.peer.transport if self.peer is not None else None
        if peer is None or peer.is_closing() or self.link.cut:
            return
        if data is None:
            self._end()
            return
        if not self.is_server:
            self.link.up += len(data)
            peer.write(data)
            return
        room = self.proxy.room(self.link)
        data = data if room is None else data[:room]
        self.link.down += len(data)
        peer.write(data)
        if room is not None and len(data) == room:
            self.proxy.sever(self.link)


class Proxy:
    """Listens on `address`:`port` and leads every connection to `target`.

    Args:
        target: Where to; the host `same` stands for the address that the client connected to.
        address: Where it listens.
        port: 0 takes a free one.
        delay: Seconds that everything needs, in each direction.
        cut_after: Bytes from the server to the client after which a link is severed; 0 is at once.
        cut_link: Which connection that is, counted from 1; those after it are left whole.
        how: `rst` resets both sides, `fin` closes both, `stall` swallows all that follows and stays open.
    """

    def __init__(
        self,
        target: tuple[str, int],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        delay: float = 0.0,
        cut_after: int | None = None,
        cut_link: int = 1,
        how: How = "rst",
    ) -> None:
        self.target = target
        self.address = address
        self.port = port
        self.delay = delay
        self.cut_after = cut_after
        self.cut_link = cut_link
        self.how = how
        self.links: list[Link] = []
        self.was_cut = threading.Event()
        """Set when a link was severed."""
        self._open: set[Link] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(started)), daemon=True)
        self._thread.start()
        started.result(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(10)

    def cut_now(self) -> None:
        """Severs every link that is open at this moment; may be called from any thread."""
        if self._loop is not None:
            done: Future[None] = Future()

            def cut_all() -> None:
                for link in list(self._open):
                    self.sever(link)
                done.set_result(None)

            self._loop.call_soon_threadsafe(cut_all)
            done.result(10)

    async def listen(self) -> asyncio.Server:
        """Opens the door in the running loop."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._accept, self.address, self.port, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something beside; it is kept until it has ended."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def room(self, link: Link) -> int | None:
        """Bytes that the server may still send through a link before it is severed; None for no limit."""
        if self.cut_after is None or link.number != self.cut_link:
            return None
        return max(self.cut_after - link.down, 0)

    def sever(self, link: Link) -> None:
        """Ends a link the way it was asked for."""
        if link.cut:
            return
        link.cut = True
        for end in link.ends:
            if end.transport is None or self.how == "stall":
                continue
            if self.how == "rst":
                reset_on_close(end.transport)
                if end.is_server:
                    end.transport.abort()
                    continue
            end.transport.close()
        self.was_cut.set()

    def forget(self, link: Link) -> None:
        """A side of the link is gone."""
        self._open.discard(link)

    def _accept(self) -> End:
        link = Link(len(self.links) + 1)
        self.links.append(link)
        self._open.add(link)
        return End(self, link, is_server=False)

    async def _live(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        try:
            server = await self.listen()
        except OSError as error:
            started.set_exception(error)
            return
        started.set_result(None)
        await self._ending.wait()
        server.close()
        for link in list(self._open):
            for end in link.ends:
                if end.transport is not None:
                    end.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)


def reset_on_close(transport: asyncio.Transport) -> None:
    """Has the kernel send RST instead of FIN."""
    link: socket.socket | None = transport.get_extra_info("socket")
    if link is not None:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def serve(proxy: Proxy) -> None:
    """Runs a proxy until the task is cancelled."""
    async with await proxy.listen() as server:
        await server.serve_forever()


def place(text: str) -> tuple[str, int]:
    """Reads `address:port`."""
    address, _, port = text.rpartition(":")
    return address, int(port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m lab.proxy")
    parser.add_argument("listen", type=place)
    parser.add_argument("target", type=place)
    parser.add_argument("--delay-ms", type=float, default=0.0, help="in each direction")
    given = parser.parse_args()
    asyncio.run(
        serve(Proxy(given.target, address=given.listen[0], port=given.listen[1], delay=given.delay_ms / 1000))
    )
