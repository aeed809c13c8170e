"""Alembic's entry point. It uses the given connection and its transaction."""

from __future__ import annotations

from alembic import context

from runner.record.migrations import on_postgresql  # noqa: F401  # registers itself with Alembic
from runner.record.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
