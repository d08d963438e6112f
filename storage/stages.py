"""Every write to the stages of a run, their failed tries and log lines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from storage.prepared import Prepared
from storage.status import StageStatus
from storage.tables import Attempt, LogLine, StageRun

stage_runs = StageRun.__table__
attempts = Attempt.__table__
log_lines = LogLine.__table__

_add_stage = Prepared(insert(stage_runs).returning(stage_runs.c.id))
_add_left_out = Prepared(insert(stage_runs))
_add_log_lines = Prepared(insert(log_lines))


def open_stage(connection: Connection, run_id: int, stage: str, *, position: int, at: datetime, **values: Any) -> int:
    """Insert a stage that begins now (or, with a status among `values`, one that is known already)."""
    row = {"run_id": run_id, "stage": stage, "position": position, "status": StageStatus.RUNNING, "attempts": 0, "started_at": at} | values
    return int(_add_stage.the_one(connection, row)["id"])


def take_over(connection: Connection, run_id: int, row: Mapping[Any, Any], *, origin: int) -> None:
    """Give a run the checkpoint of a stage that another one has finished."""
    values = {name: row[name] for name in ("checkpoint", "rows_in", "rows_out", "finished_at")}
    reused = {"status": StageStatus.SUCCEEDED, "reused_from": row["reused_from"] or origin}
    open_stage(connection, run_id, row["stage"], position=row["position"], at=row["started_at"], **reused, **values)


def leave_out(connection: Connection, run_id: int, stages: Sequence[tuple[str, int]], status: StageStatus) -> None:
    """Insert stages (name, position) that were not run, with the status that says why."""
    if stages:
        rows = [{"run_id": run_id, "stage": name, "position": place, "status": status, "attempts": 0} for name, place in stages]
        _add_left_out.write_many(connection, rows)


def close_stage(connection: Connection, stage_id: int, status: StageStatus, **values: Any) -> None:
    """End a stage that runs; a stage that has ended stays as it is."""
    bound = {f"new_{name}": value for name, value in values.items()} | {"b_stage_id": stage_id, "new_status": status}
    _close(tuple(values)).write(connection, bound)


@cache
def _close(columns: tuple[str, ...]) -> Prepared:
    condition = and_(stage_runs.c.id == bindparam("b_stage_id"), stage_runs.c.status == StageStatus.RUNNING)
    return Prepared(update(stage_runs).where(condition).values({name: bindparam(f"new_{name}") for name in ("status", *columns)}))


def drop_stages(connection: Connection, run_id: int) -> None:
    """Take back the stages of a run that only found its source not ready; the run's event tells of it."""
    connection.execute(delete(stage_runs).where(stage_runs.c.run_id == run_id))


def end_running(connection: Connection, run_id: int, status: StageStatus, *, at: datetime) -> None:
    """End the stage that runs, if any, of a run that is taken from its runner."""
    condition = and_(stage_runs.c.run_id == run_id, stage_runs.c.status == StageStatus.RUNNING)
    connection.execute(update(stage_runs).where(condition).values(status=status, finished_at=at))


def finished(connection: Connection, run_id: int) -> int:
    """Return how many stages of a run have succeeded."""
    query = select(func.count()).where(stage_runs.c.run_id == run_id, stage_runs.c.status == StageStatus.SUCCEEDED)
    return connection.execute(query).scalar_one()


def add_attempt(connection: Connection, **values: Any) -> None:
    """Record a failed try."""
    connection.execute(insert(attempts), values)


def add_log_lines(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Record log lines of runs."""
    if lines:
        _add_log_lines.write_many(connection, lines)
