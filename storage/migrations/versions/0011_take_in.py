"""What people have brought into a session when the stream was done with it: late trades, and those replayed from a tape.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from 0010 to 0011."""
    op.create_table(
        "tick_take_in",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("base", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=True),
        sa.Column("taken_by", sa.String(length=80), nullable=False),
        sa.Column("taken_at", storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("session", "base"),
    )
