"""What lets our looks in where a site keeps strangers out."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.secret import SecretRef

__all__ = ["Access", "NamedSecret"]


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A header or a cookie: its name, and where its value is."""

    name: str
    value: SecretRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`access` of a site. At least one of them is there; `user` and `password` come together."""

    user: str = ""
    password: SecretRef | None = None
    """Of HTTP basic authentication."""
    header: NamedSecret | None = None
    cookie: NamedSecret | None = None

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        """All that is referred to."""
        named = tuple(one.value for one in (self.header, self.cookie) if one)
        return (*((self.password,) if self.password else ()), *named)
