"""versions of the stream's sessions, computed anew from the log

Revision ID: 0010
Revises: 0009
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("built_at IS NULL AND failure IS NULL")


def upgrade() -> None:
    op.add_column("stream_state", sa.Column("version", sa.BigInteger(), nullable=True))
    op.create_table(
        "stream_version",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("sessions", sa.BigInteger(), nullable=False),
        sa.Column("turned", storage.types.Json(), nullable=True),
        sa.Column("thresholds", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_stream_version_request", "stream_version", ["request_key"], unique=True)
    op.create_table(
        "stream_version_session",
        sa.Column("version", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("built_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("made_of", sa.String(length=32), nullable=True),
        sa.Column("against", sa.BigInteger(), nullable=True),
        sa.Column("code_version", sa.String(length=16), nullable=True),
        sa.Column("compared", storage.types.Json(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("version", "session"),
    )
    op.create_index("ix_stream_version_session", "stream_version_session", ["session", "version"], unique=False)
    waiting: dict[str, Any] = {"sqlite_where": WAITING, "postgresql_where": WAITING}
    op.create_index("ix_stream_version_waiting", "stream_version_session", ["version", "session"], unique=False, **waiting)
    op.create_table(
        "stream_version_content",
        sa.Column("version", IDENTITY, autoincrement=False, nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version", "session", "side"),
    )
