"""What the checks found, what was set aside for a person, and what people decided about it."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field

from storage.status import CheckStatus, Decision, GateVerdict, Label, LetterKind, LetterState
from storage.tables.base import Base, count, document, identity, instant, long_text, required, word


def _raw() -> Any:
    """Return bytes as they came."""
    return Field(default=None, sa_column=Column(LargeBinary, nullable=True))


def _owner() -> Any:
    """Return the run that a row belongs to, as its key."""
    return Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class QualityReport(Base, table=True):
    """What the gate said of one run's session, and where every physical line of its file went."""

    __tablename__ = "quality_report"
    run_id: int = _owner()
    pipeline: str = word(64, nullable=False)
    partition: date
    session: date
    source_sha256: str = word(64, nullable=False)
    verdict: GateVerdict = word(16, nullable=False)
    approved_by: str | None = word(80)  # whose approval let a session through that would have been blocked
    reason: str = long_text(nullable=False)
    physical: int = count(0)  # the sum of header, blank, loaded, quarantined and duplicates, always
    header: int = count(0)
    blank: int = count(0)
    loaded: int = count(0)
    quarantined: int = count(0)
    duplicates: int = count(0)
    warned: int = count(0)  # rows
    threshold_version: int = count(0)
    thresholds: Any = document()  # those that were not at their default; the version tells all
    findings_path: str | None = word(200)
    quarantine_path: str | None = word(200)
    reported_at: datetime = instant(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_quality_report_session", "pipeline", "session", "run_id"),)


class CheckResult(Base, table=True):
    """What one check found in one run."""

    __tablename__ = "check_result"
    run_id: int = _owner()
    check_id: str = word(48, nullable=False, key=True)
    session: date
    version: int = 0
    scope: str = word(16, nullable=False)
    status: CheckStatus = word(16, nullable=False)
    applicable: int = count(0)
    warned: int = count(0)
    failed: int = count(0)
    explained: int = count(0)
    rate: float | None = None  # the share of applicable rows that were warned or failed
    worst: float | None = None  # the largest score
    observed: float | None = None  # at the worst
    bound: float | None = None
    warn_above: float | None = None
    error_above: float | None = None
    fingerprint: str = word(64, nullable=False)
    reason: str | None = long_text()  # why it was not applicable, or what was seen
    sample: Any = document()  # up to five rows


class DeadLetter(Base, table=True):
    """A line, a row or a whole file that did not pass, kept as it came until it passes or a person puts it away."""

    __tablename__ = "dead_letter"
    id: int | None = identity()
    pipeline: str = word(64, nullable=False)
    partition: date
    session: date | None = None
    run_id: int = required()  # that saw it last
    first_run_id: int = required()
    kind: LetterKind = word(8, nullable=False)
    source_file: str = word(128, nullable=False)
    source_sha256: str = word(64, nullable=False)
    line: int = 0  # 0 for a whole file
    symbol: str | None = word(32)
    stage: str = word(64, nullable=False)
    reason: str = word(48, nullable=False)  # a check, a defect or an error's type: what one filters by
    checks: Any = document()  # each with what it observed, its bound and its score
    message: str = long_text(nullable=False)
    raw: bytes | None = _raw()
    parsed: Any = document()  # its values by column; none where it could not be read
    edited_raw: bytes | None = _raw()  # a person's correction: it stands for the line in every later run of these bytes
    state: LetterState = word(12, nullable=False)
    tries: int = 0  # replays that it did not pass
    asked: bool = False  # for a replay that has not ended: only such a one is a try
    first_seen: datetime = instant(nullable=False)
    last_seen: datetime = instant(nullable=False)
    resolved_run_id: int | None = count()
    decided_by: str | None = word(80)
    decided_at: datetime | None = instant()
    note: str | None = long_text()
    __table_args__: ClassVar[Any] = (
        Index("uq_dead_letter_line", "pipeline", "partition", "source_sha256", "line", unique=True),
        Index("ix_dead_letter_state", "state", "id"),
        Index("ix_dead_letter_partition", "partition", "id"),
        Index("ix_dead_letter_reason", "reason", "state", "id"),
        Index("ix_dead_letter_symbol", "symbol", "id"),
        Index("ix_dead_letter_kind", "kind", "id"),
    )


class ThresholdChange(Base, table=True):
    """One change of one threshold; its number is the version of all thresholds from then on."""

    __tablename__ = "threshold_change"
    id: int | None = identity()
    key: str = word(96, nullable=False)
    value: float
    previous: float
    changed_at: datetime = instant(nullable=False)
    changed_by: str = word(80, nullable=False)
    reason: str = long_text(nullable=False)
    undo_of: int | None = count()
    request_key: str | None = word(80)
    __table_args__: ClassVar[Any] = (
        Index("ix_threshold_change_key", "key", "id"),
        Index("uq_threshold_change_request_key", "request_key", unique=True),
    )


class GateDecision(Base, table=True):
    """What a person decided about a blocked session; it stands for these bytes of the file."""

    __tablename__ = "gate_decision"
    id: int | None = identity()
    pipeline: str = word(64, nullable=False)
    partition: date
    source_sha256: str = word(64, nullable=False)
    run_id: int = required()  # the blocked one
    decision: Decision = word(8, nullable=False)
    decided_by: str = word(80, nullable=False)
    decided_at: datetime = instant(nullable=False)
    reason: str = long_text(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_gate_decision_file", "pipeline", "partition", "source_sha256", "id"),)


class FindingLabel(Base, table=True):
    """An operator's word on one finding."""

    __tablename__ = "finding_label"
    session: date = Field(primary_key=True)
    symbol: str = word(32, nullable=False, key=True)
    check_id: str = word(48, nullable=False, key=True)
    label: Label = word(12, nullable=False)
    labelled_by: str = word(80, nullable=False)
    labelled_at: datetime = instant(nullable=False)
    run_id: int | None = count()
