"""no index that nothing reads: what checks found is asked for by run alone

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_check_result_session", table_name="check_result")
