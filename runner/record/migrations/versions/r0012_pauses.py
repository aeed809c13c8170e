"""Add pauses of clients, and the calendars of windows, which many schedules share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both tables are new and empty."""
    op.create_table(
        "pauses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("ends", sa.String(27), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("resumed", sa.String(27)),
        sa.Column("resumed_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_pauses"),
    )
    op.create_index("ix_pauses_client", "pauses", ["client"])
    op.create_table(
        "calendars",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("periods", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_calendars"),
    )
