"""Add the chain of acts. Existing runs are adopted as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add an act `adopt` with the present order for each existing run."""
    op.create_table(
        "acts",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("salt", sa.Text()),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acts")),
        sa.UniqueConstraint("previous", name=op.f("uq_acts_previous")),
        sa.UniqueConstraint("hash", name=op.f("uq_acts_hash")),
    )
    op.create_index(op.f("ix_acts_run"), "acts", ["run"])
    _adopt(op.get_bind())


def _adopt(connection: sa.Connection) -> None:
    from runner.record.acts import add_act
    from runner.record.operators import operator_here

    operator = operator_here()
    found = connection.execute(sa.text("SELECT run, order_text FROM runs ORDER BY started, run")).all()
    for run, order_text in found:
        add_act(connection, operator, "adopt", run, run=run, order_text=order_text)
