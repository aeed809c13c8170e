"""Add the number of trials and looks of a step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier runs have no counts."""
    op.add_column("steps", sa.Column("trials", sa.Integer()))
    op.add_column("steps", sa.Column("looks", sa.Integer()))
