"""The request headers that give access to a protected site. They are sent to that site only."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from runner.errors import SecretError

if TYPE_CHECKING:
    from runner.model import Access, SecretRef

__all__ = ["NO_HEADERS", "access_headers"]

NO_HEADERS: Mapping[str, str] = {}
_NOT_IN_COOKIES = frozenset('";,\\ ')


def access_headers(access: Access | None, fetch: Callable[[SecretRef], str]) -> dict[str, str]:
    """Return the headers for `access`, by name.

    Args:
        access: `access` of the site in the inventory; None for a public site.
        fetch: returns the secret of a reference and registers it for redaction.

    Raises:
        SecretError: a secret is not available, or contains characters that a header cannot contain.
    """
    headers: dict[str, str] = {}
    if access is None:
        return headers
    if access.password is not None:
        pair = f"{access.user}:{_sendable(fetch(access.password), 'password', ascii_only=False)}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    if access.header is not None:
        headers[access.header.name] = _sendable(fetch(access.header.value), "header")
    if access.cookie is not None:
        value = _sendable(fetch(access.cookie.value), "cookie")
        if _NOT_IN_COOKIES & set(value):
            raise SecretError("the value of `access.cookie` contains characters that a cookie cannot contain")
        headers["Cookie"] = f"{access.cookie.name}={value}"
    return headers


def _sendable(value: str, what: str, *, ascii_only: bool = True) -> str:
    """Return the value if it can be sent, else raise SecretError."""
    if not value.isprintable() or (ascii_only and not value.isascii()):
        raise SecretError(
            f"the value of `access.{what}` contains invalid characters",
            hint="use printable ASCII on one line" if ascii_only else "remove the line breaks",
        )
    return value
