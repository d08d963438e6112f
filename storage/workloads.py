"""What runs used, for what they would cost elsewhere: a usual one that loaded a session, and all of them over the dates they were for."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, not_, select

from storage.status import CostWork, RunStatus
from storage.tables import CostDaily, CostEstimate, Run

estimates, runs, daily = CostEstimate.__table__, Run.__table__, CostDaily.__table__
USED = ("cpu_us", "memory_kib_us")
_of_runs = and_(estimates.c.work == CostWork.RUN, estimates.c.partition.is_not(None))
_loaded = and_(estimates.c.session.is_not(None), estimates.c.status == RunStatus.SUCCEEDED, estimates.c.rows > 0)


def newest_loads(connection: Connection, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest runs that loaded a session, newest first: `USED`, and the time that each took in `duration_us`."""
    return _newest(connection, _loaded, limit=limit)


def newest_idle(connection: Connection, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest runs that loaded nothing, as those of closed days and those that failed; shaped as `newest_loads`."""
    return _newest(connection, not_(_loaded), limit=limit)


def _newest(connection: Connection, which: ColumnElement[bool], *, limit: int) -> Sequence[RowMapping]:
    query = select(*(estimates.c[name] for name in USED), runs.c.duration_us)
    query = query.select_from(estimates.join(runs, runs.c.id == estimates.c.ref)).where(_of_runs, which)
    return connection.execute(query.order_by(estimates.c.ref.desc()).limit(limit)).mappings().all()


def of_all_runs(connection: Connection) -> RowMapping:
    """Return the sums of every run that ended: `runs`, `loads` of them, `puts`, `gets`, `bytes_received`; for dates `since` to `until`."""
    sums = (func.coalesce(func.sum(estimates.c[name]), 0).label(name) for name in ("puts", "gets", "bytes_received"))
    ends = (func.min(estimates.c.partition).label("since"), func.max(estimates.c.partition).label("until"))
    loads = func.coalesce(func.sum(case((_loaded, 1), else_=0)), 0).label("loads")
    return connection.execute(select(func.count().label("runs"), loads, *sums, *ends).where(_of_runs)).mappings().one()


def messages(connection: Connection) -> RowMapping:
    """Return how many messages were delivered, `number`, since the first day of which costs are kept, `since` (None: there is none)."""
    number = func.coalesce(func.sum(daily.c.messages), 0).label("number")
    return connection.execute(select(number, func.min(daily.c.day).label("since"))).mappings().one()
