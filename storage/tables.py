"""Every table of the database."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from storage.status import (
    BackfillMode,
    BackfillState,
    OnFailure,
    Outcome,
    RunStatus,
    RunType,
    SlotOutcome,
    StageStatus,
    Verdict,
)
from storage.types import Json, UtcDateTime

# SQLite counts up only an INTEGER key; PostgreSQL needs the wide one.
Identity = BigInteger().with_variant(Integer, "sqlite")


class Base(SQLModel, registry=registry()):  # an own registry survives a reload of this module
    """Root of the tables."""

    __table__: ClassVar[Table]


def _identity() -> Any:
    return Field(default=None, sa_column=Column(Identity, primary_key=True, autoincrement=True))


def _instant(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def _text(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


def _word(length: int = 32, *, nullable: bool = True, key: bool = False) -> Any:
    return Field(default=None, sa_column=Column(String(length), nullable=nullable, primary_key=key))


def _count(default: int | None = None) -> Any:
    return Field(default=default, sa_column=Column(BigInteger, nullable=default is None))


def _required() -> Any:
    return Field(sa_column=Column(BigInteger, nullable=False))


def _only_where(condition: str) -> Any:
    """Return the options of an index that holds only some rows."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _json() -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=True))


class Run(Base, table=True):
    """One execution of a pipeline for one partition (a calendar date)."""

    __tablename__ = "run"
    id: int | None = _identity()
    pipeline: str = _word(64, nullable=False)
    partition: date
    run_type: RunType = _word(16, nullable=False)
    status: RunStatus = _word(16, nullable=False)
    priority: int = 0  # lower is claimed first
    request_key: str | None = _word(80)
    rerun_of: int | None = _count()
    from_stage: str | None = _word(64)
    backfill_id: int | None = _count()
    book_to: date | None = None  # a person's booking of the file to a session
    requested_by: str = _word(80, nullable=False)
    queued_at: datetime = _instant(nullable=False)
    available_at: datetime = _instant(nullable=False)  # not claimed before
    started_at: datetime | None = _instant()
    finished_at: datetime | None = _instant()
    duration_us: int | None = _count()
    cpu_us: int | None = _count()
    fence: int = _count(0)  # goes up at each claim: an older holder cannot commit
    runner_id: str | None = _word(64)
    cancel_requested: bool = False
    rescues: int = 0
    waits: int = 0
    code_version: str | None = _word(16)
    source: str | None = _word(16)
    simulated: bool = False
    source_file: str | None = _word(128)
    source_sha256: str | None = _word(64)
    layout: str | None = _word(32)  # the schema version of the input
    verdict: Verdict | None = _word(16)
    session_date: date | None = None
    outcome: Outcome | None = _word(16)
    reason: str | None = _text()
    evidence: Any = _json()
    rows: int | None = _count()
    error_type: str | None = _word(80)
    error_message: str | None = _text()
    error_stage: str | None = _word(64)
    error_traceback: str | None = _text()
    __table_args__: ClassVar[Any] = (
        Index("uq_run_request_key", "request_key", unique=True),
        # Two runs of one date at once would race; the second is refused by the database itself.
        Index("uq_run_active", "pipeline", "partition", unique=True, **_only_where("status IN ('queued', 'running')")),
        Index(
            "ix_run_queue",
            "status",
            "priority",
            "partition",
            "id",
            **_only_where("status = 'queued'"),
        ),
        Index("ix_run_held", "pipeline", **_only_where("status = 'running'")),
        Index("ix_run_partition", "pipeline", "partition", "id"),
        Index("ix_run_status", "status", "id"),
        Index("ix_run_pipeline_status", "pipeline", "status", "id"),
        Index("ix_run_backfill", "backfill_id", "status"),
        Index("ix_run_rerun_of", "rerun_of"),
    )


class StageRun(Base, table=True):
    """One stage of a run; a stage whose runner died has a row of its own beside the one that went on."""

    __tablename__ = "stage_run"
    id: int | None = _identity()
    run_id: int = _required()
    stage: str = _word(64, nullable=False)
    position: int = 0
    status: StageStatus = _word(16, nullable=False)
    attempts: int = 0
    started_at: datetime | None = _instant()
    finished_at: datetime | None = _instant()
    duration_us: int | None = _count()
    cpu_us: int | None = _count()
    peak_memory_bytes: int | None = _count()
    bytes_read: int | None = _count()
    bytes_written: int | None = _count()
    rows_in: int | None = _count()
    rows_out: int | None = _count()
    checkpoint: Any = _json()
    reused_from: int | None = _count()  # the run whose checkpoint was taken over
    error_type: str | None = _word(80)
    error_message: str | None = _text()
    __table_args__: ClassVar[Any] = (Index("ix_stage_run_run", "run_id", "position", "id"),)


class Attempt(Base, table=True):
    """One failed try of a stage; the try that succeeded is the stage itself."""

    __tablename__ = "attempt"
    id: int | None = _identity()
    run_id: int = _required()
    stage: str = _word(64, nullable=False)
    number: int = 0
    started_at: datetime = _instant(nullable=False)
    duration_us: int = _count(0)
    wait_us: int = _count(0)  # until the next try
    error_type: str = _word(80, nullable=False)
    error_message: str = _text(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_attempt_run", "run_id"),)


class RunEvent(Base, table=True):
    """One thing that happened to a run; every move of its status is one."""

    __tablename__ = "run_event"
    id: int | None = _identity()
    run_id: int = _required()
    at: datetime = _instant(nullable=False)
    name: str = _word(64, nullable=False)
    status: RunStatus | None = _word(16)
    message: str | None = _text()
    __table_args__: ClassVar[Any] = (Index("ix_run_event_run", "run_id", "id"),)


class LogLine(Base, table=True):
    """One structured log line of a run."""

    __tablename__ = "log_line"
    id: int | None = _identity()
    run_id: int = _required()
    at: datetime = _instant(nullable=False)
    level: str = _word(10, nullable=False)
    stage: str | None = _word(64)
    event: str = _word(80, nullable=False)
    fields: Any = _json()
    __table_args__: ClassVar[Any] = (Index("ix_log_line_run", "run_id", "id"),)


class DateState(Base, table=True):
    """What the newest run says of a calendar date; kept in the commit that moves the run."""

    __tablename__ = "date_state"
    pipeline: str = _word(64, nullable=False, key=True)
    day: date = Field(primary_key=True)
    run_id: int = _required()
    status: RunStatus = _word(16, nullable=False)
    verdict: Verdict | None = _word(16)
    session_date: date | None = None
    reason: str | None = _text()
    rows: int | None = _count()
    source_sha256: str | None = _word(64)
    updated_at: datetime = _instant(nullable=False)


class TradingSession(Base, table=True):
    """A session that was accepted: exactly one row a session, whichever file brought it."""

    __tablename__ = "trading_session"
    session: date = Field(primary_key=True)
    run_id: int = _required()
    file_date: date
    source: str = _word(16, nullable=False)
    simulated: bool = False
    layout: str = _word(32, nullable=False)
    rows: int = 0
    trades: int = _count(0)
    volume: int = _count(0)
    turnover_paisa: int = _count(0)
    silver_path: str = _word(200, nullable=False)
    gold_path: str | None = _word(200)
    state_digest: str | None = _word(64)  # of the feature state after this session
    booked_by: str | None = _word(80)  # set when a person chose the session
    accepted_at: datetime = _instant(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_trading_session_file", "file_date"),)


class LakeFile(Base, table=True):
    """The catalog: one row a file of the lake; a reader sees the current one of a (dataset, partition)."""

    __tablename__ = "lake_file"
    path: str = _word(200, nullable=False, key=True)  # relative to the lake
    dataset: str = _word(32, nullable=False)
    partition: date
    is_current: bool = True
    sha256: str = _word(64, nullable=False)
    bytes: int = _count(0)
    rows: int | None = _count()
    schema_version: str | None = _word(32)
    run_id: int | None = _count()
    simulated: bool = False
    created_at: datetime = _instant(nullable=False)
    superseded_at: datetime | None = _instant()
    __table_args__: ClassVar[Any] = (
        Index(
            "uq_lake_file_current",
            "dataset",
            "partition",
            unique=True,
            **_only_where("is_current"),
        ),
        Index("ix_lake_file_version", "dataset", "partition", "created_at"),
    )


class Price(Base, table=True):
    """The serving table: one row a (session, symbol); money in paisa."""

    __tablename__ = "price"
    session: date = Field(primary_key=True)
    symbol: str = _word(32, nullable=False, key=True)
    open_paisa: int | None = _count()
    high_paisa: int | None = _count()
    low_paisa: int | None = _count()
    close_paisa: int | None = _count()
    last_price_paisa: int | None = _count()
    vwap_paisa: int | None = _count()
    previous_close_paisa: int | None = _count()
    turnover_paisa: int | None = _count()
    volume: int | None = _count()
    trades: int | None = _count()
    __table_args__: ClassVar[Any] = (Index("ix_price_symbol", "symbol", "session"), {"sqlite_with_rowid": False})


class MetricSeries(Base, table=True):
    """What a metric is called and measured in."""

    __tablename__ = "metric_series"
    id: int | None = _identity()
    pipeline: str = _word(64, nullable=False)
    stage: str = _word(64, nullable=False)
    name: str = _word(64, nullable=False)
    unit: str = _word(16, nullable=False)
    __table_args__: ClassVar[Any] = (Index("uq_metric_series", "pipeline", "stage", "name", unique=True),)


class Metric(Base, table=True):
    """One measured value; clustered by series and time."""

    __tablename__ = "metric"
    series_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    run_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    value: float
    __table_args__: ClassVar[Any] = (Index("ix_metric_run", "run_id"), {"sqlite_with_rowid": False})


class RunDaily(Base, table=True):
    """Roll-up of finished runs by day (Nepal date of the finish); kept in the commit that ends a run."""

    __tablename__ = "run_daily"
    pipeline: str = _word(64, nullable=False, key=True)
    day: date = Field(primary_key=True)
    status: RunStatus = _word(16, nullable=False, key=True)
    runs: int = 0
    duration_us: int = _count(0)
    cpu_us: int = _count(0)
    rows: int = _count(0)


class Backfill(Base, table=True):
    """A request for a range of dates; owns runs."""

    __tablename__ = "backfill"
    id: int | None = _identity()
    pipeline: str = _word(64, nullable=False)
    since: date
    until: date
    mode: BackfillMode = _word(16, nullable=False)
    on_failure: OnFailure = _word(16, nullable=False)
    max_active: int = 1
    state: BackfillState = _word(16, nullable=False)
    dates: int = 0
    request_key: str | None = _word(80)
    requested_by: str = _word(80, nullable=False)
    created_at: datetime = _instant(nullable=False)
    finished_at: datetime | None = _instant()
    reason: str | None = _text()
    __table_args__: ClassVar[Any] = (
        Index("uq_backfill_request_key", "request_key", unique=True),
        Index("ix_backfill_state", "state"),
    )


class Runner(Base, table=True):
    """A process that executes runs."""

    __tablename__ = "runner"
    id: str = _word(64, nullable=False, key=True)
    host: str = _word(128, nullable=False)
    pid: int = 0
    started_at: datetime = _instant(nullable=False)
    heartbeat_at: datetime = _instant(nullable=False)  # for people; liveness is judged by `beats`
    beats: int = _count(0)
    stopped_at: datetime | None = _instant()
    scheduling: bool = True
    run_id: int | None = _count()
    __table_args__: ClassVar[Any] = (Index("ix_runner_alive", "heartbeat_at", **_only_where("stopped_at IS NULL")),)


class Schedule(Base, table=True):
    """When a pipeline is due; the code gives the defaults, a person may pause it."""

    __tablename__ = "schedule"
    pipeline: str = _word(64, nullable=False, key=True)
    since: date  # the ledger's first date
    paused: bool = False
    paused_at: datetime | None = _instant()
    paused_by: str | None = _word(80)


class Slot(Base, table=True):
    """The ledger of a schedule: one row an expected date, whatever happened."""

    __tablename__ = "slot"
    pipeline: str = _word(64, nullable=False, key=True)
    day: date = Field(primary_key=True)
    due_at: datetime = _instant(nullable=False)
    outcome: SlotOutcome = _word(16, nullable=False)
    reason: str = _text(nullable=False)
    run_id: int | None = _count()
    updated_at: datetime = _instant(nullable=False)
    __table_args__: ClassVar[Any] = (Index("ix_slot_open", "pipeline", "day", **_only_where("outcome = 'due'")),)


class Audit(Base, table=True):
    """Who asked for what, and what came of it."""

    __tablename__ = "audit"
    id: int | None = _identity()
    at: datetime = _instant(nullable=False)
    actor: str = _word(80, nullable=False)
    command: str = _word(64, nullable=False)
    parameters: Any = _json()
    result: str | None = _text()
    __table_args__: ClassVar[Any] = (Index("ix_audit_at", "at"),)
