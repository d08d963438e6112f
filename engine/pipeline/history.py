"""The schedule ledger as it is read: what the runner wrote of each slot, and of the dates before the schedule began what brought them in.

Nothing is stored for those dates: what the runs say of them is the one truth, and whoever reads it gets the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.clock import nepal_date
from engine.market.calendar import TradingCalendar
from engine.pipeline.graph import Pipeline
from engine.pipeline.ledger import LOOK_BACK, Bookings, SlotFacts, accepted_around, booked_from, judge, stands, with_what_came, word_of
from storage import run_list, runs, schedules
from storage.status import SlotOutcome

ONE_DAY = timedelta(days=1)
_NO_BOOKINGS = Bookings({}, {})


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one date, and why; `due_at` is None for a date that was never due."""

    day: date
    due_at: datetime | None
    outcome: SlotOutcome
    reason: str
    run_id: int | None


def entries(
    connection: Connection, pipeline: Pipeline, calendar: TradingCalendar, since: date, until: date, *, now: datetime
) -> list[Entry]:
    """Return the ledger of a range, oldest first: each date from the first one that a run ever covered or the schedule expected.

    A handful of indexed reads, whatever the length of the range.
    """
    slots = schedules.slots_between(connection, pipeline.name, since, until)
    covered = run_list.span(connection, pipeline.name)
    if covered is None:
        return [_written(slot, None, _NO_BOOKINGS, now) for slot in slots]
    begins = schedules.begins(connection, pipeline.name)
    end = min(until, covered[1] if begins is None else begins - ONE_DAY)
    given_up = nepal_date(now) - LOOK_BACK  # the runner no longer looks at slots before this date
    states = {row["day"]: row for row in runs.covered_between(connection, pipeline.name, since, min(until, max(end, given_up)))}
    accepted = accepted_around(connection, states, since, min(until, max(end, given_up)))
    bookings = Bookings.of(accepted)
    first = max(since, min([covered[0], *(row["session"] for row in accepted)]))
    days = [first + timedelta(days=number) for number in range((end - first).days + 1)]
    whole = {row["session"]: row for row in accepted}
    before = [_before(day, states.get(day), whole.get(day), bookings, calendar, begins) for day in days]
    return before + [_written(slot, states.get(slot["day"]) if slot["day"] < given_up else None, bookings, now) for slot in slots]


def _written(slot: Mapping[Any, Any], state: Mapping[Any, Any] | None, bookings: Bookings, now: datetime) -> Entry:
    """Take a slot as it was written; one that the runner no longer looks at is judged again by the newest run of its date."""
    day, outcome, reason, run_id = slot["day"], SlotOutcome(slot["outcome"]), slot["reason"], slot["run_id"]
    if state is not None:
        booked, brought = bookings.elsewhere.get(day), bookings.brought.get(day)
        at = slot["due_at"]
        facts = SlotFacts(day, at, True, reason, state, paused_at=None, blocked_by=None, booked=booked, brought=brought)
        judged = judge(facts, now=now)
        if not stands(outcome, judged[0], has_run=True):
            (outcome, reason), run_id = judged, (booked or state)["run_id"]
    return Entry(day, slot["due_at"], outcome, reason, run_id)


def _before(
    day: date,
    state: Mapping[Any, Any] | None,
    accepted: Mapping[Any, Any] | None,
    bookings: Bookings,
    calendar: TradingCalendar,
    begins: date | None,
) -> Entry:
    """Say what became of a date that lies before the schedule's first day; a session is one, whichever file brought it in."""
    if accepted is not None and (state is None or day in bookings.elsewhere):
        return Entry(day, None, SlotOutcome.BACKFILLED, booked_from(accepted), accepted["run_id"])
    if state is not None:
        return _asked_for(day, state, bookings.brought.get(day))
    expected = calendar.expected(day)
    if not expected.trading:
        return Entry(day, None, SlotOutcome.HOLIDAY, expected.reason, None)
    known = "no schedule has begun" if begins is None else f"the schedule begins on {begins}"
    return Entry(day, None, SlotOutcome.NOT_DUE, f"{known}, and nobody has asked for this date", None)


def _asked_for(day: date, state: Mapping[Any, Any], brought: date | None) -> Entry:
    outcome, reason = word_of(state) or SlotOutcome.BACKFILLED, state["reason"] or state["status"]
    if outcome is SlotOutcome.HOLIDAY:
        return Entry(day, None, outcome, with_what_came(reason, brought), state["run_id"])
    by = f"backfill {state['backfill_id']}" if state["backfill_id"] is not None else state["requested_by"]
    reason = f"{'brought in' if outcome is SlotOutcome.BACKFILLED else 'asked for'} by {by}: {reason}"
    return Entry(day, None, outcome, reason, state["run_id"])
