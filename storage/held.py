"""Sessions that the gate holds back: dates whose newest run was blocked, with what a person has said of them."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, select

from storage.status import RunStatus
from storage.tables import DateState, GateDecision, Run

date_states = DateState.__table__
runs = Run.__table__
decisions = GateDecision.__table__

BLOCKED = "SessionBlocked"  # the error of a run whose session was blocked

# One walk over the dates of a pipeline, which are some hundreds a year; the run of each by its number.
_held = (
    select(date_states.c.day, date_states.c.run_id, date_states.c.session_date, date_states.c.reason, runs.c.source_sha256)
    .join(runs, runs.c.id == date_states.c.run_id)
    .where(
        date_states.c.pipeline == bindparam("pipeline"),
        date_states.c.status == RunStatus.FAILED,
        runs.c.error_type == BLOCKED,
    )
    .order_by(date_states.c.day.desc())
    .limit(bindparam("most"))
    .subquery("held")
)
_newest = (
    select(func.max(decisions.c.id))
    .where(
        decisions.c.pipeline == bindparam("pipeline"),
        decisions.c.partition == _held.c.day,
        decisions.c.source_sha256 == _held.c.source_sha256,
    )
    .correlate(_held)
    .scalar_subquery()
)
_with_decision = (
    select(_held, decisions.c.decision, decisions.c.decided_by, decisions.c.reason.label("why"))
    .select_from(_held)
    .outerjoin(decisions, and_(decisions.c.id == _newest, decisions.c.run_id == _held.c.run_id))
    .order_by(_held.c.day.desc())
)


def held(connection: Connection, pipeline: str, *, most: int = 50) -> Sequence[RowMapping]:
    """Return the dates whose newest run was blocked, newest first, with the newest decision about that very run, if any."""
    return connection.execute(_with_decision, {"pipeline": pipeline, "most": most}).mappings().all()
