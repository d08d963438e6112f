"""What was asked for and by whom, when it is due, and the runners that do it."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field

from storage.status import BackfillMode, BackfillState, CircuitState, OnFailure, ProcessKind, SlotOutcome
from storage.tables.base import Base, count, document, identity, instant, long_text, only_where, word


class Backfill(Base, table=True):
    """A request for a range of dates; owns runs."""

    __tablename__ = "backfill"
    id: int | None = identity()
    pipeline: str = word(64, nullable=False)
    since: date
    until: date
    mode: BackfillMode = word(16, nullable=False)
    on_failure: OnFailure = word(16, nullable=False)
    max_active: int = 1
    state: BackfillState = word(16, nullable=False)
    dates: int = 0
    request_key: str | None = word(80)
    requested_by: str = word(80, nullable=False)
    created_at: datetime = instant(nullable=False)
    finished_at: datetime | None = instant()
    reason: str | None = long_text()
    __table_args__: ClassVar[Any] = (
        Index("uq_backfill_request_key", "request_key", unique=True),
        Index("ix_backfill_state", "state"),
    )


class Runner(Base, table=True):
    """A process that executes runs."""

    __tablename__ = "runner"
    id: str = word(64, nullable=False, key=True)
    host: str = word(128, nullable=False)
    pid: int = 0
    started_at: datetime = instant(nullable=False)
    heartbeat_at: datetime = instant(nullable=False)  # for people; liveness is judged by `beats`
    beats: int = count(0)
    stopped_at: datetime | None = instant()
    scheduling: bool = True
    kind: ProcessKind = word(16, nullable=False)
    run_id: int | None = count()
    __table_args__: ClassVar[Any] = (Index("ix_runner_alive", "heartbeat_at", **only_where("stopped_at IS NULL")),)


class Schedule(Base, table=True):
    """When a pipeline is due; the code gives the defaults, a person may pause it."""

    __tablename__ = "schedule"
    pipeline: str = word(64, nullable=False, key=True)
    since: date  # the ledger's first date
    paused: bool = False
    paused_at: datetime | None = instant()
    paused_by: str | None = word(80)


class Slot(Base, table=True):
    """The ledger of a schedule: one row an expected date, whatever happened."""

    __tablename__ = "slot"
    pipeline: str = word(64, nullable=False, key=True)
    day: date = Field(primary_key=True)
    due_at: datetime = instant(nullable=False)
    outcome: SlotOutcome = word(16, nullable=False)
    reason: str = long_text(nullable=False)
    run_id: int | None = count()
    updated_at: datetime = instant(nullable=False)


class Breaker(Base, table=True):
    """The circuit of a source: whether it is called, for every process alike; a source that never failed has no row."""

    __tablename__ = "breaker"
    name: str = word(32, nullable=False, key=True)
    version: int = count(0)  # counts every change: who writes says which one it has seen
    state: CircuitState = word(16, nullable=False)
    generation: int = count(0)  # counts the changes of `state`: a call that began in another one says nothing of this one
    since: datetime = instant(nullable=False)
    failures: int = 0  # in a row
    trips: int = 0  # in a row, without calm between
    probe_at: datetime | None = instant()  # open: the next probe; half-open: when another may take its place
    recent: Any = document()  # the window: [microseconds since 1970, answers, failures] each


class BreakerEvent(Base, table=True):
    """One change of a circuit's state, and why."""

    __tablename__ = "breaker_event"
    id: int | None = identity()
    name: str = word(32, nullable=False)
    at: datetime = instant(nullable=False)
    state: CircuitState = word(16, nullable=False)
    reason: str = long_text(nullable=False)
    run_id: int | None = count()
    __table_args__: ClassVar[Any] = (Index("ix_breaker_event_name", "name", "id"),)


class RequestKey(Base, table=True):
    """What a request key was first used for, of commands whose effect does not tell it: with another use of it something is wrong."""

    __tablename__ = "request_key"
    key: str = word(80, nullable=False, key=True)
    command: str = word(64, nullable=False)
    digest: str = word(64, nullable=False)  # sha256 of its parameters
    at: datetime = instant(nullable=False)


class Audit(Base, table=True):
    """Who asked for what, and what came of it."""

    __tablename__ = "audit"
    id: int | None = identity()
    at: datetime = instant(nullable=False)
    actor: str = word(80, nullable=False)
    command: str = word(64, nullable=False)
    parameters: Any = document()
    result: str | None = long_text()
    __table_args__: ClassVar[Any] = (Index("ix_audit_at", "at"),)
