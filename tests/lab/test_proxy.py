from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from lab.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOOD = bytes(range(256)) * 400


@contextmanager
def server(*, flood: bytes = b"", address: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    """Sends `flood`, then echoes until the client says no more."""

    def serve(link: socket.socket) -> None:
        try:
            with link:
                link.sendall(flood)
                while data := link.recv(65536):
                    link.sendall(data)
        except ConnectionError:
            return

    def accept() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(link,), daemon=True).start()

    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


def everything(link: socket.socket) -> tuple[bytes, str]:
    """What arrives until the link ends, and how it ended."""
    got = b""
    try:
        while data := link.recv(65536):
            got += data
    except ConnectionResetError:
        return got, "rst"
    except TimeoutError:
        return got, "silence"
    return got, "fin"


def received(proxy: Proxy) -> tuple[bytes, str]:
    """What a new link receives, and how it ends. A reset may come before the connection is made."""
    try:
        with connect(proxy) as link:
            return everything(link)
    except ConnectionResetError:
        return b"", "rst"


def connect(proxy: Proxy, timeout: float = 5) -> socket.socket:
    return socket.create_connection((proxy.address, proxy.port), timeout=timeout)


def test_a_link_is_handed_on_whole_and_ends_in_order() -> None:
    with server(flood=FLOOD) as target, Proxy(target) as proxy, connect(proxy) as link:
        link.sendall(b"hello")
        link.shutdown(socket.SHUT_WR)
        assert everything(link) == (FLOOD + b"hello", "fin")
        assert (proxy.links[0].up, proxy.links[0].down) == (5, len(FLOOD) + 5)


@pytest.mark.parametrize("how", ["rst", "fin"])
@pytest.mark.parametrize("after", [0, 1, 4096, 70_001])
def test_the_first_link_is_cut_after_exactly_so_many_bytes(how: str, after: int) -> None:
    with server(flood=FLOOD) as target, Proxy(target, cut_after=after, how=how) as proxy:
        assert received(proxy) == (FLOOD[:after], how)
        assert proxy.was_cut.wait(5)
        with connect(proxy) as link:
            link.shutdown(socket.SHUT_WR)
            assert everything(link) == (FLOOD, "fin")


def test_a_stalled_link_stays_open_and_silent() -> None:
    with (
        server(flood=FLOOD) as target,
        Proxy(target, cut_after=10, how="stall") as proxy,
        connect(proxy, timeout=0.3) as link,
    ):
        assert everything(link) == (FLOOD[:10], "silence")
        link.sendall(b"still open")


def test_all_links_can_be_cut_at_any_moment() -> None:
    with server(flood=b"x") as target, Proxy(target) as proxy, connect(proxy) as one, connect(proxy) as two:
        assert (one.recv(1), two.recv(1)) == (b"x", b"x")
        proxy.cut_now()
        assert everything(one) == (b"", "rst")
        assert everything(two) == (b"", "rst")


def test_each_direction_is_delayed_and_order_is_kept() -> None:
    with server() as target, Proxy(target, delay=0.05) as proxy, connect(proxy) as link:
        began = time.monotonic()
        for number in range(50):
            link.sendall(b"%d," % number)
        link.shutdown(socket.SHUT_WR)
        said, how = everything(link)
        assert time.monotonic() - began >= 0.1
        assert (said, how) == (b"".join(b"%d," % number for number in range(50)), "fin")


def test_a_target_may_be_the_address_that_was_called() -> None:
    with (
        server(flood=b"seven", address="127.0.0.7") as (_, port),
        Proxy(("same", port), address="0.0.0.0") as proxy,  # noqa: S104 (every loopback address is meant)
        socket.create_connection(("127.0.0.7", proxy.port), timeout=5) as link,
    ):
        assert link.recv(5) == b"seven"


def test_a_target_that_is_not_there_resets_the_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        target = gone.getsockname()
    with Proxy(target) as proxy, connect(proxy) as link:
        assert everything(link)[0] == b""
