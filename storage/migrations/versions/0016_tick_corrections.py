"""Records that a person wrote in the place of ones that the stream has set aside, and what was taken back of that.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from 0015 to 0016."""
    op.add_column("tick_take_in", sa.Column("corrects", sa.BigInteger(), nullable=True))
    op.add_column("tick_take_in", sa.Column("taken_back_by", sa.String(length=80), nullable=True))
    op.add_column("tick_take_in", sa.Column("taken_back_at", storage.types.UtcDateTime(), nullable=True))
