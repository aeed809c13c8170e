"""Visitors who ask one site for its pages without pause, past every cache, and note what they get."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Crowd"]

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: seconds on the clock when it was begun and answered, and what was wrong."""

    began: float
    ended: float
    path: str
    why: str
    """Empty for status 200 and the expected text."""

    @property
    def good(self) -> bool:
        """Whether it was a whole page."""
        return not self.why


class Crowd:
    """A stream of requests.

    Args:
        url: of the site.
        rate: requests a second, all visitors together, as far as the site keeps up.
        visitors: so many ask at the same time.
        pages: what they ask for in turn, with a text that is in a good answer.
    """

    def __init__(
        self,
        url: str,
        *,
        rate: float = 100.0,
        visitors: int = 4,
        pages: Mapping[str, str] = MappingProxyType({"/": "</html>"}),
    ) -> None:
        self.url, self.pages = urlsplit(url), tuple(pages.items())
        self.pause, self.visitors = visitors / rate, visitors
        self.visits: list[Visit] = []

    @property
    def asked(self) -> int:
        """How many requests were made."""
        return len(self.visits)

    @property
    def failed(self) -> int:
        """How many were not answered by a whole page with status 200."""
        return len(self.failures)

    @property
    def failures(self) -> tuple[Visit, ...]:
        """Those that were not."""
        return tuple(visit for visit in self.visits if not visit.good)

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
        threads = [threading.Thread(target=self._come, args=(stop, at)) for at in range(self.visitors)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _come(self, stop: threading.Event, at: int) -> None:
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            path, text = self.pages[at % len(self.pages)]
            began, at = time.monotonic(), at + 1
            why = self._ask(path, text)
            self.visits.append(Visit(began, time.monotonic(), path, why))
            due = max(due + self.pause, time.monotonic())

    def _ask(self, path: str, text: str) -> str:
        link = http.client.HTTPConnection(self.url.hostname or "", self.url.port, timeout=_PATIENCE)
        try:
            past = f"{path}?visit={secrets.token_hex(6)}"
            link.request("GET", past, headers={"Cache-Control": "no-cache"})
            answer = link.getresponse()
            whole = text.encode() in answer.read()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            link.close()
        if answer.status != http.client.OK:
            return f"status {answer.status}"
        return "" if whole else f"without {text!r}"
