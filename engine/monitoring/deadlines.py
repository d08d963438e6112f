"""Whether a session was loaded by the time that it was promised for, and whether the next one will be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import floor

from engine.clock import NEPAL, nepal_time
from engine.thresholds import Thresholds, ThresholdSpec, threshold
from storage.status import SlotOutcome

LOADED_BY = threshold(
    ThresholdSpec(
        "deadline.loaded_by",
        default=19.0,
        low=15.5,
        high=23.75,
        step=0.25,
        unit="o'clock, Nepal time",
        why="A session is to be in the lake by then. Later counts as late and uses up the error budget.",
    )
)
OBJECTIVE = threshold(
    ThresholdSpec(
        "deadline.objective_pct",
        default=95.0,
        low=50.0,
        high=100.0,
        step=0.5,
        unit="% of sessions",
        why="So many of the last 60 sessions are to be in time. What may still be late is the error budget.",
    )
)
WINDOW = 60  # sessions over which the objective is held
NEVER = timedelta(hours=24)  # a session that is so late has not come at all


class DeadlineState(StrEnum):
    """Where a session stands to its deadline."""

    ON_TIME = "on time"
    PENDING = "pending"  # its time has not come, and nothing speaks against it
    AT_RISK = "at risk"  # its time has not come, and what is left of it may not do
    LATE = "late"  # loaded behind it, or not yet
    NEVER_CAME = "never came"  # a day behind it, and still not there
    WAIVED = "waived"  # the schedule was paused: nobody waits for it


MISSED = (DeadlineState.LATE, DeadlineState.NEVER_CAME)


@dataclass(frozen=True, slots=True)
class Expected:
    """A session that was promised: when it is due, what became of it so far, when it was first loaded."""

    day: date
    due_at: datetime
    outcome: SlotOutcome
    reason: str
    loaded_at: datetime | None
    run_id: int | None


@dataclass(frozen=True, slots=True)
class Deadline:
    """A session and its deadline, in UTC; `run_id` is the newest run of its date."""

    day: date
    at: datetime
    state: DeadlineState
    why: str
    loaded_at: datetime | None
    run_id: int | None


@dataclass(frozen=True, slots=True)
class Budget:
    """How many of the last sessions may be late, and how many were."""

    sessions: int
    missed: int
    objective: float  # share

    @property
    def allowed(self) -> int:
        """How many may be late; rounded down."""
        return floor(self.sessions * (1 - self.objective) + 1e-9)

    @property
    def left(self) -> int:
        """How many more may be late; below nought when the objective is missed."""
        return self.allowed - self.missed


def loaded_by(day: date, thresholds: Thresholds) -> datetime:
    """Return the deadline of a session, in UTC."""
    hours = thresholds[LOADED_BY.key]
    return nepal_time(day, int(hours), round(hours % 1 * 60))


def judged(expected: Expected, thresholds: Thresholds, *, now: datetime, takes: timedelta | None) -> Deadline:
    """Say where a session stands; `takes` is how long a run needs at worst (its 95th percentile), None where none was measured."""
    at = loaded_by(expected.day, thresholds)
    state, why = _state(expected, at, now, takes)
    return Deadline(expected.day, at, state, why, expected.loaded_at, expected.run_id)


def _state(expected: Expected, at: datetime, now: datetime, takes: timedelta | None) -> tuple[DeadlineState, str]:
    if expected.loaded_at is not None:
        if expected.loaded_at <= at:
            return DeadlineState.ON_TIME, f"loaded {_span(at - expected.loaded_at)} before"
        return DeadlineState.LATE, f"loaded {_span(expected.loaded_at - at)} after"
    if expected.outcome is SlotOutcome.PAUSED:
        return DeadlineState.WAIVED, expected.reason
    if now > at + NEVER:
        return DeadlineState.NEVER_CAME, expected.reason
    if now > at:
        why = expected.reason if now >= expected.due_at else _not_due(expected)
        return DeadlineState.LATE, f"not loaded, {_span(now - at)} after: {why}"
    return _before(expected, at, now, takes)


def _before(expected: Expected, at: datetime, now: datetime, takes: timedelta | None) -> tuple[DeadlineState, str]:
    if expected.due_at >= at:
        return DeadlineState.AT_RISK, _not_due(expected)
    left = at - max(now, expected.due_at)
    if takes is not None and takes > left:
        return DeadlineState.AT_RISK, f"a run takes up to {_span(takes)}, and {_span(max(left, timedelta()))} are left"
    if expected.outcome in (SlotOutcome.FAILED, SlotOutcome.CANCELLED, SlotOutcome.BLOCKED, SlotOutcome.SOURCE_EMPTY, SlotOutcome.MISSED):
        return DeadlineState.AT_RISK, expected.reason
    if now > expected.due_at:
        return DeadlineState.PENDING, f"{_span(left)} left: {expected.reason}"
    return DeadlineState.PENDING, "its time has not come"


def _not_due(expected: Expected) -> str:
    return f"by its schedule it is not due before {expected.due_at.astimezone(NEPAL):%H:%M}"


def budget(deadlines: Sequence[Deadline], thresholds: Thresholds) -> Budget:
    """Return the error budget over the last `WINDOW` sessions that are decided, of deadlines in any order."""
    decided = sorted((one for one in deadlines if one.state in (DeadlineState.ON_TIME, *MISSED)), key=lambda one: one.day)[-WINDOW:]
    return Budget(len(decided), sum(one.state in MISSED for one in decided), thresholds[OBJECTIVE.key] / 100)


def _span(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    if minutes < 1:
        return f"{span / timedelta(seconds=1):.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"  # noqa: PLR2004, two hours
