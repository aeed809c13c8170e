"""The connections of one process: one a login, opened when first needed."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from runner.errors import UnreachableError
from runner.execute.endpoint import resolve
from runner.execute.link import ClosedError
from runner.execute.transport import Logins, Waits, connect, fetch_host_key

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from runner.execute.endpoint import Endpoint, Target
    from runner.execute.hostkeys import HostKey
    from runner.execute.link import Link

__all__ = ["Pool"]


_MEMORY = 30.0


class Pool:
    """Hands out links; threads share it. Close it at the end."""

    def __init__(self, *, logins: int = 4, waits: Waits | None = None) -> None:
        """`logins` is how many may be in flight to one sshd."""
        self._waits = waits or Waits()
        self._logins = Logins(logins, self._waits.silence)
        self._lock = threading.Lock()
        self._opening: dict[tuple[object, ...], threading.Lock] = {}
        self._links: dict[tuple[object, ...], Link] = {}
        self._dead: dict[tuple[object, ...], tuple[float, UnreachableError]] = {}
        self._closed = False

    def link(self, endpoint: Endpoint) -> Link:
        """The living connection to this endpoint, opened if there is none.

        A host that could not be reached is not tried again for a moment: its sites would all wait in turn.

        Raises:
            UnreachableError: and its kin, as in `connect`.
            ClosedError: the pool was closed.
        """
        target = resolve(endpoint)
        with self._turn(target):
            self._check()
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
                self._check()
            return link

    def existing(self, endpoint: Endpoint) -> Link | None:
        """The living connection, if there is one."""
        link = self._links.get(resolve(endpoint).key)
        return link if link is not None and link.alive else None

    def host_key(self, endpoint: Endpoint) -> tuple[Target, HostKey]:
        """What the host shows as its key, and under which name it is kept; nobody logs in there.

        Raises:
            UnreachableError: no connection.
        """
        target = resolve(endpoint)
        gateway = self.link(target.gateway) if target.gateway else None
        return target, fetch_host_key(endpoint, target, gateway=gateway, waits=self._waits)

    def close(self) -> None:
        """Break every connection. Jobs go on."""
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

    def _check(self) -> None:
        if self._closed:
            self.close()
            raise ClosedError("the connections of this process are closed")

    def _turn(self, target: Target) -> threading.Lock:
        with self._lock:
            return self._opening.setdefault(target.key, threading.Lock())
