"""Where the ledger is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from runner.model.secret import SecretRef

__all__ = ["LedgerAddress"]


@dataclass(frozen=True, slots=True)
class LedgerAddress:
    """The URL of the ledger's database: `sqlite:///PATH` or `postgresql://USER@HOST/DB`."""

    url: str = "sqlite:///.sitecrew/ledger.db"
    """Without a password."""
    password: SecretRef | None = None
    """PostgreSQL: the user's password; None: as libpq finds it (PGPASSWORD, pgpass, a service file)."""
    read_password: Callable[[], str] | None = field(default=None, compare=False, repr=False)
    """Resolves `password`; called for each connection."""

    @property
    def is_postgresql(self) -> bool:
        """Whether the ledger is in PostgreSQL."""
        return re.match(r"postgresql(\+psycopg)?://", self.url) is not None

    def __str__(self) -> str:
        return self.url
