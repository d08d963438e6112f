"""lake identity

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("lake_identity", sa.Column("id", sa.String(length=32), nullable=False), sa.PrimaryKeyConstraint("id"))
