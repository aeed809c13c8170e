"""The answer to a request, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of a server. All of it is untrusted except `asked` and `failure`."""

    asked: str
    """The requested URL."""
    url: str = ""
    """The URL after redirects."""
    status: int | None = None
    """None without an answer."""
    body: bytes = b""
    """Decompressed."""
    failure: str = ""
    """Why there is no answer. If there is a status: why its redirect was not followed."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names are in lower case."""
    cut: bool = False
    """The body was longer than the limit and is incomplete."""

    def header(self, name: str) -> str:
        """Return the first header with this name; empty if there is none."""
        return next((value for known, value in self.headers if known == name), "")
