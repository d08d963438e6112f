"""quality reports, dead letters, thresholds; a run knows the thresholds that it ran with

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

import storage.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_result",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("check_id", sa.String(length=48), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("applicable", sa.BigInteger(), nullable=False),
        sa.Column("warned", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("explained", sa.BigInteger(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=True),
        sa.Column("worst", sa.Float(), nullable=True),
        sa.Column("observed", sa.Float(), nullable=True),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("warn_above", sa.Float(), nullable=True),
        sa.Column("error_above", sa.Float(), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sample", storage.types.Json(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "check_id"),
    )
    with op.batch_alter_table("check_result", schema=None) as batch_op:
        batch_op.create_index("ix_check_result_session", ["check_id", "session"], unique=False)

    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("pipeline", sa.String(length=64), nullable=False),
        sa.Column("partition", sa.Date(), nullable=False),
        sa.Column("session", sa.Date(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("first_run_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("source_file", sa.String(length=128), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=True),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=48), nullable=False),
        sa.Column("checks", storage.types.Json(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("parsed", storage.types.Json(), nullable=True),
        sa.Column("edited_raw", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_seen", storage.types.UtcDateTime(), nullable=False),
        sa.Column("last_seen", storage.types.UtcDateTime(), nullable=False),
        sa.Column("resolved_run_id", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_at", storage.types.UtcDateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.create_index("ix_dead_letter_partition", ["partition", "id"], unique=False)
        batch_op.create_index("ix_dead_letter_reason", ["reason", "state", "id"], unique=False)
        batch_op.create_index("ix_dead_letter_state", ["state", "id"], unique=False)
        batch_op.create_index("ix_dead_letter_symbol", ["symbol", "id"], unique=False)
        batch_op.create_index("ix_dead_letter_kind", ["kind", "id"], unique=False)
        batch_op.create_index("uq_dead_letter_line", ["pipeline", "partition", "source_sha256", "line"], unique=True)

    op.create_table(
        "finding_label",
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("symbol", sa.String(length=32), nullable=False),
        sa.Column("check_id", sa.String(length=48), nullable=False),
        sa.Column("label", sa.String(length=12), nullable=False),
        sa.Column("labelled_by", sa.String(length=80), nullable=False),
        sa.Column("labelled_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("session", "symbol", "check_id"),
    )
    op.create_table(
        "gate_decision",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("pipeline", sa.String(length=64), nullable=False),
        sa.Column("partition", sa.Date(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(length=8), nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=False),
        sa.Column("decided_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("gate_decision", schema=None) as batch_op:
        batch_op.create_index("ix_gate_decision_file", ["pipeline", "partition", "source_sha256", "id"], unique=False)

    op.create_table(
        "quality_report",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("pipeline", sa.String(length=64), nullable=False),
        sa.Column("partition", sa.Date(), nullable=False),
        sa.Column("session", sa.Date(), nullable=False),
        sa.Column("source_sha256", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("approved_by", sa.String(length=80), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("physical", sa.BigInteger(), nullable=False),
        sa.Column("header", sa.BigInteger(), nullable=False),
        sa.Column("blank", sa.BigInteger(), nullable=False),
        sa.Column("loaded", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("warned", sa.BigInteger(), nullable=False),
        sa.Column("threshold_version", sa.BigInteger(), nullable=False),
        sa.Column("thresholds", storage.types.Json(), nullable=True),
        sa.Column("findings_path", sa.String(length=200), nullable=True),
        sa.Column("quarantine_path", sa.String(length=200), nullable=True),
        sa.Column("reported_at", storage.types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    with op.batch_alter_table("quality_report", schema=None) as batch_op:
        batch_op.create_index("ix_quality_report_session", ["pipeline", "session", "run_id"], unique=False)

    op.create_table(
        "threshold_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=96), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("previous", sa.Float(), nullable=False),
        sa.Column("changed_at", storage.types.UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("undo_of", sa.BigInteger(), nullable=True),
        sa.Column("request_key", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("threshold_change", schema=None) as batch_op:
        batch_op.create_index("ix_threshold_change_key", ["key", "id"], unique=False)
        batch_op.create_index("uq_threshold_change_request_key", ["request_key"], unique=True)

    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("threshold_version", sa.BigInteger(), nullable=True))
