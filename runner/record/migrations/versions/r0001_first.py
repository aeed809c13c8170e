"""Create the ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table of the first revision."""
    op.create_table(
        "deliveries",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("created", sa.String(27), nullable=False),
        sa.Column("updated", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_state", "deliveries", ["state"])
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("since", sa.String(27), nullable=False),
        sa.Column("lifted", sa.String(27)),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.create_index("ix_holds_site_item", "holds", ["site", "item"])
    op.create_table(
        "leases",
        sa.Column("executor", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_start", sa.Text(), nullable=False),
        sa.Column("renewed", sa.String(27), nullable=False),
        sa.Column("released", sa.String(27)),
        sa.Column("taken_by", sa.Text()),
        sa.PrimaryKeyConstraint("executor", name="pk_leases"),
    )
    op.create_table(
        "reports",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created", sa.String(27), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("html_sha256", sa.Text()),
        sa.PrimaryKeyConstraint("client", "period", "kind", name="pk_reports"),
    )
    op.create_table(
        "runs",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("window", sa.Text()),
        sa.Column("order_text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("executor", sa.Text()),
        sa.Column("started", sa.String(27), nullable=False),
        sa.Column("finished", sa.String(27)),
        sa.PrimaryKeyConstraint("run", name="pk_runs"),
    )
    op.create_index("ix_runs_started", "runs", ["started"])
    op.create_table(
        "sightings",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("site", "kind", "item", "version", name="pk_sightings"),
    )
    op.create_table(
        "windows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("window", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("starts", sa.String(27), nullable=False),
        sa.Column("closes", sa.String(27), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("recorded", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_windows"),
        sa.UniqueConstraint(
            "window", "client", "site", "starts", name="uq_windows_window_client_site_starts"
        ),
    )
    op.create_index("ix_windows_starts", "windows", ["starts"])
    op.create_table(
        "backups",
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("taken", sa.String(27), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("files", sa.Integer()),
        sa.Column("tables", sa.Integer()),
        sa.Column("manifest_sha256", sa.Text(), nullable=False),
        sa.Column("verified", sa.String(27)),
        sa.Column("removed", sa.String(27)),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name="fk_backups_run", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("snapshot", name="pk_backups"),
    )
    op.create_index("ix_backups_site_taken", "backups", ["site", "taken"])
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("healthy", sa.Boolean()),
        sa.Column("status", sa.Integer()),
        sa.Column("seconds", sa.Float()),
        sa.Column("bytes", sa.Integer()),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name="fk_looks_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_looks"),
        sa.UniqueConstraint("site", "at", "phase", "signal", "url", name="uq_looks_site_at_phase_signal_url"),
    )
    op.create_index("ix_looks_run", "looks", ["run"])
    op.create_table(
        "run_sites",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("ring", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("started", sa.String(27)),
        sa.Column("finished", sa.String(27)),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(none_as_null=True)),
        sa.Column("facts", sa.JSON(none_as_null=True)),
        sa.ForeignKeyConstraint(["run"], ["runs.run"], name="fk_run_sites_run", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run", "site", name="pk_run_sites"),
    )
    op.create_index("ix_run_sites_site_finished", "run_sites", ["site", "finished"])
    op.create_table(
        "restore_points",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created", sa.String(27), nullable=False),
        sa.Column("bytes", sa.Integer()),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("removed", sa.String(27)),
        sa.ForeignKeyConstraint(
            ["run", "site"],
            ["run_sites.run", "run_sites.site"],
            name="fk_restore_points_run_site",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "site", "path", name="pk_restore_points"),
    )
    op.create_table(
        "segments",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text()),
        sa.Column("recorded", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(
            ["run", "site"],
            ["run_sites.run", "run_sites.site"],
            name="fk_segments_run_site",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "site", "number", name="pk_segments"),
    )
    op.create_table(
        "steps",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float()),
        sa.Column("started", sa.String(27)),
        sa.Column("finished", sa.String(27)),
        sa.Column("output", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run", "site"], ["run_sites.run", "run_sites.site"], name="fk_steps_run_site", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run", "site", "step", name="pk_steps"),
    )
    op.create_table(
        "changes",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("from_version", sa.Text(), nullable=False),
        sa.Column("to_version", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("finished", sa.String(27), nullable=False),
        sa.ForeignKeyConstraint(
            ["run", "site", "step"],
            ["steps.run", "steps.site", "steps.step"],
            name="fk_changes_run_site_step",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "site", "step", "position", name="pk_changes"),
    )
    op.create_index("ix_changes_site_finished", "changes", ["site", "finished"])
