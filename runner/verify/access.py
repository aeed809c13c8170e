"""What a look shows so that it is let in. It goes to the site itself, and nowhere else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from runner.errors import SecretError

if TYPE_CHECKING:
    from runner.model import Access, SecretRef

__all__ = ["NO_KEYS", "keys"]

NO_KEYS: Mapping[str, str] = {}
_SEPARATORS = frozenset('";,\\ ')


def keys(access: Access | None, fetch: Callable[[SecretRef], str]) -> dict[str, str]:
    """The headers that let a look in, by their names.

    Args:
        access: what the inventory says; None for a site that everybody may see.
        fetch: the secret of a reference; what it gives back is known to whoever redacts.

    Raises:
        SecretError: one cannot be had, or cannot stand in a header.
    """
    found: dict[str, str] = {}
    if access is None:
        return found
    if access.password is not None:
        pair = f"{access.user}:{_shown(fetch(access.password), 'password', latin=False)}"
        found["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    if access.header is not None:
        found[access.header.name] = _shown(fetch(access.header.value), "header")
    if access.cookie is not None:
        value = _shown(fetch(access.cookie.value), "cookie")
        if _SEPARATORS & set(value):
            raise SecretError("the value of `access.cookie` holds what cannot stand in a cookie")
        found["Cookie"] = f"{access.cookie.name}={value}"
    return found


def _shown(value: str, what: str, *, latin: bool = True) -> str:
    """The value where it can be sent."""
    if not value.isprintable() or (latin and not value.isascii()):
        raise SecretError(
            f"the value of `access.{what}` holds what cannot stand in it",
            hint="no line breaks" if not latin else "printable ASCII, in one line",
        )
    return value
