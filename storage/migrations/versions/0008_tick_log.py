"""the tick log

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tick_topic",
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("tail", sa.BigInteger(), nullable=False),
        sa.Column("symbols", storage.types.Json(), nullable=True),
        sa.Column("source", sa.String(length=32), nullable=True),
        sa.Column("source_position", sa.Text(), nullable=True),
        sa.Column("closed_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("path", sa.String(length=200), nullable=True),
        sa.Column("dropped_at", storage.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("stream", "session"),
    )
    op.create_table(
        "tick_segment",
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("base", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("first_time", sa.BigInteger(), nullable=True),
        sa.Column("last_time", sa.BigInteger(), nullable=True),
        sa.Column("first_ingest", sa.BigInteger(), nullable=False),
        sa.Column("last_ingest", sa.BigInteger(), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("place", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("stream", "session", "base"),
    )
    op.create_index("ix_tick_segment_time", "tick_segment", ["stream", "session", "last_time", "base"], unique=False)
    op.create_table(
        "tick_position",
        sa.Column("stream", sa.String(length=32), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("committed_at", storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "session", "reader"),
    )
