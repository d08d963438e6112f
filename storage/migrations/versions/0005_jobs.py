"""jobs for the product's own safety, and lake files that were found damaged

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

import storage.types
from storage.tables.base import Identity

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_run",
        sa.Column("id", Identity, autoincrement=True, nullable=False),
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("started_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("finished_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("holder", sa.String(length=160), nullable=True),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("figures", storage.types.Json(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    running, queued = sa.text("outcome = 'running'"), sa.text("outcome = 'queued'")
    op.create_index("uq_job_run_running", "job_run", ["outcome"], unique=True, sqlite_where=running, postgresql_where=running)
    op.create_index("uq_job_run_queued", "job_run", ["job"], unique=True, sqlite_where=queued, postgresql_where=queued)
    op.create_index("ix_job_run_job", "job_run", ["job", "id"], unique=False)
    op.create_index("ix_job_run_outcome", "job_run", ["job", "outcome", "id"], unique=False)
    op.create_table(
        "lake_damage",
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("dataset", sa.String(length=32), nullable=False),
        sa.Column("partition", sa.Date(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("found_at", storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
