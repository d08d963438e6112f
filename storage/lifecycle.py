"""What the lifecycle was asked for, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from storage.status import StepKind, StepState
from storage.tables import LifecycleStep

steps = LifecycleStep.__table__


def ask(connection: Connection, kind: StepKind, asked: Mapping[str, Any], *, by: str, at: datetime) -> int:
    """Write down what is asked for; return its number."""
    row = {"kind": kind, "state": StepState.ASKED, "asked": dict(asked), "requested_by": by, "requested_at": at}
    return int(connection.execute(insert(steps).values(row).returning(steps.c.id)).scalar_one())


def waiting(connection: Connection) -> Sequence[RowMapping]:
    """Return what is asked for and not done, oldest first."""
    return connection.execute(select(steps).where(steps.c.state == StepState.ASKED).order_by(steps.c.id)).mappings().all()


def one(connection: Connection, step_id: int) -> RowMapping | None:
    """Return a step, or None."""
    return connection.execute(select(steps).where(steps.c.id == step_id)).mappings().one_or_none()


def recent(connection: Connection, *, limit: int = 20) -> Sequence[RowMapping]:
    """Return the newest steps first."""
    return connection.execute(select(steps).order_by(steps.c.id.desc()).limit(limit)).mappings().all()


def end(connection: Connection, step_id: int, state: StepState, *, figures: Mapping[str, Any], message: str, at: datetime) -> None:
    """Say how a step ended."""
    values = {"state": state, "figures": dict(figures), "message": message, "ended_at": at}
    connection.execute(update(steps).where(steps.c.id == step_id, steps.c.state == StepState.ASKED).values(values))


def take_back(connection: Connection, step_id: int, *, by_step: int) -> None:
    """Say that a later step has taken a step back."""
    connection.execute(update(steps).where(steps.c.id == step_id).values(state=StepState.UNDONE, undone_by=by_step))
