"""Bring a ledger's tables to the newest revision, by the scripts beside this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from runner.record.schema import REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["scripts", "upgrade"]


def scripts() -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", f"{__package__}:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, revision: str = REVISIONS[-1]) -> None:
    """Run the missing scripts inside the connection's transaction: all of them count, or none."""
    config = scripts()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
