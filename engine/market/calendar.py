"""On which days the exchange is expected to trade: the announced calendar weighed against the trading week.

Neither can be trusted alone: the announced calendar has wrong days, follows a change of the trading week weeks later, and ends.
So each answer says whether it is certain, and what a file holds is decided with the data (`verdict.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from engine.market.reference import AnnouncedDay
from engine.market.rules import rules_on

_DAY = timedelta(days=1)
_WEEKEND = "weekend"  # the name that the announced calendar gives to days outside the trading week


@dataclass(frozen=True, slots=True)
class Expectation:
    """Whether a session is expected on a day, why, and whether nothing contradicts it."""

    trading: bool
    reason: str
    certain: bool


@dataclass(frozen=True, slots=True)
class TradingCalendar:
    """The announced calendar (empty where there is none) over the trading week of the rules."""

    announced: Mapping[date, AnnouncedDay] = field(default_factory=dict)

    def expected(self, day: date) -> Expectation:
        """Return whether a session is expected on `day`.

        Where the announced calendar and the trading week contradict each other, a session is expected, uncertainly: to look for a
        file that does not come costs less than to miss one that does.
        """
        entry = self.announced.get(day)
        if entry is None:
            return _by_week(day)
        if doubt := _contradiction(day, entry):
            return Expectation(trading=True, reason=doubt, certain=False)
        if entry.trading:
            return Expectation(trading=True, reason="announced as a trading day", certain=True)
        return Expectation(trading=False, reason=f"holiday: {entry.holiday}" if entry.holiday else "announced as closed", certain=True)

    def sessions_between(self, since: date, until: date) -> tuple[date, ...]:
        """Return the expected trading days from `since` to `until`, both included."""
        return tuple(day for day in _days(since, until) if self.expected(day).trading)

    def previous_session(self, day: date) -> date:
        """Return the last expected trading day before `day`."""
        day -= _DAY
        while not self.expected(day).trading:
            day -= _DAY
        return day


def _by_week(day: date) -> Expectation:
    if rules_on(day).in_trading_week:
        return Expectation(trading=True, reason=f"{day:%A} is a trading day; the announced calendar does not cover {day}", certain=False)
    return Expectation(trading=False, reason=f"{day:%A} is outside the trading week", certain=False)


def _contradiction(day: date, entry: AnnouncedDay) -> str | None:
    in_week = rules_on(day).in_trading_week
    if entry.trading and entry.holiday:
        return f"the announced calendar contradicts itself: a trading day, yet named a holiday ({entry.holiday})"
    if entry.trading and not in_week:
        return f"announced as a trading day, yet {day:%A} is outside the trading week"
    if not entry.trading and in_week and (entry.holiday or "").lower() == _WEEKEND:
        return f"announced as weekend, yet {day:%A} is in the trading week"
    return None


def _days(since: date, until: date) -> Iterator[date]:
    return (since + timedelta(days=n) for n in range((until - since).days + 1))
