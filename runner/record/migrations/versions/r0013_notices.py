"""Add notices to the outbox, and when the crew was notified of an opening or of an undelivered report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Earlier messages are reports by mail. The crew is not notified of anything that happened earlier."""
    op.add_column("deliveries", sa.Column("channel", sa.Text(), nullable=False, server_default="mail"))
    op.add_column("deliveries", sa.Column("kind", sa.Text(), nullable=False, server_default="report"))
    op.add_column("deliveries", sa.Column("topic", sa.Text(), nullable=False, server_default=""))
    op.add_column("deliveries", sa.Column("noticed", sa.String(27)))
    op.execute("UPDATE deliveries SET noticed = updated")
    op.add_column("windows", sa.Column("noticed", sa.String(27)))
    op.create_index("ix_windows_noticed", "windows", ["noticed"])
    op.execute("UPDATE windows SET noticed = recorded")
