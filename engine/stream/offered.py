"""Which sessions the source of ticks can give."""

from collections.abc import Sequence
from datetime import date, timedelta

from engine.clock import nepal_date
from engine.errors import UnknownName
from engine.market.calendar import TradingCalendar
from engine.runtime import Runtime
from engine.stream.intake import Hours, microseconds
from engine.stream.sources import ticks_of
from engine.stream.sources.floorsheet import FloorsheetReplay

_BACK = timedelta(days=92)  # for which the sessions of a source are offered that has any


def offered(runtime: Runtime) -> Sequence[date]:
    """Return sessions that can be started, oldest first: those of the floorsheets, else today's and those of a quarter before.

    A source that goes on for ever has only the one of today, or the last before.
    """
    source = ticks_of(runtime, speed=None)
    if isinstance(source, FloorsheetReplay):
        return source.sessions()
    now = runtime.clock.now()
    today = nepal_date(now)
    if microseconds(now) < Hours.of(today).opens:  # nothing has come of it yet
        today -= timedelta(days=1)
    days = TradingCalendar(runtime.source.reference().calendar).sessions_between(today - _BACK, today)
    return days[-1:] if source.continuous else days


def newest(runtime: Runtime) -> date:
    """Return the newest session that can be started; `UnknownName` where there is none."""
    days = offered(runtime)
    if not days:
        raise UnknownName("the source of ticks has no session; see NEPSE_TICKS in the README")
    return days[-1]
