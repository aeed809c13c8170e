"""Turns on a host: many sites at once, or one that has the host to itself."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from runner.model import Host

__all__ = ["Exclusive", "place_of"]


def place_of(host: Host) -> tuple[str, int]:
    """Two names of one server are one server."""
    return host.address, host.port or 22


class Exclusive:
    """Of one process. Who wants a host alone goes before those who came later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shared: Counter[object] = Counter()
        self._waiting: Counter[object] = Counter()
        self._alone: set[object] = set()

    @contextmanager
    def hold(self, place: object, *, alone: bool = False) -> Iterator[None]:
        """Hold the place for as long as the block lasts. Not to be nested."""
        with self._changed:
            if alone:
                self._waiting[place] += 1
                self._changed.wait_for(lambda: place not in self._alone and not self._shared[place])
                self._waiting[place] -= 1
                self._alone.add(place)
            else:
                self._changed.wait_for(lambda: place not in self._alone and not self._waiting[place])
                self._shared[place] += 1
        try:
            yield
        finally:
            with self._changed:
                if alone:
                    self._alone.discard(place)
                else:
                    self._shared[place] -= 1
                self._changed.notify_all()
