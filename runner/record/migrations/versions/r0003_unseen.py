"""Add what a later attempt needs to judge an unverified trial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Trials of earlier runs are judged by a new look."""
    op.add_column("segments", sa.Column("trial", sa.Text()))
