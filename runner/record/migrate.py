"""Upgrade a ledger's tables with the scripts in `migrations/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from runner.record.schema import REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["scripts", "upgrade"]


def scripts() -> Config:
    """Return Alembic's configuration; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", f"{__package__}:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, revision: str = REVISIONS[-1]) -> None:
    """Run the missing scripts in the connection's transaction: all of them or none."""
    config = scripts()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
