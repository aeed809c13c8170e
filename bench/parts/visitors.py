"""Visitors who ask one site for its front page without pause, past every cache, and note what they get."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Crowd"]

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: seconds on the clock when it was begun and answered, and whether it was a whole page."""

    began: float
    ended: float
    good: bool


class Crowd:
    """A stream of requests.

    Args:
        url: of the site.
        rate: requests a second, all visitors together, as far as the site keeps up.
        visitors: so many ask at the same time.
    """

    def __init__(self, url: str, *, rate: float = 100.0, visitors: int = 4) -> None:
        self.url = urlsplit(url)
        self.pause, self.visitors = visitors / rate, visitors
        self.visits: list[Visit] = []

    @property
    def asked(self) -> int:
        """How many requests were made."""
        return len(self.visits)

    @property
    def failed(self) -> int:
        """How many were not answered by a whole page with status 200."""
        return sum(not visit.good for visit in self.visits)

    @property
    def seconds(self) -> float:
        """For how long visitors got no page: from each failure to the next good answer."""
        shut, since = 0.0, 0.0
        for visit in sorted(self.visits, key=lambda one: one.ended):
            if not visit.good and not since:
                since = visit.began
            elif visit.good and since:
                shut, since = shut + visit.ended - since, 0.0
        return shut

    @contextmanager
    def coming(self) -> Iterator[Crowd]:
        """They come for as long as the body runs."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._come, args=(stop,)) for _ in range(self.visitors)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _come(self, stop: threading.Event) -> None:
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            good = self._ask()
            self.visits.append(Visit(began, time.monotonic(), good))
            due = max(due + self.pause, time.monotonic())

    def _ask(self) -> bool:
        link = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=_PATIENCE)
        try:
            link.request("GET", f"/?visit={secrets.token_hex(6)}", headers={"Cache-Control": "no-cache"})
            answer = link.getresponse()
            return answer.status == http.client.OK and b"</html>" in answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()
