"""Every write to runs: `move` is the only writer of a status, and each move writes its event and the state of its date.

Statements are built once and bound at each call: a run makes some sixty, and building them cost more than running them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, case, exists, func, insert, or_, select, update

from storage.database import Database
from storage.prepared import Prepared
from storage.status import BackfillState, Outcome, RunStatus, RunType, Verdict, sources_of
from storage.tables import Backfill, DateState, Run, RunDaily, RunEvent, ThresholdChange
from storage.upsert import insert_of

runs = Run.__table__
events = RunEvent.__table__
date_states = DateState.__table__
run_daily = RunDaily.__table__
backfills = Backfill.__table__

STREAM = "ticks"  # runs of this name are sessions of the stream: each is claimed by a process of its own, never by a runner
MICROSECOND = timedelta(microseconds=1)
FRESH = {"fence": 0, "rescues": 0, "waits": 0, "cancel_requested": False, "simulated": False}
SAID = ("verdict", "session_date", "rows", "source_sha256")  # what a run may say of its date, beside the reason
INHERITED = ("source", "simulated", "source_file", "layout", "evidence", "reason", *SAID)

# A run keeps the snapshot that it began with, whatever is changed while it runs, waits or is rescued.
_thresholds = func.coalesce(runs.c.threshold_version, select(func.max(ThresholdChange.__table__.c.id)).scalar_subquery(), 0)
_add_event = Prepared(insert(events))
_started = Prepared(select(runs.c.started_at, runs.c.pipeline, runs.c.rows, runs.c.outcome).where(runs.c.id == bindparam("run_id")))
_said = select(
    runs.c.pipeline,
    runs.c.partition,
    runs.c.id,
    runs.c.status,
    runs.c.reason,
    *(runs.c[name] for name in SAID),
    bindparam("at", type_=date_states.c.updated_at.type),
).where(runs.c.id == bindparam("b_run_id"))
_held = select(runs.c.id, runs.c.cancel_requested, runs.c.backfill_id).where(
    runs.c.id == bindparam("run_id"), runs.c.fence == bindparam("fence"), runs.c.status == RunStatus.RUNNING
)
_held_now = Prepared(_held)
_held_to_commit = Prepared(_held.with_for_update())  # SQLite, whose one writer is alone anyway, leaves FOR UPDATE out
_whole = Prepared(select(runs).where(runs.c.id == bindparam("run_id")))


class StaleMove(Exception):
    """The run is not (or no longer) in a state, or in the hands, from which it may move there."""


def add(connection: Connection, *, at: datetime, pipeline: str, partition: date, **values: Any) -> int:
    """Insert a queued run and return its id; the database refuses a second active run of the same date."""
    row = {"pipeline": pipeline, "partition": partition, "status": RunStatus.QUEUED, "queued_at": at, "available_at": at} | FRESH | values
    run_id: int = connection.execute(insert(runs).values(row).returning(runs.c.id)).scalar_one()
    event(connection, run_id, at=at, name="run_queued", status=RunStatus.QUEUED)
    _remember(connection, run_id, at=at)
    return run_id


def add_many(connection: Connection, days: Sequence[date], *, at: datetime, pipeline: str, **values: Any) -> None:
    """Insert a queued run for each date, in a handful of statements whatever their number."""
    if not days:
        return
    common = {"pipeline": pipeline, "status": RunStatus.QUEUED, "queued_at": at, "available_at": at} | FRESH | values
    added = connection.execute(
        insert(runs).returning(runs.c.id, runs.c.partition, sort_by_parameter_order=True), [common | {"partition": day} for day in days]
    ).all()
    queued = {"at": at, "name": "run_queued", "status": RunStatus.QUEUED, "message": None}
    connection.execute(_add_event.statement, [queued | {"run_id": row.id} for row in added])
    nothing = dict.fromkeys((*SAID, "reason")) | {"pipeline": pipeline, "status": RunStatus.QUEUED, "updated_at": at}
    _write_states(connection, [nothing | {"day": row.partition, "run_id": row.id} for row in added])


def event(
    connection: Connection, run_id: int, *, at: datetime, name: str, status: RunStatus | None = None, message: str | None = None
) -> None:
    """Record one thing that happened to a run."""
    _add_event.write(connection, {"run_id": run_id, "at": at, "name": name, "status": status, "message": message})


def move(
    connection: Connection,
    run_id: int,
    to: RunStatus,
    *,
    at: datetime,
    name: str,
    message: str | None = None,
    held: int | None = None,
    **values: Any,
) -> None:
    """Move a run to another status, if it may; `StaleMove` when it may not, or when `held` is no longer the run's fence."""
    bound = {f"new_{column}": value for column, value in values.items()} | {"b_run_id": run_id, "new_status": to}
    bound |= {} if held is None else {"b_held": held}
    if _move(to, tuple(values), held is not None).write(connection, bound) != 1:
        raise StaleMove(f"run {run_id} cannot move to {to}: it is not in a state, or in the hands, that allows it")
    event(connection, run_id, at=at, name=name, status=to, message=message)
    _remember(connection, run_id, at=at)


@cache
def _move(to: RunStatus, columns: tuple[str, ...], is_held: bool) -> Prepared:  # noqa: FBT001, a key of the cache
    statement = update(runs).where(runs.c.id == bindparam("b_run_id"), runs.c.status.in_(sources_of(to)))
    if is_held:
        statement = statement.where(runs.c.fence == bindparam("b_held"))
    values: dict[str, Any] = {column: bindparam(f"new_{column}") for column in ("status", *columns)}
    return Prepared(statement.values(values | ({"threshold_version": _thresholds} if to is RunStatus.RUNNING else {})))


def finish(connection: Connection, run_id: int, to: RunStatus, *, at: datetime, day: date, held: int | None = None, **values: Any) -> None:
    """End a run: `move` it to a final status and add it to the roll-up of `day` (Nepal date)."""
    run = _started.the_one(connection, {"run_id": run_id})
    duration_us = (at - run["started_at"]) // MICROSECOND if run["started_at"] else None
    move(connection, run_id, to, at=at, name=f"run_{to}", held=held, finished_at=at, duration_us=duration_us, **values)
    rows = 0 if run["outcome"] == Outcome.UNCHANGED else values.get("rows", run["rows"]) or 0  # a stage has noted them before
    counted = {"runs": 1, "duration_us": max(duration_us or 0, 0), "cpu_us": values.get("cpu_us") or 0, "rows": rows}
    _roll_up(connection.dialect.name).write(connection, {"pipeline": run["pipeline"], "day": day, "status": to, **counted})


@cache
def _roll_up(dialect: str) -> Prepared:
    statement = insert_of(dialect, run_daily)
    sums = {name: run_daily.c[name] + statement.excluded[name] for name in ("runs", "duration_us", "cpu_us", "rows")}
    return Prepared(statement.on_conflict_do_update(index_elements=["pipeline", "day", "status"], set_=sums))


def _remember(connection: Connection, run_id: int, *, at: datetime) -> None:
    """Make `run_id` the newest run of its date, unless a newer one is."""
    _state_of_run(connection.dialect.name).write(connection, {"b_run_id": run_id, "at": at})


def _write_states(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_states(connection.dialect.name), list(rows))


@cache
def _state_of_run(dialect: str) -> Prepared:
    columns = ["pipeline", "day", "run_id", "status", "reason", *SAID, "updated_at"]
    return Prepared(_kept(insert_of(dialect, date_states).from_select(columns, _said)))


@cache
def _states(dialect: str) -> Any:
    return _kept(insert_of(dialect, date_states))


def _kept(statement: Any) -> Any:
    """Write what newest runs say of their dates; a run that has said nothing leaves what the one before it said."""
    new = statement.excluded
    values: dict[str, Any] = {name: new[name] for name in ("run_id", "status", "updated_at")}
    values["reason"] = func.coalesce(new["reason"], date_states.c.reason)
    values |= {name: case((new["verdict"].is_not(None), new[name]), else_=date_states.c[name]) for name in SAID}
    return statement.on_conflict_do_update(index_elements=["pipeline", "day"], set_=values, where=date_states.c.run_id <= new["run_id"])


def claimable(connection: Connection, *, at: datetime, sequential: Sequence[str], only_backfill: int | None = None) -> bool:
    """Say whether `claim` would find a run; a look that takes no lock."""
    return _next(tuple(sequential), only_backfill).one(connection, {"now": at}) is not None


def claim(
    database: Database, *, runner_id: str, at: datetime, sequential: Sequence[str], only_backfill: int | None = None, **noted: Any
) -> Mapping[str, Any] | None:
    """Take the next queued run, or None; of a `sequential` pipeline at most one runs at a time; `noted` are columns of the run.

    The new fence number is in the row: whoever held the run before can no longer commit.
    """
    with database.transaction() as connection:
        database.serialise(connection, "claim")
        run = _next_free(tuple(sequential), only_backfill).one(connection, {"now": at})
        if run is None:
            return None
        move(
            connection,
            run["id"],
            RunStatus.RUNNING,
            at=at,
            name="run_claimed",
            message=f"by {runner_id}",
            runner_id=runner_id,
            fence=run["fence"] + 1,
            started_at=run["started_at"] or at,
            **noted,
        )
        return _whole.the_one(connection, {"run_id": run["id"]})


def claim_one(database: Database, run_id: int, *, runner_id: str, at: datetime, **noted: Any) -> Mapping[str, Any]:
    """Take one certain queued run; `StaleMove` where it does not wait any more."""
    with database.transaction() as connection:
        database.serialise(connection, "claim")
        run = connection.execute(select(runs.c.fence, runs.c.started_at).where(runs.c.id == run_id)).one()
        told = {"runner_id": runner_id, "fence": run.fence + 1, "started_at": run.started_at or at}
        move(connection, run_id, RunStatus.RUNNING, at=at, name="run_claimed", message=f"by {runner_id}", **told, **noted)
        return _whole.the_one(connection, {"run_id": run_id})


def streams_waiting(connection: Connection, *, at: datetime) -> Sequence[int]:
    """Return the queued sessions of the stream whose time has come, oldest first."""
    return [row["id"] for row in _streams_waiting().all(connection, {"now": at})]


@cache
def _streams_waiting() -> Prepared:
    due = runs.c.available_at <= bindparam("now", type_=runs.c.available_at.type)
    queued = (runs.c.status == _written_out(RunStatus.QUEUED), runs.c.pipeline == STREAM, due)
    return Prepared(select(runs.c.id).where(*queued).order_by(runs.c.id))


@cache
def _next(sequential: tuple[str, ...], only_backfill: int | None) -> Prepared:
    return Prepared(_first_in_turn(sequential, only_backfill))


@cache
def _next_free(sequential: tuple[str, ...], only_backfill: int | None) -> Prepared:
    # A run that a person cancels at this moment is passed over.
    return Prepared(_first_in_turn(sequential, only_backfill).with_for_update(of=runs, skip_locked=True))


def _first_in_turn(sequential: tuple[str, ...], only_backfill: int | None) -> Any:
    busy, owner = runs.alias(), backfills.alias()
    running = select(func.count()).where(busy.c.backfill_id == owner.c.id, busy.c.status == RunStatus.RUNNING)
    allowed = exists().where(
        owner.c.id == runs.c.backfill_id, owner.c.state == BackfillState.RUNNING, owner.c.max_active > running.scalar_subquery()
    )
    blocked = exists().where(busy.c.pipeline == runs.c.pipeline, busy.c.status == _written_out(RunStatus.RUNNING))
    query = select(runs.c.id, runs.c.fence, runs.c.started_at).where(
        runs.c.status == _written_out(RunStatus.QUEUED),
        runs.c.pipeline != _written_out(STREAM),
        runs.c.available_at <= bindparam("now", type_=runs.c.available_at.type),
        or_(runs.c.backfill_id.is_(None), allowed),
        or_(runs.c.pipeline.not_in(sequential), ~blocked),
    )
    if only_backfill is not None:
        query = query.where(or_(runs.c.backfill_id == only_backfill, runs.c.run_type == RunType.CARRY))  # what it leaves behind
    return query.order_by(runs.c.priority, runs.c.partition, runs.c.id).limit(1)


def _written_out(status: str) -> Any:
    """Return a word as text of the statement: with a bound value SQLite cannot know that a partial index holds all it asks for."""
    return bindparam(None, status, literal_execute=True)


def holds(connection: Connection, run_id: int, *, fence: int) -> Mapping[str, Any] | None:
    """Return, inside a transaction that is about to commit, the run if it is still held with this fence number.

    What a person may change meanwhile is in the row: the wish to cancel it, and the backfill that it belongs to.
    """
    return _held_to_commit.one(connection, {"run_id": run_id, "fence": fence})


def cancel_wanted(connection: Connection, run_id: int, *, fence: int) -> bool:
    """Say whether a person wants a held run to stop; a look that takes no lock."""
    row = _held_now.one(connection, {"run_id": run_id, "fence": fence})
    return row is not None and bool(row["cancel_requested"])


def note(connection: Connection, run_id: int, **values: Any) -> None:
    """Write what a running stage has found out about its run (never its status)."""
    _note(tuple(values)).write(connection, {f"new_{name}": value for name, value in values.items()} | {"b_run_id": run_id})


@cache
def _note(columns: tuple[str, ...]) -> Prepared:
    return Prepared(update(runs).where(runs.c.id == bindparam("b_run_id")).values({name: bindparam(f"new_{name}") for name in columns}))


def cancel_queued(connection: Connection, run_id: int, *, at: datetime, day: date, reason: str) -> bool:
    """Cancel a run if it still waits; say whether it did."""
    waiting = select(runs.c.id).where(runs.c.id == run_id, runs.c.status == RunStatus.QUEUED)
    waiting = waiting.with_for_update()  # a runner that claims it at this moment waits, and finds it cancelled
    if connection.execute(waiting).scalar_one_or_none() is None:
        return False
    finish(connection, run_id, RunStatus.CANCELLED, at=at, day=day, reason=reason)
    return True


def adopt(connection: Connection, backfill_id: int, run_ids: Sequence[int], *, at: datetime) -> Sequence[int]:
    """Make active runs part of a backfill; return the backfills, with each once, that they were part of before."""
    if not run_ids:
        return []
    mine = runs.c.id.in_(run_ids)
    before = connection.execute(select(runs.c.backfill_id).where(mine, runs.c.backfill_id.is_not(None)).distinct()).scalars().all()
    connection.execute(update(runs).where(mine).values(backfill_id=backfill_id))
    for run_id in run_ids:
        event(connection, run_id, at=at, name="run_adopted", message=f"by backfill {backfill_id}")
    return before


def request_cancel(connection: Connection, run_id: int) -> None:
    """Ask the runner that holds the run to stop it."""
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.status == RunStatus.RUNNING).values(cancel_requested=True))


def wake(connection: Connection, source: str, *, at: datetime) -> None:
    """Let every run that waits for a source look again now: the source answers."""
    waiting = (runs.c.status == RunStatus.QUEUED, runs.c.waits > 0, runs.c.source == source, runs.c.available_at > at)
    connection.execute(update(runs).where(*waiting).values(available_at=at))


def queued_in_the_future(connection: Connection, *, at: datetime) -> Sequence[int]:
    """Return the runs that came into the queue at a time which is to come: the clock was set back, and their turn may be a day off."""
    future = exists().where(events.c.run_id == runs.c.id, events.c.at > at)
    waiting = (runs.c.status == _written_out(RunStatus.QUEUED), runs.c.available_at > at)
    return connection.execute(select(runs.c.id).where(*waiting, future)).scalars().all()


def look_now(connection: Connection, run_ids: Sequence[int], *, at: datetime) -> None:
    """Let queued runs be claimed now."""
    connection.execute(update(runs).where(runs.c.id.in_(run_ids), runs.c.status == RunStatus.QUEUED).values(available_at=at))


def inherit(connection: Connection, origin: int, run_id: int) -> None:
    """Give a run that takes over checkpoints what the stages of `origin` found out about its date.

    That the origin failed is no finding of theirs: the new run says itself what becomes of the date.
    """
    row = connection.execute(select(*(runs.c[name] for name in INHERITED)).where(runs.c.id == origin)).mappings().one()
    own = ("verdict", "reason") if row["verdict"] == Verdict.FAILED else ()
    note(connection, run_id, **{name: value for name, value in row.items() if name not in own})
