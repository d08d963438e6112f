"""On which days the simulated exchange trades: the trading week of the date, holidays, and closures that nobody announced."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from engine.market.rules import rules_on
from engine.sources.simulated.bits import Stream, raw_bits

EPOCH = date(2024, 1, 1)  # the first simulated session
BLOCK_DAYS = 42  # holidays and faults are drawn for six weeks at a time, so that any sixty sessions hold a whole block

_FIXED = {
    (1, 11): "Prithvi Jayanti",
    (1, 30): "Martyrs' Day",
    (2, 19): "Democracy Day",
    (3, 8): "Women's Day",
    (4, 14): "New Year",
    (5, 1): "Labour Day",
    (5, 29): "Republic Day",
    (9, 19): "Constitution Day",
    (12, 25): "Christmas Day",
}
_MOVABLE = ("Maha Shivaratri", "Fagu Purnima", "Buddha Jayanti", "Janai Purnima", "Gai Jatra", "Teej", "Indra Jatra", "Eid", "Lhosar")
_DASHAIN_DAYS, _TIHAR_DAYS, _TIHAR_AFTER = 6, 3, 19


class Closure(StrEnum):
    """Why a day of the trading week has no session."""

    HOLIDAY = "holiday"
    MISFLAGGED = "misflagged"  # a holiday whose flag may be wrong in the announced calendar
    UNPLANNED = "unplanned"  # known only afterwards


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day of the trading week without a session."""

    name: str
    closure: Closure


def block_of(day: date) -> int:
    """Return the number of the six-week block that `day` lies in; negative before the epoch."""
    return (day - EPOCH).days // BLOCK_DAYS


@lru_cache(maxsize=256)
def _festivals(seed: int, year: int) -> dict[date, ClosedDay]:
    shift = int(raw_bits(seed, Stream.HOLIDAYS, key=year, count=1)[0] % 20)
    dashain = date(year, 10, 1) + timedelta(days=shift)
    tihar = dashain + timedelta(days=_TIHAR_AFTER)
    named = {date(year, month, day): name for (month, day), name in _FIXED.items()}
    named |= {dashain + timedelta(days=n): "Dashain" for n in range(_DASHAIN_DAYS)}
    named |= {tihar + timedelta(days=n): "Tihar" for n in range(_TIHAR_DAYS)}
    return {day: ClosedDay(name, Closure.HOLIDAY) for day, name in named.items()}


@lru_cache(maxsize=1024)
def _drawn(seed: int, block: int) -> dict[date, ClosedDay]:
    """Return the three movable closures of a block, which the market keeps whatever the calendar says of them."""
    first = EPOCH + timedelta(days=block * BLOCK_DAYS)
    bits = raw_bits(seed, Stream.HOLIDAYS, key=10_000 + block, count=BLOCK_DAYS).tolist()
    # Not the first days of a block: the epoch itself has to be a session.
    days = [first + timedelta(days=n) for n in range(3, BLOCK_DAYS)]
    days = [day for day in days if rules_on(day).in_trading_week and day not in _festivals(seed, day.year)]
    days = [day for _, day in sorted(zip(bits, days, strict=False))][:3]
    name = _MOVABLE[block % len(_MOVABLE)]
    return {
        days[0]: ClosedDay(f"{name} holiday", Closure.HOLIDAY),
        days[1]: ClosedDay(name, Closure.MISFLAGGED),
        days[2]: ClosedDay("Closed by order of the government", Closure.UNPLANNED),
    }


def closed_day(seed: int, day: date) -> ClosedDay | None:
    """Return why `day`, a day of the trading week, has no session, or None."""
    if not rules_on(day).in_trading_week:
        return None
    return _festivals(seed, day.year).get(day) or _drawn(seed, block_of(day)).get(day)


def is_session(seed: int, day: date) -> bool:
    """Return whether the market really trades on `day`, whatever was announced."""
    return day >= EPOCH and rules_on(day).in_trading_week and closed_day(seed, day) is None
