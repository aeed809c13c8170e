"""Add WordPress's automatic updates that are switched off while their item is held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table starts empty."""
    op.create_table(
        "auto_updates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("forced", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("settled_run", sa.Text()),
        sa.Column("settled", sa.String(27)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auto_updates")),
    )
    op.create_index(op.f("ix_auto_updates_site_settled"), "auto_updates", ["site", "settled"])
