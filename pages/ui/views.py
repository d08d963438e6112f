"""What the cached reads give to the pages: plain values, typed at this boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Self, get_type_hints

from storage.status import (
    AlertMove,
    AlertSeverity,
    AlertStanding,
    BackfillMode,
    BackfillState,
    CheckStatus,
    Decision,
    GateVerdict,
    JobOutcome,
    Label,
    LetterKind,
    LetterState,
    NotificationKind,
    NotificationState,
    OnFailure,
    Outcome,
    RunStatus,
    RunType,
    SlotOutcome,
    StageStatus,
    Verdict,
)

_WORDS: Mapping[Any, type[StrEnum]] = {
    RunStatus: RunStatus,
    RunType: RunType,
    StageStatus: StageStatus,
    Verdict | None: Verdict,
    Outcome | None: Outcome,
    BackfillState: BackfillState,
    BackfillMode: BackfillMode,
    OnFailure: OnFailure,
    SlotOutcome: SlotOutcome,
    JobOutcome: JobOutcome,
    RunStatus | None: RunStatus,
    GateVerdict: GateVerdict,
    CheckStatus: CheckStatus,
    Decision: Decision,
    Label: Label,
    LetterKind: LetterKind,
    LetterState: LetterState,
    Decision | None: Decision,
    AlertStanding: AlertStanding,
    AlertMove: AlertMove,
    AlertSeverity: AlertSeverity,
    NotificationKind: NotificationKind,
    NotificationState: NotificationState,
}


@dataclass(frozen=True, slots=True)
class View:
    """A row as a value."""

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """Take the fields of this class from a row; stored words become members of their closed set."""
        view: Any = cls
        return cls(*[members[value] if (value := row[name]) and members else value for name, members in _words_of(view)])


@cache
def _words_of(view: Any) -> Sequence[tuple[str, Mapping[str, StrEnum] | None]]:
    """Return the fields of a view in their order, each with the members of its closed set by their words."""
    hints = get_type_hints(view)
    kinds = ((field.name, _WORDS.get(hints[field.name])) for field in fields(view))
    return [(name, {str(member): member for member in kind} if kind else None) for name, kind in kinds]


@dataclass(frozen=True, slots=True)
class RunView(View):
    """One run."""

    id: int
    pipeline: str
    partition: date
    run_type: RunType
    status: RunStatus
    request_key: str | None
    rerun_of: int | None
    from_stage: str | None
    backfill_id: int | None
    book_to: date | None
    requested_by: str
    queued_at: datetime
    available_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_us: int | None
    cpu_us: int | None
    fence: int
    runner_id: str | None
    cancel_requested: bool
    rescues: int
    waits: int
    code_version: str | None
    source: str | None
    simulated: bool
    source_file: str | None
    source_sha256: str | None
    layout: str | None
    verdict: Verdict | None
    session_date: date | None
    outcome: Outcome | None
    reason: str | None
    evidence: Any
    rows: int | None
    error_type: str | None
    error_message: str | None
    error_stage: str | None
    error_traceback: str | None


@dataclass(frozen=True, slots=True)
class StageView(View):
    """One stage of a run."""

    id: int
    run_id: int
    stage: str
    position: int
    status: StageStatus
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    duration_us: int | None
    cpu_us: int | None
    peak_memory_bytes: int | None
    bytes_read: int | None
    bytes_written: int | None
    rows_in: int | None
    rows_out: int | None
    checkpoint: Any
    reused_from: int | None
    error_type: str | None
    error_message: str | None


@dataclass(frozen=True, slots=True)
class AttemptView(View):
    """One failed try of a stage."""

    stage: str
    number: int
    started_at: datetime
    duration_us: int
    wait_us: int
    error_type: str
    error_message: str


@dataclass(frozen=True, slots=True)
class EventView(View):
    """One thing that happened to a run."""

    id: int
    at: datetime
    name: str
    status: RunStatus | None
    message: str | None


@dataclass(frozen=True, slots=True)
class LogView(View):
    """One log line of a run."""

    id: int
    at: datetime
    level: str
    stage: str | None
    event: str
    fields: Any


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with everything that belongs to it, but for its log."""

    run: RunView
    stages: tuple[StageView, ...]
    attempts: tuple[AttemptView, ...]
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class BackfillView(View):
    """One backfill."""

    id: int
    pipeline: str
    since: date
    until: date
    mode: BackfillMode
    on_failure: OnFailure
    max_active: int
    state: BackfillState
    dates: int
    requested_by: str
    created_at: datetime
    finished_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TileView(View):
    """One run of a backfill, as small as a tile needs it."""

    id: int
    partition: date
    status: RunStatus
    verdict: Verdict | None
    reason: str | None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SlotView(View):
    """One date of a schedule's ledger, and what became of it."""

    day: date
    due_at: datetime | None  # None: it was never due
    outcome: SlotOutcome
    reason: str
    run_id: int | None


@dataclass(frozen=True, slots=True)
class ScheduleView(View):
    """Whether a schedule is paused, and by whom."""

    pipeline: str
    since: date
    paused: bool
    paused_at: datetime | None
    paused_by: str | None


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs now: the newest sign of life of a runner, and the queue."""

    heartbeat_at: datetime | None
    runners: int  # not ended, alive or not
    alive: int  # with a young heartbeat
    queued: int
    running: int
    starting: bool = False  # the console has only just begun, and its runner with it


@dataclass(frozen=True, slots=True)
class JobView(View):
    """One execution of a job for the product's own safety."""

    id: int
    job: str
    outcome: JobOutcome
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    figures: Any
    message: str | None


@dataclass(frozen=True, slots=True)
class DamageView(View):
    """One file of the lake that is not what was published."""

    path: str
    dataset: str
    partition: date
    reason: str
    found_at: datetime
