"""what is watched of each session, its distances, and what people said of them

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "drift_sample",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("halted", sa.Boolean(), nullable=False),
        sa.Column("symbols", sa.Text(), nullable=False),
        sa.Column("values", sa.LargeBinary(), nullable=False),
        sa.Column("measured", sa.LargeBinary(), nullable=False),
        sa.Column("levels", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session"),
    )
    op.create_table(
        "drift_report",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=200), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("halted", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=True),
        sa.Column("alarms", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("calibrated", sa.Boolean(), nullable=False),
        sa.Column("reference_since", sa.Date(), nullable=True),
        sa.Column("reference_until", sa.Date(), nullable=True),
        sa.Column("reference_sessions", sa.Integer(), nullable=False),
        sa.Column("history_sessions", sa.Integer(), nullable=False),
        sa.Column("alarms_per_month", sa.Float(), nullable=False),
        sa.Column("threshold_version", sa.BigInteger(), nullable=False),
        sa.Column("regime", storage.types.Json(), nullable=True),
        sa.Column("explained", storage.types.Json(), nullable=True),
        sa.Column("reported_at", storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("session"),
    )
    with op.batch_alter_table("drift_report", schema=None) as batch_op:
        batch_op.create_index("ix_drift_report_cause", ["cause", "session"], unique=False)

    op.create_table(
        "drift_distance",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("feature", sa.String(length=24), nullable=False),
        sa.Column("statistic", sa.String(length=24), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("observed", sa.Float(), nullable=True),
        sa.Column("usual", sa.Float(), nullable=True),
        sa.Column("part", sa.String(length=64), nullable=True),
        sa.Column("limit", sa.Float(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("session", "feature", "statistic"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "drift_label",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("label", sa.String(length=12), nullable=False),
        sa.Column("features", storage.types.Json(), nullable=True),
        sa.Column("labelled_by", sa.String(length=80), nullable=False),
        sa.Column("labelled_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session"),
    )
