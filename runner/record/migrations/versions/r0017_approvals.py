"""Add approvals: plans of openings that are made ahead of time, and the answers of the crew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table is new and empty."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("starts", sa.String(27), nullable=False),
        sa.Column("until", sa.String(27), nullable=False),
        sa.Column("made", sa.String(27), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text()),
        sa.Column("answered", sa.String(27)),
        sa.Column("noticed", sa.String(27)),
        sa.PrimaryKeyConstraint("id", name="pk_approvals"),
        sa.UniqueConstraint("window", "client", "starts", name="uq_approvals_window_client_starts"),
    )
    op.create_index("ix_approvals_client", "approvals", ["client"])
    op.create_index("ix_approvals_until", "approvals", ["until"])
    op.create_index("ix_approvals_noticed", "approvals", ["noticed"])
