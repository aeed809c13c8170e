"""`access` of a site: credentials for health checks."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import model_validator

from runner.load import fields as f
from runner.load.fields import D, Reads, Shape
from runner.load.text import quoted
from runner.load.values import Wrong, line
from runner.model import Access, NamedSecret

__all__ = ["AccessShape"]

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_RESERVED = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "range"}
)


def _user(value: object) -> str:
    found = line(value)
    if ":" in found:
        raise Wrong(f"{quoted(found)} is not a user name", "it cannot contain a colon")
    return found


def _header(value: object) -> str:
    found = line(value)
    if not _TOKEN.fullmatch(found) or found.lower() in _RESERVED:
        raise Wrong(f"{quoted(found)} is not a header that can be set", "a name like X-Access-Token")
    if found.lower() == "cookie":
        raise Wrong("a cookie cannot be set as a header", "cookie: {name: NAME, value: {env: VARIABLE}}")
    return found


def _cookie(value: object) -> str:
    found = line(value)
    if not _TOKEN.fullmatch(found):
        raise Wrong(f"{quoted(found)} is not the name of a cookie", "letters, digits, dashes and underscores")
    return found


class HeaderShape(Shape):
    """A header sent with every request of a health check."""

    name: Annotated[str, Reads(_header), D("Name of the header.")]
    value: Annotated[f.Secret, D("Value of the header.")]


class CookieShape(Shape):
    """A cookie sent with every request of a health check."""

    name: Annotated[str, Reads(_cookie), D("Name of the cookie.")]
    value: Annotated[f.Secret, D("Value of the cookie.")]


class AccessShape(Shape):
    """Credentials for health checks: basic authentication, a header or a cookie."""

    user: Annotated[str | None, Reads(_user), D("User of HTTP basic authentication.")] = None
    password: Annotated[f.Secret | None, D("Password of that user.")] = None
    header: Annotated[HeaderShape | None, D("A header that the site's firewall accepts.")] = None
    cookie: Annotated[CookieShape | None, D("A cookie that the site's firewall accepts.")] = None

    @model_validator(mode="after")
    def _is_complete(self) -> AccessShape:
        if (self.user is None) != (self.password is None):
            raise Wrong(
                "user and password must be set together", "access: {user: NAME, password: {env: VARIABLE}}"
            )
        if self.user is None and self.header is None and self.cookie is None:
            raise Wrong("access has no credentials", "set user and password, header or cookie")
        return self

    def access(self) -> Access:
        """Convert to the model."""
        return Access(
            user=self.user or "",
            password=self.password,
            header=NamedSecret(self.header.name, self.header.value) if self.header else None,
            cookie=NamedSecret(self.cookie.name, self.cookie.value) if self.cookie else None,
        )
