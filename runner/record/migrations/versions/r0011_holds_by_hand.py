"""Add who set a hold with `sitecrew hold`, and its last day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier holds were set by a rollback or an undo, so they have no values."""
    op.add_column("holds", sa.Column("operator", sa.Text()))
    op.add_column("holds", sa.Column("until", sa.Date()))
