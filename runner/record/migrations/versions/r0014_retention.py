"""Add summaries of looks, when the details of a run were pruned, and indexes for rows that become many."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is pruned yet."""
    op.create_table(
        "look_summaries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("first", sa.String(27), nullable=False),
        sa.Column("last", sa.String(27), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("healthy", sa.Integer(), nullable=False),
        sa.Column("unhealthy", sa.Integer(), nullable=False),
        sa.Column("slowest", sa.Float()),
        sa.Column("last_healthy", sa.String(27)),
        sa.Column("last_unhealthy", sa.String(27)),
        sa.Column("refused", sa.Integer()),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("client", sa.Text()),
        sa.Column("website", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_look_summaries"),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name="fk_look_summaries_run", ondelete="CASCADE"),
    )
    op.create_index("ix_look_summaries_run", "look_summaries", ["run"])
    op.create_index("ix_look_summaries_website", "look_summaries", ["website"])
    op.add_column("runs", sa.Column("pruned", sa.String(27)))
    op.create_index("ix_backups_run", "backups", ["run"])
    op.create_index("ix_windows_run", "windows", ["run"])
    op.create_index("ix_acts_act", "acts", ["act"])
    op.create_index("ix_leases_released", "leases", ["released"])
    op.create_index("ix_deliveries_kind_created", "deliveries", ["kind", "created"])
