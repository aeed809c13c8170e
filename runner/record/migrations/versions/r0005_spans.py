"""Add the time limits of a job, for a process that attaches to it later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier jobs have no recorded limits."""
    op.add_column("segments", sa.Column("span", sa.JSON()))
