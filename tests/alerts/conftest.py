"""A home whose alerts and notifications a test can see."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.alerts.evaluation import Evaluator
from storage import alerts, notifications
from storage.tables import Notification
from tests.pipelines.house import House

CHANNELS = """
[[channel]]
name = "desk"
url = "json://example.com/secret-of-the-desk"
"""


class Watched:
    """A home, looked at when a test says so."""

    def __init__(self, house: House) -> None:
        self.house, self.evaluator, self.said = house, Evaluator(house.runtime), list[Any]()

    def channels(self, text: str) -> None:
        self.house.settings.channels_file.write_text(text, encoding="utf-8")

    def look(self) -> None:
        with capture_logs() as said:
            self.evaluator.tick()
        self.said += said

    def deliver(self, channel: str | None = None) -> None:
        """Say that all that one channel, or each, was to be told was sent."""
        table = Notification.__table__
        to_it = () if channel is None else (table.c.channel == channel,)
        with self.house.runtime.database.transaction() as connection:
            connection.execute(table.update().where(*to_it).values(state="sent", attempts=1, ended_at=self.house.clock.now()))

    def open(self) -> dict[str, Any]:
        return {row["rule"]: row for row in self.house.read(alerts.open_ones)}

    def told(self) -> list[tuple[str, str, str]]:
        """Return who was told what, oldest first: channel, kind, state."""
        rows = self.house.read(notifications.recent, limit=1000)[::-1]
        return [(row["channel"], row["kind"], row["state"]) for row in rows]

    def events(self, alert_id: int) -> list[str]:
        return [row["move"] for row in self.house.read(alerts.events_of, alert_id)]


@pytest.fixture
def watched(week) -> Watched:
    """A home that has taken a week, with one channel, and no backups by schedule."""
    week.settings = week.settings.model_copy(update={"backup_minutes": 0})  # or the backup would be overdue soon
    week.restart()
    made = Watched(week)
    made.channels(CHANNELS)
    return made


@pytest.fixture
def free(monkeypatch) -> Callable[[float], None]:
    """Say how much room the disk has, in MiB."""

    def set_to(mib: float) -> None:
        monkeypatch.setattr("engine.alerts.rules.free_bytes", lambda _home: int(mib * 1024**2))

    set_to(10_000)
    return set_to
