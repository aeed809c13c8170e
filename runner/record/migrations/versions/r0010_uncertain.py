"""Add whether it is uncertain that an item is at its previous version after a failed change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier failures are uncertain if their reason says that the site was unhealthy after the rollback."""
    op.add_column("changes", sa.Column("uncertain", sa.Boolean()))
    op.get_bind().execute(
        sa.text(
            "UPDATE changes SET uncertain = :yes WHERE outcome = 'failed'"
            " AND (why LIKE '%; and after it was taken back: %'"
            " OR why LIKE '%; and after it was switched back: %')"
        ),
        {"yes": True},
    )
