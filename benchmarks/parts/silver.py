"""Prices in the lake for the newest sessions of a store that was filled inside its database: its catalog names files that are none."""

from datetime import timedelta

from engine.market.calendar import TradingCalendar
from engine.market.daily_file import parse, to_silver
from engine.runtime import Runtime
from storage import lake

NEWEST = 5  # as many as the what-if weighs the columns of


def write_newest(runtime: Runtime) -> None:
    """Publish a session of the simulated exchange as each of the newest ones."""
    now, dataset = runtime.clock.now(), "silver"
    day = TradingCalendar(runtime.source.reference().calendar).previous_session(now.date() - timedelta(days=1))
    file = runtime.source.daily_file(day)
    assert file is not None, f"the simulated exchange has no file of {day}"
    content = lake.table_content(to_silver(parse(file.content, file.name), day))
    with runtime.database.transaction() as connection:
        for known in lake.snapshot(connection, dataset)[-NEWEST:]:
            version = runtime.lake.write(dataset, known.partition, content)
            lake.publish(connection, version, run_id=None, at=now, simulated=True)
