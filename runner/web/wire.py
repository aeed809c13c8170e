"""Connections to web servers: each to an address that was checked, each wait within one deadline.

The pool of connections opens, reads and writes here only, so nothing of a request outlasts it: names,
connections, TLS, headers, redirects and bodies share its seconds, and what is read has a ceiling before
anything parses it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore

from runner.web.rules import Rules

__all__ = ["Allowance", "Network", "Refused", "connect", "resolve"]

_ADDRESSES = 4
"""Of one name, that are tried."""


class Refused(Exception):  # noqa: N818 - it is an answer, not a defect
    """A connection that is not made, or not kept; the message says why."""


@dataclass(slots=True)
class Allowance:
    """What is left to a request: until when, in seconds of the monotonic clock, and bytes to receive."""

    end: float
    bytes: int = 0

    def left(self) -> float:
        """Seconds.

        Raises:
            TimeoutError: none.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left

    def spend(self, size: int) -> None:
        """Count bytes that have come.

        Raises:
            Refused: they are more than may come.
        """
        self.bytes -= size
        if self.bytes < 0:
            raise Refused("sends more than an answer needs")


@dataclass(slots=True)
class Network(httpcore.NetworkBackend):
    """Opens the connections of a browser. A name is resolved once for all its requests."""

    rules: Rules
    _turn: threading.local = field(default_factory=threading.local)
    _known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, allowance: Allowance) -> None:
        """What this thread does from now on is done within the allowance."""
        self._turn.allowance = allowance

    @property
    def allowance(self) -> Allowance:
        """Of this thread's request."""
        found = self._turn.allowance
        assert isinstance(found, Allowance)  # noqa: S101  # begun before
        return found

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the allowance knows it
        local_address: str | None = None,  # noqa: ARG002 - never set by us
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - never set by us
    ) -> httpcore.NetworkStream:
        """A connection to one of the addresses that the host's name was resolved to and that passed."""
        if host not in self._known:
            found = resolve(self.rules, host, self.allowance)
            with self._asking:
                self._known.setdefault(host, found)
        return _Stream(connect(self._known[host], port, self.allowance), self)


class _Stream(httpcore.NetworkStream):
    """One connection, used by one request after the other."""

    def __init__(self, link: socket.socket, network: Network) -> None:
        self._link, self._network = link, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        allowance = self._network.allowance
        self._link.settimeout(allowance.left())
        data = self._link.recv(max_bytes)
        allowance.spend(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._link.settimeout(self._network.allowance.left())
        try:
            self._link.sendall(buffer)
        except TimeoutError:
            raise
        except OSError as error:  # a server may answer before it has read everything
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._link.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        try:
            self._link.settimeout(self._network.allowance.left())
            sealed = ssl_context.wrap_socket(self._link, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return _Stream(sealed, self._network)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._link if isinstance(self._link, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._link)
        return self._link if info == "socket" else None


def resolve(rules: Rules, host: str, allowance: Allowance) -> tuple[str, ...]:
    """The addresses of a host that the rules admit.

    Raises:
        Refused: the name cannot be resolved, or none of its addresses is admitted.
        TimeoutError: the resolver took too long.
    """
    found: list[str] = []
    trouble: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as error:
            trouble.append(error)

    asking = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)  # cannot be given a timeout
    asking.start()
    asking.join(allowance.left())
    allowance.left()
    if trouble:
        raise trouble[0]
    admitted = tuple(address for address in found if rules.admits(host, address))[:_ADDRESSES]
    if not admitted:
        raise Refused(
            f"its name leads to {found[0]}, a private address; allow it: `private: true` of the site"
            if found
            else "its name has no address"
        )
    return admitted


def connect(addresses: Iterable[str], port: int, allowance: Allowance) -> socket.socket:
    """A connection to the first of the addresses that takes it.

    Raises:
        OSError: none does.
    """
    left = list(addresses)
    while left:
        address = left.pop(0)
        seconds = allowance.left() / (2 if left else 1)
        try:
            link = socket.create_connection((address, port), seconds)
        except OSError:
            if not left:
                raise
            continue
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return link
    raise OSError("its name has no address")


def _is_readable(link: socket.socket) -> bool:
    try:
        poll = select.poll()
        poll.register(link, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True
