"""Connections to web servers at allowed addresses, within the time and size limits of a request.

The connection pool opens, reads and writes only here. So name resolution, connections, TLS, headers,
redirects and bodies share one time limit, and the size of a response is limited before it is parsed.
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
"""Most addresses of a name that are tried."""


class Refused(Exception):  # noqa: N818 - a result, not an error of the program
    """A connection was refused or closed by a rule. The message says why."""


@dataclass(slots=True)
class Allowance:
    """The time and bytes that a request has left."""

    end: float
    """In seconds of the monotonic clock."""
    bytes: int = 0
    """Bytes that may still be received."""

    def left(self) -> float:
        """Return the seconds left.

        Raises:
            TimeoutError: no time is left.
        """
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time limit was reached")
        return left

    def spend(self, size: int) -> None:
        """Count received bytes.

        Raises:
            Refused: the limit is exceeded.
        """
        self.bytes -= size
        if self.bytes < 0:
            raise Refused("it sends too much data")


@dataclass(slots=True)
class Network(httpcore.NetworkBackend):
    """Opens the connections of a `Browser`. Each name is resolved once for all requests."""

    rules: Rules
    _current: threading.local = field(default_factory=threading.local)
    _addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, allowance: Allowance) -> None:
        """Apply an allowance to this thread's requests from now on."""
        self._current.allowance = allowance

    @property
    def allowance(self) -> Allowance:
        """The allowance of this thread's request."""
        found = self._current.allowance
        assert isinstance(found, Allowance)  # noqa: S101  # `start` was called
        return found

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the allowance has the time limit
        local_address: str | None = None,  # noqa: ARG002 - never set by us
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - never set by us
    ) -> httpcore.NetworkStream:
        """Connect to one of the allowed addresses of a host."""
        if host not in self._addresses:
            found = resolve(self.rules, host, self.allowance)
            with self._lock:
                self._addresses.setdefault(host, found)
        return _Stream(connect(self._addresses[host], port, self.allowance), self)


class _Stream(httpcore.NetworkStream):
    """A connection that is used by one request at a time."""

    def __init__(self, connection: socket.socket, network: Network) -> None:
        self._socket, self._network = connection, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        allowance = self._network.allowance
        self._socket.settimeout(allowance.left())
        data = self._socket.recv(max_bytes)
        allowance.spend(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._socket.settimeout(self._network.allowance.left())
        try:
            self._socket.sendall(buffer)
        except TimeoutError:
            raise
        except OSError as error:  # a server may answer before it has read the whole request
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        try:
            self._socket.settimeout(self._network.allowance.left())
            encrypted = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return _Stream(encrypted, self._network)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._socket if isinstance(self._socket, ssl.SSLSocket) else None
        if info == "is_readable":
            return _is_readable(self._socket)
        return self._socket if info == "socket" else None


def resolve(rules: Rules, host: str, allowance: Allowance) -> tuple[str, ...]:
    """Return the addresses of a host that the rules allow.

    Raises:
        Refused: the name cannot be resolved, or none of its addresses is allowed.
        TimeoutError: the resolver took too long.
    """
    found: list[str] = []
    errors: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(info[4][0]) for info in infos))
        except (OSError, UnicodeError) as error:
            errors.append(error)

    # getaddrinfo has no timeout
    thread = threading.Thread(target=look_up, name=f"resolve {host}", daemon=True)
    thread.start()
    thread.join(allowance.left())
    allowance.left()
    if errors:
        raise errors[0]
    allowed = tuple(address for address in found if rules.admits(host, address))[:_ADDRESSES]
    if not allowed:
        raise Refused(
            f"its name resolves to {found[0]}, a private address; to allow it, set `private: true`"
            if found
            else "its name has no address"
        )
    return allowed


def connect(addresses: Iterable[str], port: int, allowance: Allowance) -> socket.socket:
    """Connect to the first address that accepts a connection.

    Raises:
        OSError: no address does.
    """
    left = list(addresses)
    while left:
        address = left.pop(0)
        seconds = allowance.left() / (2 if left else 1)
        try:
            connection = socket.create_connection((address, port), seconds)
        except OSError:
            if not left:
                raise
            continue
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection
    raise OSError("its name has no address")


def _is_readable(connection: socket.socket) -> bool:
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True
