"""What a usual run used, for what it would cost elsewhere: the newest that loaded a session, beside its estimate."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from storage.status import CostWork, RunStatus
from storage.tables import CostEstimate, Run

estimates, runs = CostEstimate.__table__, Run.__table__
USED = ("cpu_us", "memory_kib_us", "puts", "gets")


def newest_loads(connection: Connection, *, limit: int) -> Sequence[RowMapping]:
    """Return the newest runs that loaded a session, newest first: `USED`, and the time that each took in `duration_us`."""
    query = select(*(estimates.c[name] for name in USED), runs.c.duration_us)
    query = query.select_from(estimates.join(runs, runs.c.id == estimates.c.ref))
    query = query.where(estimates.c.work == CostWork.RUN, estimates.c.session.is_not(None), estimates.c.status == RunStatus.SUCCEEDED)
    query = query.where(estimates.c.rows > 0)
    return connection.execute(query.order_by(estimates.c.ref.desc()).limit(limit)).mappings().all()
