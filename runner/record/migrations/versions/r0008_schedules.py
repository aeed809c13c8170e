"""Add schedules: definitions of windows, when each was in force, and up to when openings are decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Windows with decided openings get a schedule without a definition."""
    op.create_table(
        "schedules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("until", sa.String(27)),
        sa.Column("settled", sa.String(27), nullable=False),
        sa.Column("definition", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
    )
    op.create_index("ix_schedules_window_client", "schedules", ["window", "client"])
    op.create_index("ix_runs_state", "runs", ["state"])
    op.execute(
        'INSERT INTO schedules ("window", client, since, settled) '
        'SELECT "window", client, min(starts), max(starts) FROM windows '
        "WHERE site = '' GROUP BY \"window\", client"
    )
