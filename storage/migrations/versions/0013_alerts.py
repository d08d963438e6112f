"""alerts of operations, and the outbox of notifications

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("page", sa.String(length=48), nullable=False),
        sa.Column("query", storage.types.Json(), nullable=True),
        sa.Column("members", storage.types.Json(), nullable=True),
        sa.Column("fired_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("resolved_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("told_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("escalated_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=80), nullable=True),
        sa.Column("suppressed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    is_open = sa.text("resolved_at IS NULL")
    op.create_index("uq_alert_open", "alert", ["rule", "subject"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_index("ix_alert_resolved", "alert", ["resolved_at"])
    op.create_table(
        "alert_event",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("move", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_event_alert", "alert_event", ["alert_id", "id"])
    op.create_table(
        "notification",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("created_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("due_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    unended = sa.text("ended_at IS NULL")
    op.create_index("uq_notification_key", "notification", ["key"], unique=True)
    op.create_index("ix_notification_due", "notification", ["due_at", "id"], sqlite_where=unended, postgresql_where=unended)
    op.create_index("ix_notification_channel_due", "notification", ["channel", "due_at"], sqlite_where=unended, postgresql_where=unended)
    op.create_index("ix_notification_alert", "notification", ["alert_id", "id"])
    op.create_index("ix_notification_channel", "notification", ["channel", "id"])
