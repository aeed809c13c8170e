"""Whether an item is at the version from before after a change that did not succeed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier failures are uncertain where the site was unhealthy after the rollback, by their reason."""
    op.add_column("changes", sa.Column("uncertain", sa.Boolean()))
    op.get_bind().execute(
        sa.text(
            "UPDATE changes SET uncertain = :yes WHERE outcome = 'failed'"
            " AND (why LIKE '%; and after it was taken back: %'"
            " OR why LIKE '%; and after it was switched back: %')"
        ),
        {"yes": True},
    )
