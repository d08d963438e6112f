"""the speed layer: bars, days and alerts of the stream, and processes that work on it

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

PRICES = ("open_paisa", "high_paisa", "low_paisa", "close_paisa")
SUMS = ("volume", "turnover_paisa", "trades")


def upgrade() -> None:
    op.add_column("runner", sa.Column("kind", sa.String(length=16), nullable=False, server_default="runner"))
    op.create_table(
        "stream_state",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("aside", storage.types.Json(), nullable=True),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("watermark_us", sa.BigInteger(), nullable=True),
        sa.Column("newest_us", sa.BigInteger(), nullable=True),
        sa.Column("bars", sa.BigInteger(), nullable=False),
        sa.Column("alerts", sa.BigInteger(), nullable=False),
        sa.Column("suppressed", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("commit_ms", sa.Float(), nullable=True),
        sa.Column("thresholds", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("started_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("updated_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", storage.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("session"),
    )
    op.create_table(
        "tick_bar",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("start_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in PRICES),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("session", "symbol", "start_us", "revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tick_day",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in PRICES),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
        sa.Column("previous_close_paisa", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("session", "symbol"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tick_alert",
        sa.Column("key", sa.String(length=24), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("rule", sa.String(length=48), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("fired_us", sa.BigInteger(), nullable=False),
        sa.Column("resolved_us", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("bound", sa.Float(), nullable=False),
        sa.Column("contract", sa.BigInteger(), nullable=False),
        sa.Column("rate_paisa", sa.BigInteger(), nullable=False),
        sa.Column("suppressed", sa.BigInteger(), nullable=False),
        sa.Column("market_key", sa.String(length=24), nullable=True),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_by", sa.String(length=80), nullable=True),
        sa.Column("acknowledged_at", storage.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_tick_alert_session", "tick_alert", ["session", "fired_us"], unique=False)
    op.create_index("ix_tick_alert_state", "tick_alert", ["state", "fired_us"], unique=False)
    op.create_table(
        "alert_silence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=48), nullable=True),
        sa.Column("symbol", sa.String(length=32), nullable=True),
        sa.Column("until", storage.types.UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("silenced_by", sa.String(length=80), nullable=False),
        sa.Column("silenced_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("lifted_at", storage.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alert_silence_until", "alert_silence", ["until"], unique=False)
