"""prices in force, estimates of what work has cost, and what was not measured yet of stages, tries and jobs

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ESTIMATED = ("rows", "cpu_us", "retry_cpu_us", "memory_kib_us", "bytes_written", "bytes_received")
AMOUNTS = ("compute", "storage", "requests", "query", "transfer", "notification", "retries")


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def upgrade() -> None:
    op.drop_index("ix_lake_file_version", "lake_file")
    op.create_index("ix_lake_file_version", "lake_file", ["dataset", "partition", "created_at", "bytes"])
    for name in ("bytes_received", "puts", "gets"):
        op.add_column("stage_run", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("attempt", sa.Column("cpu_us", sa.BigInteger(), nullable=True))
    op.add_column("job_run", sa.Column("cpu_us", sa.BigInteger(), nullable=True))
    op.create_table(
        "price_book",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("changed_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "price_row",
        sa.Column("book_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("above", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.String(length=40), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("per", sa.String(length=40), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("book_id", "key", "above"),
    )
    op.create_table(
        "cost_estimate",
        sa.Column("work", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("partition", sa.Date(), nullable=True),
        sa.Column("session", sa.Date(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        *_counts(*ESTIMATED, "puts", "gets", "unmeasured", *(f"{name}_nano" for name in AMOUNTS)),
        sa.PrimaryKeyConstraint("work", "ref"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_cost_estimate_day", "cost_estimate", ["day"])
    op.create_index("ix_cost_estimate_session", "cost_estimate", ["session"])
    op.create_table(
        "cost_daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("work", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("book_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *_counts("number", *ESTIMATED, "bytes_scanned", "puts", "gets", "messages", "unmeasured", *(f"{name}_nano" for name in AMOUNTS)),
        sa.PrimaryKeyConstraint("day", "work", "name", "purpose", "book_id"),
        sqlite_with_rowid=False,
    )
