"""Alembic's entry: it works on the connection and inside the transaction that it is given."""

from __future__ import annotations

from alembic import context

from runner.record.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
