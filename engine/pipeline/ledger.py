"""The schedule ledger: every expected date gets one row that says what became of it, whatever happened.

Nothing depends on a timer that fired: on every tick, and at start, what is due is computed from the calendar, the schedule and the
runs in the database. A slot that passed while no runner was alive is found here and caught up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.clock import nepal_date, nepal_time
from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import Due, Pipeline
from engine.runtime import Runtime
from storage import moves, runs, schedules, sessions
from storage.status import ACTIVE, RunStatus, RunType, SlotOutcome, Verdict

ON_TIME = timedelta(minutes=10)  # a run queued later than this after its time is a catch-up
LATE = timedelta(hours=1)
IN_ORDER = 2  # as backfills: what is due by the clock waits for the older dates that it builds on
LOOK_BACK = timedelta(days=60)  # a rerun may still change what became of so old a slot

_BY_VERDICT = {
    Verdict.NO_SESSION: SlotOutcome.HOLIDAY,
    Verdict.MISSING: SlotOutcome.SOURCE_EMPTY,
    Verdict.FAILED: SlotOutcome.FAILED,
}


_BY_STATUS = {RunStatus.CANCELLED: SlotOutcome.CANCELLED, RunStatus.CRASHED: SlotOutcome.FAILED}
_UNJUDGED = {RunStatus.FAILED: SlotOutcome.FAILED}
_DONE = (SlotOutcome.RAN, SlotOutcome.LATE)
_TO_ASK = (SlotOutcome.DUE, SlotOutcome.MISSED)  # of these a run is queued once their time has come


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """What the ledger knows of one date before it judges it."""

    day: date
    due_at: datetime
    expected: bool
    why: str  # the calendar's reason
    state: Mapping[str, Any] | None  # the newest run of the date
    paused_at: datetime | None
    blocked_by: date | None  # an earlier date that is queued or running
    booked: Mapping[str, Any] | None = None  # its session, where the file of another date brought it in
    brought: date | None = None  # the session of another date that its own file brought in


@dataclass(frozen=True, slots=True)
class Bookings:
    """Sessions that came with the file of another date."""

    elsewhere: Mapping[date, Mapping[Any, Any]]  # by session
    brought: Mapping[date, date]  # the session, by the date of the file

    @classmethod
    def of(cls, accepted: Sequence[Mapping[Any, Any]]) -> "Bookings":
        """Pick them from accepted sessions."""
        moved = [row for row in accepted if row["file_date"] != row["session"]]
        return cls({row["session"]: row for row in moved}, {row["file_date"]: row["session"] for row in moved})


def accepted_around(
    connection: Connection, states: Mapping[date, Mapping[Any, Any]], since: date, until: date
) -> Sequence[Mapping[Any, Any]]:
    """Return the accepted sessions of a range, and those before it that its files hold; `states` are those of its dates."""
    held = (state["session_date"] for day, state in states.items() if since <= day <= until and state["session_date"])
    return sessions.between(connection, min([since, *held]), until)


def due_time(due: Due, day: date) -> datetime:
    """Return the instant of a slot, in UTC."""
    return nepal_time(day, due.at.hour, due.at.minute)


def judge(facts: SlotFacts, *, now: datetime) -> tuple[SlotOutcome, str]:
    """Return what became of a slot and why, in a sentence."""
    own = _by_run(facts, facts.state) if facts.state is not None else _unasked(facts, now)
    if facts.booked is None or (facts.state is None and own[0] in _TO_ASK):
        return own
    return _by_booking(facts, facts.booked)


def booked_from(session: Mapping[Any, Any]) -> str:
    """Say from which file a session was booked."""
    return f"booked from the file of {session['file_date']}"


def with_what_came(reason: str, brought: date | None) -> str:
    """Return why a date had no session, with the session of another date that its file brought in."""
    return reason if brought is None else f"its file brought in the session of {brought}: {reason}"


def _by_booking(facts: SlotFacts, booked: Mapping[Any, Any]) -> tuple[SlotOutcome, str]:
    lateness = booked["accepted_at"] - facts.due_at
    if lateness > LATE:
        return SlotOutcome.LATE, f"{booked_from(booked)} ({_hours(lateness)} after its time)"
    return SlotOutcome.RAN, booked_from(booked)


def _unasked(facts: SlotFacts, now: datetime) -> tuple[SlotOutcome, str]:
    return _by_time(facts, now) if facts.expected else (SlotOutcome.HOLIDAY, facts.why)


def _by_time(facts: SlotFacts, now: datetime) -> tuple[SlotOutcome, str]:
    if facts.paused_at is not None and facts.paused_at <= facts.due_at <= now:
        return SlotOutcome.PAUSED, "the schedule was paused at its time"
    if now < facts.due_at:
        return SlotOutcome.DUE, "its time has not come"
    if facts.paused_at is not None:
        return SlotOutcome.MISSED, "no runner was alive at its time, and the schedule is paused since; caught up when it goes on"
    if now - facts.due_at > ON_TIME:
        return SlotOutcome.MISSED, f"no runner was alive at its time; caught up {_hours(now - facts.due_at)} late"
    return SlotOutcome.DUE, "queued"


def _by_run(facts: SlotFacts, state: Mapping[str, Any]) -> tuple[SlotOutcome, str]:
    if facts.blocked_by is not None and state["status"] == RunStatus.QUEUED:
        return SlotOutcome.BLOCKED, f"waits for {facts.blocked_by}, which it builds on"
    known, reason = word_of(state), state["reason"] or state["status"]
    if known is not None:
        return known, with_what_came(reason, facts.brought) if known is SlotOutcome.HOLIDAY else reason
    lateness = state["updated_at"] - facts.due_at
    return (SlotOutcome.LATE, f"{reason} ({_hours(lateness)} after its time)") if lateness > LATE else (SlotOutcome.RAN, reason)


def word_of(state: Mapping[str, Any]) -> SlotOutcome | None:
    """Return what the newest run of a date made of it, whenever that was due; None where it brought the session in."""
    status = state["status"]
    if status in ACTIVE:
        return SlotOutcome.DUE
    return _BY_STATUS.get(status) or _BY_VERDICT.get(state["verdict"]) or _UNJUDGED.get(status)


def reconcile(runtime: Runtime, pipeline: Pipeline) -> None:
    """Bring the ledger of a pipeline up to now, and queue a run for every slot that is due and has none."""
    due = pipeline.due
    if due is None:
        return
    now = runtime.clock.now()
    today = nepal_date(now)
    calendar = TradingCalendar(runtime.source.reference().calendar)
    with runtime.database.transaction() as connection:
        runtime.database.serialise(connection, "submit")  # the same dates may be asked for by a person at this moment
        schedule = schedules.ensure(connection, pipeline.name, since=today)
        last = schedules.last_day(connection, pipeline.name) or schedule["since"]
        since = max(schedule["since"], min(last, today - LOOK_BACK))
        written = {row["day"]: row for row in schedules.slots_between(connection, pipeline.name, since, today)}
        states = {row["day"]: row for row in runs.states_between(connection, pipeline.name, since, today)}
        bookings = Bookings.of(accepted_around(connection, states, since, today))
        active = sorted(runs.active_between(connection, pipeline.name, since, today)) if pipeline.sequential else []
        changed = []
        for number in range((today - since).days + 1):
            day = since + timedelta(days=number)
            facts = replace(
                _facts(day, due, calendar, states.get(day), schedule, active),
                booked=bookings.elsewhere.get(day),
                brought=bookings.brought.get(day),
            )
            outcome, reason = judge(facts, now=now)
            told_by = facts.booked or facts.state  # what names the run
            before = written.get(day)
            if before is not None and stands(SlotOutcome(before["outcome"]), outcome, has_run=told_by is not None):
                continue
            run_id = told_by["run_id"] if told_by else None
            if outcome in _TO_ASK and facts.state is None and facts.due_at <= now and not schedule["paused"]:
                run_id = _queue(connection, pipeline.name, day, outcome, now)
            row = {"pipeline": pipeline.name, "day": day, "due_at": facts.due_at, "outcome": outcome, "reason": reason, "run_id": run_id}
            if before is None or any(before[name] != row[name] for name in ("outcome", "reason", "run_id")):
                changed.append(row | {"updated_at": now})
        schedules.write_slots(connection, changed)


def wake_after_clock(runtime: Runtime) -> int:
    """Let runs be claimed that came into the queue at a time which is to come: the clock was set back. Returns how many there were."""
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        if not moves.queued_in_the_future(connection, at=now):
            return 0
    with runtime.database.transaction() as connection:
        waiting = moves.queued_in_the_future(connection, at=now)
        moves.look_now(connection, waiting, at=now)
    return len(waiting)


def stands(before: SlotOutcome, now: SlotOutcome, *, has_run: bool) -> bool:
    """Say whether what the ledger says of a slot stays: resuming runs nothing that was left out on purpose, a rerun makes nothing late."""
    if before is SlotOutcome.PAUSED:
        return not has_run
    return before in _DONE and now in (*_DONE, SlotOutcome.DUE, SlotOutcome.BLOCKED)


def _facts(day: date, due: Due, calendar: TradingCalendar, state: Any, schedule: Any, active: list[date]) -> SlotFacts:
    expectation = calendar.expected(day)
    expected = expectation.trading or not due.session_days_only
    paused_at = schedule["paused_at"] if schedule["paused"] else None
    blocked_by = active[0] if active and active[0] < day else None
    return SlotFacts(day, due_time(due, day), expected, expectation.reason, state, paused_at, blocked_by)


def _queue(connection: Connection, pipeline: str, day: date, outcome: SlotOutcome, now: datetime) -> int:
    kind = RunType.CATCHUP if outcome is SlotOutcome.MISSED else RunType.SCHEDULED
    return moves.add(connection, at=now, pipeline=pipeline, partition=day, run_type=kind, requested_by="schedule", priority=IN_ORDER)


def _hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004, an hour


def next_slots(pipeline: Pipeline, calendar: TradingCalendar, now: datetime, *, count: int) -> list[datetime]:
    """Return the next `count` due times of a pipeline, in UTC."""
    if pipeline.due is None:
        return []
    day, found = nepal_date(now), list[datetime]()
    while len(found) < count:
        at = due_time(pipeline.due, day)
        if at > now and (calendar.expected(day).trading or not pipeline.due.session_days_only):
            found.append(at)
        day += timedelta(days=1)
    return found
