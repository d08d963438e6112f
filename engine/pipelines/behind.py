"""Sessions that wait for their gold, and the run that brings them to date where no other one will.

A run of a backfill leaves what lies behind its next date to the run of that date. Where none comes (the last date had no session, it was
paused, cancelled or stopped, its source is away), a runner that has nothing else to do queues a run that carries to the end.
"""

from datetime import date, datetime

from sqlalchemy import Connection, RowMapping

from engine.pipeline.graph import Pipeline
from engine.pipelines.daily_prices import daily_prices
from engine.runtime import Runtime
from storage import backfills, moves, runs, sessions, stages
from storage.status import RunType, StageStatus

BY = "carry"
LAST = 2  # as backfills
FROM = "gold"


def owed(connection: Connection) -> bool:
    """Say whether sessions wait for a carry that is on its way, or that an idle runner will queue."""
    if not sessions.behind(connection)["sessions"] or backfills.at_work(connection, daily_prices.name):
        return False
    return runs.any_active(connection, daily_prices.name, RunType.CARRY) or _next(connection) is not None


def held_up(connection: Connection) -> str | None:
    """Say what has to be done before the sessions that wait are carried, as half a sentence; None where a run will do it by itself."""
    name = daily_prices.name
    if not sessions.behind(connection)["sessions"] or backfills.at_work(connection, name) or owed(connection):
        return None
    last = _failed(connection)
    if last is not None:
        return f"run {last['id']}, which was to carry them on, has failed: mend what it names, and run any date again"
    if standing := backfills.standing(connection, name):
        told = " and ".join(f"{row['id']} ({row['state']})" for row in standing)
        return f"every date that could carry them on is queued in backfill {told}: resume or cancel it"
    if runs.active_between(connection, name, date.min, date.max):
        return None
    return "the newest run of no date has succeeded: run one of them again"


def queue_carry(runtime: Runtime, *, only_backfill: int | None = None) -> int | None:
    """Queue the run that carries what waits to the end, and return its id; None where nothing waits, or something else is to do first.

    That is what a runner could claim (one that was started for a backfill: of this), and what runs now: it may carry itself.
    """
    with runtime.database.reading() as connection:  # no writer is held up while another runner works
        if _due(connection, runtime.clock.now(), only_backfill) is None:
            return None
    with runtime.database.transaction() as connection:
        runtime.database.serialise(connection, "submit")
        runtime.database.serialise(connection, "claim")
        at = runtime.clock.now()
        session = _due(connection, at, only_backfill)
        return None if session is None else _queue(connection, daily_prices, session, at=at)


def _due(connection: Connection, at: datetime, only_backfill: int | None) -> RowMapping | None:
    """Return the session to begin with, if something waits and nothing else is to do first."""
    name = daily_prices.name
    if not sessions.behind(connection)["sessions"] or any(row["pipeline"] == name for row in runs.running(connection)):
        return None
    if runs.any_active(connection, name, RunType.CARRY):
        return None
    if moves.claimable(connection, at=at, sequential=[name], only_backfill=only_backfill):
        return None
    return _next(connection)


def _next(connection: Connection) -> RowMapping | None:
    """Return the session whose date is to be run: the first that waits, if the newest run of its date has succeeded or was cancelled.

    A carry that begins elsewhere mends all that waits, too; the date of a run that failed, or is to come, must go on saying so. None where
    the last carry failed and nothing has succeeded since: it would fail again.
    """
    return None if _failed(connection) is not None else sessions.to_carry(connection, daily_prices.name)


def _failed(connection: Connection) -> RowMapping | None:
    """Return the last carry, if it failed and nothing has succeeded since."""
    return runs.failed_last(connection, daily_prices.name, RunType.CARRY)


def _queue(connection: Connection, pipeline: Pipeline, session: RowMapping, *, at: datetime) -> int:
    """Queue a run of a session's date that begins with gold, on what the run that brought the session has made."""
    origin: int = session["run_id"]
    before = [stage.name for stage in pipeline.order[: pipeline.position(FROM)]]
    made = {row["stage"]: row for row in runs.stages_of(connection, origin) if row["status"] == StageStatus.SUCCEEDED}
    is_whole = all(name in made for name in before)
    asked = {"run_type": RunType.CARRY, "requested_by": BY, "priority": LAST, "rerun_of": origin, "from_stage": FROM if is_whole else None}
    run_id = moves.add(connection, at=at, pipeline=pipeline.name, partition=session["file_date"], **asked)
    if is_whole:
        for name in before:
            stages.take_over(connection, run_id, made[name], origin=origin)
        moves.inherit(connection, origin, run_id)
    waits = sessions.behind(connection)
    told = f"{waits['sessions']} sessions from {waits['first']} on wait for their features"
    moves.event(connection, run_id, at=at, name="carry_queued", message=told)
    return run_id
