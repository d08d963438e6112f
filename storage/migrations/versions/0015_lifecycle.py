"""packs of closed months, and the steps of the lake's lifecycle

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

IDENTITY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lake_pack",
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("dataset", sa.String(length=32), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("replaced_files", sa.BigInteger(), nullable=False),
        sa.Column("replaced_bytes", sa.BigInteger(), nullable=False),
        sa.Column("step_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("cold", sa.String(length=400), nullable=True),
        sa.Column("cooled_by", sa.BigInteger(), nullable=True),
        sa.Column("restored_at", storage.types.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_index("ix_lake_pack_month", "lake_pack", ["dataset", "month"])
    op.create_index("ix_lake_pack_step", "lake_pack", ["step_id"])
    op.create_table(
        "lake_member",
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("pack", sa.String(length=200), nullable=False),
        sa.Column("first_row", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_index("ix_lake_member_pack", "lake_member", ["pack"])
    op.create_table(
        "lifecycle_step",
        sa.Column("id", IDENTITY, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("asked", storage.types.Json(), nullable=True),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("ended_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("figures", storage.types.Json(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("undone_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_lifecycle_step_state", "lifecycle_step", ["state", "id"])
