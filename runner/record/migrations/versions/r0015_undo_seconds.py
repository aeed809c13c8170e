"""Add how long rollbacks took, and an index for the last runs of a website."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of earlier rollbacks it is unknown."""
    op.add_column("segments", sa.Column("undo_seconds", sa.Float()))
    op.drop_index("ix_run_sites_website", table_name="run_sites")
    op.create_index("ix_run_sites_website_finished", "run_sites", ["website", "finished"])
