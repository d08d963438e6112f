"""Reads what a reconciliation needs: the trades of a session as the stream or a tape has them, and its official rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from engine.clock import NEPAL
from engine.errors import SourceError, UnknownName
from engine.pipelines import PIPELINES
from engine.pipelines.daily_prices import REJECTED
from engine.runtime import Runtime
from engine.stream.deciding import decided_on
from engine.stream.logs import log_of
from engine.stream.received import Gap, Received, gap, received
from engine.stream.reconcile import FIELDS, MONEY, OfficialDay, Reconciliation, Values, reconciled, stream_reconciled
from engine.stream.replay import replayed
from engine.stream.versions import limits_of
from engine.tapes import Tape, tape_days
from engine.thresholds import snapshot
from storage import lake, quality, sessions, speed_layer, stream_letters
from storage.lake import LakeFileLost


@dataclass(frozen=True, slots=True)
class Sides:
    """Whose trades of a session there are; `no_stream` says why there are none of the stream."""

    stream: bool
    tape: bool
    no_stream: str = ""


def sides(runtime: Runtime, session: date) -> Sides:
    """Return whose trades of a session there are."""
    try:
        tape = session in tape_days(runtime)
    except SourceError:
        tape = False
    with runtime.database.reading() as connection:
        state = speed_layer.state(connection, session)
        log = log_of(runtime).state(session, within=connection)
    if log.dropped_at is not None:
        return Sides(False, tape, f"The stream's log of {session} was dropped on {log.dropped_at.astimezone(NEPAL):%Y-%m-%d} by retention.")
    if state is None or not log.records:
        return Sides(False, tape, f"The stream has not worked on {session}.")
    return Sides(True, tape)


def received_of(runtime: Runtime, connection: Connection, state: Mapping[Any, Any]) -> Received:
    """Return what the stream received of a session, given its `stream_state`.

    Raises `SegmentDamaged` and `TicksGone` as the log does.
    """
    session = state["session"]
    records = log_of(runtime).whole(session, within=connection)
    return received(session, records, limits_of(connection, state), decided_on(connection, session))


def received_now(runtime: Runtime, session: date) -> Received:
    """Return what the stream received of a session; `UnknownName` where it never worked on it, and the errors of `received_of`."""
    with runtime.database.reading() as connection:
        return received_of(runtime, connection, _state(connection, session))


def gap_of(connection: Connection, found: Received, tape: Tape) -> Gap:
    """Return which trades of a tape are not in a session, but for those that people have put away."""
    return gap(found, tape.ticks, tape.symbols, put_away=stream_letters.put_away(connection, found.session))


def missing_of(runtime: Runtime, tape: Tape) -> Gap:
    """Return which trades of a tape the stream's session has not; the errors are those of `received_of`."""
    with runtime.database.reading() as connection:
        return gap_of(connection, received_of(runtime, connection, _state(connection, tape.session)), tape)


def reconcile_stream(runtime: Runtime, session: date) -> Reconciliation:
    """Compare what the stream received and serves of a session with its official rows; the errors are those of `received_of`."""
    with runtime.database.reading() as connection:
        state = _state(connection, session)
        found = received_of(runtime, connection, state)
        days = speed_layer.days_of(connection, session)
    return stream_reconciled(
        found, {row["symbol"]: _values(row) for row in days}, official_day(runtime, session), over=state["ended_at"] is not None
    )


def stream_stamp(runtime: Runtime, session: date) -> tuple[Any, ...]:
    """Return what is another when what the stream has of a session, or its official rows, are."""
    with runtime.database.reading() as connection:
        state = speed_layer.state(connection, session)
        accepted = sessions.one(connection, session)
        log = log_of(runtime).state(session, within=connection)
    told = () if state is None else (state["updated_at"], state["accepted"], state["thresholds"], state["ended_at"])
    return (None if accepted is None else accepted["run_id"], log.records, log.path, *told)


def _state(connection: Connection, session: date) -> Mapping[Any, Any]:
    state = speed_layer.state(connection, session)
    if state is None:
        raise UnknownName(f"the stream has never worked on {session}")
    return state


def _values(row: Mapping[Any, Any]) -> Values:
    return {name: row[f"{name}_paisa" if name in MONEY else name] for name in FIELDS}


def official_day(runtime: Runtime, session: date) -> OfficialDay:
    """Return the official rows of a session as they are served; none while it is not loaded."""
    with runtime.database.reading() as connection:
        accepted = sessions.one(connection, session)
        if accepted is None:
            return OfficialDay({})
        rows = sessions.served(connection, session)
        before = sessions.last_before(connection, session)
        closes = {row["symbol"]: row["close_paisa"] for row in sessions.served(connection, before["session"])} if before else {}
        aside = _lists_of_what_was_set_aside(connection, session, accepted["file_date"])
    known = runtime.source.reference().control.get(session)
    return OfficialDay(
        rows={row["symbol"]: _values(row) for row in rows},
        trades=known.trades if known else None,
        refused=frozenset(symbol for path in aside for symbol in _symbols(runtime, path)),
        restated=frozenset(
            row["symbol"]
            for row in rows
            if (close := closes.get(row["symbol"])) and row["previous_close_paisa"] and row["previous_close_paisa"] != close
        ),
    )


def _lists_of_what_was_set_aside(connection: Connection, session: date, file_date: date) -> list[str]:
    """Return the lake files of the lines that could not be read, and of the rows that the gate has refused."""
    unreadable = lake.current(connection, REJECTED, file_date)
    reports = [report for pipeline in PIPELINES for report in quality.reports_between(connection, pipeline, session, session)]
    return [path for path in (unreadable.path if unreadable else None, *(report["quarantine_path"] for report in reports)) if path]


def _symbols(runtime: Runtime, path: str) -> list[str]:
    try:
        return [symbol for symbol in runtime.lake.read_table(path)["symbol"].to_pylist() if symbol]
    except LakeFileLost:
        return []  # the row is then said to be missing, which is true


def reconcile(runtime: Runtime, tape: Tape) -> Reconciliation:
    """Compare a tape with the official rows of its session."""
    replay = replayed(tape.session, tape.ticks, tape.symbols, snapshot({}, 0))
    return reconciled(replay, tape.ticks, official_day(runtime, tape.session), [line.raw for line in tape.bad])
