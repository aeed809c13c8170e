"""Add the reason why a change is unverified, and what each look saw."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier changes and looks have no values."""
    op.add_column("changes", sa.Column("unverified", sa.Text()))
    op.add_column("looks", sa.Column("seen", sa.Text()))
