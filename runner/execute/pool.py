"""The connections of one process: one for each login, opened when first needed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from runner.errors import UnreachableError
from runner.execute.endpoint import resolve
from runner.execute.link import ClosedError
from runner.execute.logins import Logins, Waits
from runner.execute.transport import connect, fetch_host_key

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runner.execute.endpoint import Endpoint, Target
    from runner.execute.keys import HostKey
    from runner.execute.link import Link

__all__ = ["Pool"]


_MEMORY = 30.0
"""Seconds for which an unreachable host is remembered."""


class Pool:
    """Shared connections, safe for threads. Close it at the end."""

    def __init__(self, *, logins: int = 4, waits: Waits | None = None) -> None:
        """`logins`: how many may be in progress on one sshd."""
        self._waits = waits or Waits()
        self._logins = Logins(logins, self._waits.silence)
        self._lock = threading.Lock()
        self._opening: dict[tuple[object, ...], threading.Lock] = {}
        self._links: dict[tuple[object, ...], Link] = {}
        self._dead: dict[tuple[object, ...], tuple[float, UnreachableError]] = {}
        self._closed = False

    def link(self, endpoint: Endpoint) -> Link:
        """Return the open connection to this endpoint, or open one.

        An unreachable host is not tried again for half a minute: each of its sites would wait in turn.

        Raises:
            UnreachableError: (and subclasses) as in `connect`.
            ClosedError: the pool was closed.
        """
        target = resolve(endpoint)
        with self._opening_lock(target):
            self._check_open()
            link = self._links.get(target.key)
            if link is None or not link.alive:
                if link is not None:
                    link.close()
                elif target.key in self._dead and time.monotonic() < self._dead[target.key][0]:
                    raise self._dead[target.key][1]
                gateway = self.link(target.gateway) if target.gateway else None
                try:
                    link = connect(endpoint, target, gateway=gateway, logins=self._logins, waits=self._waits)
                except UnreachableError as error:
                    if type(error) is UnreachableError:
                        self._dead[target.key] = (time.monotonic() + _MEMORY, error)
                    raise
                with self._lock:
                    self._links[target.key] = link
                self._check_open()
            return link

    def existing(self, endpoint: Endpoint) -> Link | None:
        """The open connection, if there is one."""
        link = self._links.get(resolve(endpoint).key)
        return link if link is not None and link.alive else None

    def host_key(self, endpoint: Endpoint) -> tuple[Target, HostKey]:
        """Fetch the host's key without logging in. The target has the name for known_hosts.

        Raises:
            UnreachableError: no connection.
        """
        target = resolve(endpoint)
        gateway = self.link(target.gateway) if target.gateway else None
        return target, fetch_host_key(endpoint, target, gateway=gateway, waits=self._waits)

    def close(self) -> None:
        """Close every connection. Jobs continue on their hosts."""
        with self._lock:
            self._closed = True
            links = list(self._links.values())
            self._links.clear()
        for link in reversed(links):  # gateways last
            link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            self.close()
            raise ClosedError("the connections of this process have been closed")

    def _opening_lock(self, target: Target) -> threading.Lock:
        with self._lock:
            return self._opening.setdefault(target.key, threading.Lock())
