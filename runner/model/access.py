"""Credentials for health checks of sites that are not public."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.secret import SecretRef

__all__ = ["Access", "NamedSecret"]


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A header or cookie, with a reference to its value."""

    name: str
    value: SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`access` of a site. At least one field is set; `user` and `password` are set together."""

    user: str = ""
    password: SecretRef | None = None
    """For HTTP basic authentication."""
    header: NamedSecret | None = None
    cookie: NamedSecret | None = None

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        """All secrets referred to."""
        named = tuple(secret.value for secret in (self.header, self.cookie) if secret)
        return (*((self.password,) if self.password else ()), *named)
