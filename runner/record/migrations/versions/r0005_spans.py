"""How long a job may take, for the process that joins it later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of earlier jobs it is not known."""
    op.add_column("segments", sa.Column("span", sa.JSON()))
