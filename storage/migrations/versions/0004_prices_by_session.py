"""prices without an index by symbol: nothing asks it, and it made each session dearer than the one before

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_price_symbol", table_name="price")
