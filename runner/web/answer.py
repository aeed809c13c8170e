"""What a server answered, or why there is no answer."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. Everything in it but `asked` and `failure` is a stranger's."""

    asked: str
    url: str = ""
    """Where redirects led to."""
    status: int | None = None
    """None when no answer came."""
    body: bytes = b""
    """Decompressed."""
    failure: str = ""
    """Why there is no answer, in our words. With a status: why its redirect was not followed."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names in small letters."""
    cut: bool = False
    """The body was longer than is read."""

    def header(self, name: str) -> str:
        """The first header of that name, empty without one."""
        return next((value for known, value in self.headers if known == name), "")
