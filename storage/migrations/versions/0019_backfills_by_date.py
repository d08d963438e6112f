"""runs of a backfill by date; its indexes hold no run that belongs to none

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    of_one = sa.text("backfill_id IS NOT NULL")
    op.drop_index("ix_run_backfill", table_name="run")
    op.create_index("ix_run_backfill", "run", ["backfill_id", "status"], sqlite_where=of_one, postgresql_where=of_one)
    op.create_index("ix_run_backfill_date", "run", ["backfill_id", "partition", "id"], sqlite_where=of_one, postgresql_where=of_one)
