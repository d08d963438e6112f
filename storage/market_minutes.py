"""What the whole market traded in each minute of a session, added up from the bars of its symbols."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, case, func, select

from storage.speed_layer import FIRST
from storage.tables import TickBar

bars = TickBar.__table__


def minutes(connection: Connection, session: date) -> Sequence[RowMapping]:
    """Return trades, turnover and traded symbols by minute, oldest first; of a corrected bar its newest revision counts."""
    found = _summed(connection, session)
    if any(row["revision"] > FIRST for row in found):  # rare, and it costs a look at each bar
        newer = bars.alias()
        same = (newer.c.session == bars.c.session, newer.c.symbol == bars.c.symbol, newer.c.start_us == bars.c.start_us)
        found = _summed(connection, session, ~select(newer.c.revision).where(*same, newer.c.revision > bars.c.revision).exists())
    return found


def _summed(connection: Connection, session: date, *more: Any) -> Sequence[RowMapping]:
    sums = (
        func.sum(bars.c.trades).label("trades"),
        func.sum(bars.c.turnover_paisa).label("turnover_paisa"),
        func.sum(case((bars.c.trades > 0, 1), else_=0)).label("symbols"),
        func.max(bars.c.revision).label("revision"),
    )
    query = select(bars.c.start_us, *sums).where(bars.c.session == session, *more)
    return connection.execute(query.group_by(bars.c.start_us).order_by(bars.c.start_us)).mappings().all()
