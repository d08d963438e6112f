"""Runners that look at the same instant, on either database: what one of them tells the other does not."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, BrokenBarrierError, Thread

import pytest

from engine.alerts.evaluation import Evaluator, Found
from engine.clock import FakeClock
from engine.runtime import Runtime, compose
from engine.services import Services
from engine.settings import Settings, SourceName
from storage import alerts, notifications
from storage.tables import Notification
from tests.alerts.conftest import CHANNELS
from tests.storage.databases import DIALECTS, empty_database

WAITS = 0.5  # seconds, for another that must not come


@dataclass(slots=True)
class Together(Evaluator):
    """One of two that look at once: each has seen what is to be told before either writes, and again, if nothing keeps them apart."""

    barrier: Barrier | None = None

    def _found(self, *asked, **wanted) -> Found:
        found = Evaluator._found(self, *asked, **wanted)
        with suppress(BrokenBarrierError):  # the other one waits for the end of this transaction
            self.barrier.wait(WAITS)
        return found


@dataclass(slots=True)
class Interrupted(Evaluator):
    """One that somebody acts beside, once it has seen in its transaction what is to be told."""

    beside: Thread | None = None
    looked: bool = False  # without a lock, as it does first

    def _found(self, connection, named) -> Found:
        found = Evaluator._found(self, connection, named)
        if self.looked:
            self.beside.start()
            self.beside.join(WAITS)  # it has to wait for the end of this transaction
        self.looked = True
        return found


@pytest.fixture(params=DIALECTS)
def runtime(request, tmp_path) -> Iterator[Runtime]:
    """A home of each kind of database, with one channel."""
    source = tmp_path / "source" / "daily"
    source.mkdir(parents=True)
    with empty_database(request.param, tmp_path) as url:
        settings = Settings(home=tmp_path / "home", database_url=url, source=SourceName.FILES, source_dir=source.parent, backup_minutes=0)
        opened = compose(settings, FakeClock(datetime(2026, 1, 5, 6, tzinfo=UTC)))
        settings.channels_file.write_text(CHANNELS, encoding="utf-8")
        yield opened
        opened.database.close()


def told(runtime: Runtime) -> list[str]:
    """Return what the channel was told, oldest first; all of it has been sent."""
    table = Notification.__table__
    with runtime.database.transaction() as connection:
        connection.execute(table.update().values(state="sent", attempts=1, ended_at=runtime.clock.now()))
        return [row["kind"] for row in notifications.recent(connection)][::-1]


def both_look(runtime: Runtime) -> list[str]:
    """Have two look at once, and return what was told; their clocks are a second apart, as nothing is written twice in the same one."""
    barrier, now = Barrier(2), runtime.clock.now()
    each = [Together(replace(runtime, clock=FakeClock(now + timedelta(seconds=late))), barrier=barrier) for late in (0, 1)]
    threads = [Thread(target=one.tick) for one in each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told(runtime)


def test_two_that_look_at_once_tell_once_that_it_fires_that_nobody_has_acknowledged_it_and_that_it_is_over(runtime, free):
    free(100)
    assert both_look(runtime) == ["fired"]
    runtime.clock.advance(timedelta(minutes=31))
    assert both_look(runtime) == ["fired", "escalated"]
    free(10_000)

    assert both_look(runtime) == ["fired", "escalated", "resolved"]


def test_what_is_acknowledged_while_it_is_escalated_tells_nobody_that_nobody_has_acknowledged_it(runtime, free):
    free(100)
    Evaluator(runtime).tick()
    assert told(runtime) == ["fired"]
    with runtime.database.reading() as connection:
        (alert,) = alerts.open_ones(connection)
    acknowledges = Thread(target=Services(runtime, actor="test").acknowledge, args=(alert["id"],))
    runtime.clock.advance(timedelta(minutes=31))
    Interrupted(runtime, beside=acknowledges).tick()
    acknowledges.join()

    with runtime.database.reading() as connection:
        assert alerts.one(connection, alert["id"])["acknowledged_by"] == "test"
        assert [(row["kind"], row["state"]) for row in notifications.recent(connection)] == [("escalated", "dropped"), ("fired", "sent")]
