"""Runs, their stages, tries, events, log lines and measured values, and what they say of dates."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index
from sqlmodel import Field

from storage.status import Outcome, RunStatus, RunType, StageStatus, Verdict
from storage.tables.base import Base, count, document, identity, instant, long_text, only_where, required, word
from storage.types import UtcDateTime


class Run(Base, table=True):
    """One execution of a pipeline for one partition (a calendar date)."""

    __tablename__ = "run"
    id: int | None = identity()
    pipeline: str = word(64, nullable=False)
    partition: date
    run_type: RunType = word(16, nullable=False)
    status: RunStatus = word(16, nullable=False)
    priority: int = 0  # lower is claimed first
    request_key: str | None = word(80)
    rerun_of: int | None = count()
    from_stage: str | None = word(64)
    backfill_id: int | None = count()
    book_to: date | None = None  # a person's booking of the file to a session
    requested_by: str = word(80, nullable=False)
    queued_at: datetime = instant(nullable=False)
    available_at: datetime = instant(nullable=False)  # not claimed before
    started_at: datetime | None = instant()
    finished_at: datetime | None = instant()
    duration_us: int | None = count()
    cpu_us: int | None = count()
    fence: int = count(0)  # goes up at each claim: an older holder cannot commit
    runner_id: str | None = word(64)
    cancel_requested: bool = False
    rescues: int = 0
    waits: int = 0
    code_version: str | None = word(16)
    threshold_version: int | None = count()  # the snapshot of the thresholds that it runs with, taken when it is claimed first
    source: str | None = word(16)
    simulated: bool = False
    source_file: str | None = word(128)
    source_sha256: str | None = word(64)
    layout: str | None = word(32)  # the schema version of the input
    verdict: Verdict | None = word(16)
    session_date: date | None = None
    outcome: Outcome | None = word(16)
    reason: str | None = long_text()
    evidence: Any = document()
    rows: int | None = count()
    error_type: str | None = word(80)
    error_message: str | None = long_text()
    error_stage: str | None = word(64)
    error_traceback: str | None = long_text()
    __table_args__: ClassVar[Any] = (
        Index("uq_run_request_key", "request_key", unique=True),
        # Two runs of one date at once would race; the second is refused by the database itself.
        Index("uq_run_active", "pipeline", "partition", unique=True, **only_where("status IN ('queued', 'running')")),
        Index(
            "ix_run_queue",
            "status",
            "priority",
            "partition",
            "id",
            **only_where("status = 'queued'"),
        ),
        Index("ix_run_held", "pipeline", **only_where("status = 'running'")),
        Index("ix_run_partition", "pipeline", "partition", "id"),
        Index("ix_run_status", "status", "id"),
        Index("ix_run_pipeline_status", "pipeline", "status", "id"),
        Index("ix_run_pipeline_status_partition", "pipeline", "status", "partition", "id"),
        Index("ix_run_backfill", "backfill_id", "status", **only_where("backfill_id IS NOT NULL")),
        Index("ix_run_backfill_date", "backfill_id", "partition", "id", **only_where("backfill_id IS NOT NULL")),
        Index("ix_run_rerun_of", "rerun_of"),
    )


class StageRun(Base, table=True):
    """One stage of a run; a stage whose runner died has a row of its own beside the one that went on."""

    __tablename__ = "stage_run"
    id: int | None = identity()
    run_id: int = required()
    stage: str = word(64, nullable=False)
    position: int = 0
    status: StageStatus = word(16, nullable=False)
    attempts: int = 0
    started_at: datetime | None = instant()
    finished_at: datetime | None = instant()
    duration_us: int | None = count()
    cpu_us: int | None = count()
    peak_memory_bytes: int | None = count()
    bytes_read: int | None = count()
    bytes_written: int | None = count()
    bytes_received: int | None = count()  # from the source
    puts: int | None = count()  # files of the lake that were written
    gets: int | None = count()  # and read
    rows_in: int | None = count()
    rows_out: int | None = count()
    checkpoint: Any = document()
    reused_from: int | None = count()  # the run whose checkpoint was taken over
    error_type: str | None = word(80)
    error_message: str | None = long_text()
    __table_args__: ClassVar[Any] = (Index("ix_stage_run_run", "run_id", "position", "id"),)


class Attempt(Base, table=True):
    """One failed try of a stage; the try that succeeded is the stage itself."""

    __tablename__ = "attempt"
    id: int | None = identity()
    run_id: int = required()
    stage: str = word(64, nullable=False)
    number: int = 0
    started_at: datetime = instant(nullable=False)
    duration_us: int = count(0)
    cpu_us: int | None = count()
    wait_us: int = count(0)  # until the next try
    error_type: str = word(80, nullable=False)
    error_message: str = long_text(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_attempt_run", "run_id"),)


class RunEvent(Base, table=True):
    """One thing that happened to a run; every move of its status is one."""

    __tablename__ = "run_event"
    id: int | None = identity()
    run_id: int = required()
    at: datetime = instant(nullable=False)
    name: str = word(64, nullable=False)
    status: RunStatus | None = word(16)
    message: str | None = long_text()
    __table_args__: ClassVar[Any] = (Index("ix_run_event_run", "run_id", "id"),)


class LogLine(Base, table=True):
    """One structured log line of a run."""

    __tablename__ = "log_line"
    id: int | None = identity()
    run_id: int = required()
    at: datetime = instant(nullable=False)
    level: str = word(10, nullable=False)
    stage: str | None = word(64)
    event: str = word(80, nullable=False)
    fields: Any = document()
    __table_args__: ClassVar[Any] = (Index("ix_log_line_run", "run_id", "id"),)


class DateState(Base, table=True):
    """What the newest run says of a calendar date; kept in the commit that moves the run."""

    __tablename__ = "date_state"
    pipeline: str = word(64, nullable=False, key=True)
    day: date = Field(primary_key=True)
    run_id: int = required()
    status: RunStatus = word(16, nullable=False)
    verdict: Verdict | None = word(16)
    session_date: date | None = None
    reason: str | None = long_text()
    rows: int | None = count()
    source_sha256: str | None = word(64)
    updated_at: datetime = instant(nullable=False)


class RunDaily(Base, table=True):
    """Roll-up of finished runs by day (Nepal date of the finish); kept in the commit that ends a run."""

    __tablename__ = "run_daily"
    pipeline: str = word(64, nullable=False, key=True)
    day: date = Field(primary_key=True)
    status: RunStatus = word(16, nullable=False, key=True)
    runs: int = 0
    duration_us: int = count(0)
    cpu_us: int = count(0)
    rows: int = count(0)


class MetricSeries(Base, table=True):
    """What a metric is called and measured in."""

    __tablename__ = "metric_series"
    id: int | None = identity()
    pipeline: str = word(64, nullable=False)
    stage: str = word(64, nullable=False)
    name: str = word(64, nullable=False)
    unit: str = word(16, nullable=False)
    __table_args__: ClassVar[Any] = (Index("uq_metric_series", "pipeline", "stage", "name", unique=True),)


class Metric(Base, table=True):
    """One measured value; clustered by series and time."""

    __tablename__ = "metric"
    series_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    run_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    value: float
    __table_args__: ClassVar[Any] = (Index("ix_metric_run", "run_id"), {"sqlite_with_rowid": False})
