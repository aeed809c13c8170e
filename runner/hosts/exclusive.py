"""Shared and exclusive use of a host by the sites of a process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runner.model import Host

__all__ = ["Exclusive", "server_of"]


def server_of(host: Host) -> tuple[str, int]:
    """Return address and port, which two inventory entries of one server share."""
    return host.address, host.port or 22


class Exclusive:
    """Shared and exclusive locks on hosts, within one process; exclusive requests block later shared ones."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shared: Counter[object] = Counter()
        self._waiting: Counter[object] = Counter()
        self._alone: set[object] = set()

    @contextmanager
    def hold(
        self, server: object, *, alone: bool = False, on_wait: Callable[[], object] = lambda: None
    ) -> Iterator[None]:
        """Hold the server during the block, exclusively if `alone`. Not to be nested.

        Args:
            server: what is held.
            alone: whether nothing else may hold it.
            on_wait: called if the block has to wait.
        """
        with self._changed:
            if not self._is_free(server, alone=alone):
                on_wait()
            if alone:
                self._waiting[server] += 1
                self._changed.wait_for(lambda: self._is_free(server, alone=True))
                self._waiting[server] -= 1
                self._alone.add(server)
            else:
                self._changed.wait_for(lambda: self._is_free(server, alone=False))
                self._shared[server] += 1
        try:
            yield
        finally:
            with self._changed:
                if alone:
                    self._alone.discard(server)
                else:
                    self._shared[server] -= 1
                self._changed.notify_all()

    def _is_free(self, server: object, *, alone: bool) -> bool:
        return server not in self._alone and not (self._shared if alone else self._waiting)[server]
