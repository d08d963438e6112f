"""A session of the simulated exchange that the stream has taken in to its end, with every fault."""

from datetime import date, timedelta

from engine.market.calendar import TradingCalendar
from engine.runtime import Runtime
from engine.services import Services
from engine.stream.logs import log_of
from engine.stream.sources import ticks_of
from engine.stream.work import StreamProcess
from storage.status import RunStatus


def stream_session(runtime: Runtime, before: date) -> date:
    """Stream the last session before a date as fast as it goes; return which it was."""
    day = TradingCalendar(runtime.source.reference().calendar).previous_session(before - timedelta(days=1))
    run = Services(runtime, actor="benchmark").start_stream(day)
    status = StreamProcess(runtime, log_of(runtime), lambda _: ticks_of(runtime, speed=None)).serve(run.run_id)
    if status is not RunStatus.SUCCEEDED:
        raise SystemExit(f"the stream of {day} ended {status}")
    return day
