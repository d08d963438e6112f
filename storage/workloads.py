"""What runs used, for what they would cost elsewhere: a usual one that loaded a session, and all of them over the dates they were for."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, not_, select

from storage.status import CostWork, RunStatus
from storage.tables import CostDaily, CostEstimate, Run

estimates, runs, daily = CostEstimate.__table__, Run.__table__, CostDaily.__table__
USED = ("cpu_us", "memory_kib_us")
_of_runs = and_(estimates.c.work == CostWork.RUN, estimates.c.partition.is_not(None))


def _has_loaded(columns: Any) -> ColumnElement[bool]:
    return and_(columns.session.is_not(None), columns.status == RunStatus.SUCCEEDED, columns.rows > 0)


_loaded = _has_loaded(estimates.c)


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


def of_newest_runs(connection: Connection, *, limit: int) -> RowMapping:
    """Return the sums of the newest runs (`runs`, `loads`, `puts`, `gets`, `bytes_received`) and their dates, `since` to `until`."""
    newest = select(estimates).where(_of_runs).order_by(estimates.c.ref.desc()).limit(limit).subquery()
    sums = (func.coalesce(func.sum(newest.c[name]), 0).label(name) for name in ("puts", "gets", "bytes_received"))
    ends = (func.min(newest.c.partition).label("since"), func.max(newest.c.partition).label("until"))
    loads = func.coalesce(func.sum(case((_has_loaded(newest.c), 1), else_=0)), 0).label("loads")
    return connection.execute(select(func.count().label("runs"), loads, *sums, *ends)).mappings().one()


def messages(connection: Connection, since: date) -> int:
    """Return how many messages were delivered from a day on."""
    number = select(func.coalesce(func.sum(daily.c.messages), 0)).where(daily.c.day >= since)
    return int(connection.execute(number).scalar_one())
