"""Time as something passed in; the only module that may read the wall clock."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

NEPAL = ZoneInfo("Asia/Kathmandu")  # UTC+05:45, no daylight saving


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until it is told to move; for tests and simulations."""

    at: datetime = field(default_factory=lambda: datetime(2025, 6, 1, 12, 15, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the instant it was set to, aware, in UTC."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move forward (or backward) by `by`."""
        self.at += by


def nepal_date(instant: datetime) -> date:
    """Return the calendar date in Nepal at `instant` (aware)."""
    return instant.astimezone(NEPAL).date()


def nepal_time(day: date, hour: int, minute: int = 0) -> datetime:
    """Return the instant of a wall-clock time in Nepal, aware, in UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEPAL).astimezone(UTC)
