"""Add announcements of openings to clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table is new and empty."""
    op.create_table(
        "announcements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("starts", sa.String(27), nullable=False),
        sa.Column("closes", sa.String(27), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("announced", sa.String(27), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("ended", sa.String(27)),
        sa.Column("ended_message_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_announcements"),
        sa.UniqueConstraint(
            "window", "client", "starts", "edition", name="uq_announcements_window_client_starts_edition"
        ),
    )
    op.create_index("ix_announcements_starts", "announcements", ["starts"])
