"""Which session the file of a date is, with what the lake and its people know already; the rules are in `market/verdict.py`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from engine.market.calendar import TradingCalendar
from engine.market.daily_file import ParsedFile
from engine.market.verdict import AcceptedSession, Judgement, SessionHistory, judge
from engine.pipeline.context import StageContext
from storage import runs, sessions

USUAL = 20  # sessions that say how many rows are usual


@dataclass(frozen=True, slots=True)
class Booking:
    """The session that a person booked a file to."""

    session: date
    by: str


def brought_by(context: StageContext, sha256: str) -> dict[date, Mapping[str, Any]]:
    """Return the sessions that these very bytes have brought before: the file must not be judged by them.

    What other bytes under the same date brought is a session like any other: a source may show the day before first, and its own later.
    """
    rows = context.query(sessions.from_file, context.day)
    return {row["session"]: row for row in rows if context.query(runs.one, row["run_id"])["source_sha256"] == sha256}


def booking(context: StageContext, brought: Mapping[date, Mapping[str, Any]]) -> Booking | None:
    """Return the booking that this run was asked for, or the one that a person gave to the same bytes before: it stands until another."""
    if context.run["book_to"]:
        return Booking(context.run["book_to"], context.run["requested_by"])
    return next((Booking(session, row["booked_by"]) for session, row in brought.items() if row["booked_by"]), None)


def judge_file(context: StageContext, file: ParsedFile, brought: Mapping[date, Mapping[str, Any]], booked: Booking | None) -> Judgement:
    """Return which session the file holds."""
    day = context.day
    known = _last_known(context, brought)
    last = AcceptedSession(known["session"], context.table(known["silver_path"])) if known else None
    sizes = context.query(sessions.sizes_before, day, limit=USUAL)
    calendar = calendar_of(context)
    missing = _sessions_missing(context, calendar, last.session, brought) if last else []
    return judge(
        file,
        day,
        last=last,
        history=SessionHistory(tuple(rows for rows, _ in sizes), tuple(trades for _, trades in sizes)),
        calendar=calendar,
        reference=context.runtime.source.reference(),
        missing=[session for session, _ in missing],
        held_earlier=[session for session, held_earlier in missing if held_earlier],
        override=booked.session if booked else None,
    )


def _last_known(context: StageContext, brought: Collection[date]) -> Mapping[str, Any] | None:
    """Return the newest session before this date that was known when its file came."""
    earlier = context.query(sessions.known_to, context.day)
    others = [row for row in context.query(sessions.from_file, context.day) if row["session"] < context.day]
    known = [row for row in (earlier, *others) if row is not None and row["session"] not in brought]
    return max(known, key=lambda row: row["session"], default=None)


def _sessions_missing(context: StageContext, calendar: TradingCalendar, last: date, brought: Collection[date]) -> list[tuple[date, bool]]:
    """Return the expected sessions between the last accepted one and this date that are not in the lake.

    With each stands whether its own file came, whole, and held an earlier session: then it may well have been no session.
    """
    since, until = last + timedelta(days=1), context.day - timedelta(days=1)
    expected = calendar.sessions_between(since, until)
    if not expected:
        return []  # most dates follow the last session at once
    have = {row["session"] for row in context.query(sessions.between, since, until)} - set(brought)
    states = {row["day"]: row for row in context.query(runs.states_between, context.run["pipeline"], since, until)}

    def held_earlier(day: date) -> bool:
        state = states.get(day)
        return state is not None and state["session_date"] is not None and state["session_date"] < day

    return [(day, held_earlier(day)) for day in expected if day not in have]


def left_behind(context: StageContext, brought: Collection[date], *, keep: date | None) -> tuple[date, ...]:
    """Return the sessions that the file of this date brought and does not hold any more: booked elsewhere now, or changed."""
    rows = context.query(sessions.from_file, context.day)
    return tuple(row["session"] for row in rows if row["session"] != keep and row["session"] in {*brought, context.day})


def calendar_of(context: StageContext) -> TradingCalendar:
    """Return the announced calendar over the trading week."""
    return TradingCalendar(context.runtime.source.reference().calendar)
