"""What the exchange changes from time to time, in one effective-dated table with the source of each row.

A new rule is a new row of `CHANGES`; no row is ever edited, so that an old session is always judged by the rules of its day.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from engine.errors import UsageError

OPENING = date(1994, 1, 13)  # the exchange's first trading day
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)  # as date.weekday() counts


class CloseMeaning(StrEnum):
    """What the published column `Close` holds."""

    LAST_PRICE = "last_price"  # the price of the last trade
    AVERAGED = "averaged"  # the exchange's own averaged closing price, mostly off the tick grid


class Basis(StrEnum):
    """How a rule is known."""

    MEASURED = "measured"  # in the exchange's own data
    READ = "read"  # in a text about the exchange


@dataclass(frozen=True, slots=True)
class SessionHours:
    """Wall-clock times in Nepal; `friday_closes` where Friday is a shorter day."""

    pre_open: time
    pre_open_ends: time
    opens: time
    closes: time
    friday_closes: time | None = None

    def closes_on(self, day: date) -> time:
        """Return when continuous trading ends on `day`."""
        return self.friday_closes if self.friday_closes and day.weekday() == FRI else self.closes


@dataclass(frozen=True, slots=True)
class IndexHalt:
    """A move of the index, in percent either way, that stops trading; `minutes` None: for the rest of the day."""

    move_pct: Decimal
    before: time | None
    minutes: int | None


@dataclass(frozen=True, slots=True)
class MarketRules:
    """The rules in force on one day; percentages in percent, prices in NPR."""

    day: date
    trading_week: frozenset[int]
    hours: SessionHours
    band_pct: Decimal
    pre_open_band_pct: Decimal
    first_day_multiple: Decimal
    tick_shares: Decimal
    tick_funds: Decimal
    board_lot: int
    close_meaning: CloseMeaning
    index_halts: tuple[IndexHalt, ...]
    settlement_days: int

    @property
    def in_trading_week(self) -> bool:
        """Whether the exchange trades on this day of the week (holidays not considered)."""
        return self.day.weekday() in self.trading_week

    @property
    def closes(self) -> time:
        """When continuous trading ends on this day, in Nepal."""
        return self.hours.closes_on(self.day)

    @property
    def day_halt_pct(self) -> Decimal:
        """The index move, in percent either way, that ends the session."""
        return min(halt.move_pct for halt in self.index_halts if halt.minutes is None)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """From `effective_from` on, the field `rule` of `MarketRules` has `value`."""

    rule: str
    effective_from: date
    value: Any  # the type of that field; a test holds the table to it
    basis: Basis
    source: str


_SUN_THU = frozenset({SUN, MON, TUE, WED, THU})
_MON_FRI = frozenset({MON, TUE, WED, THU, FRI})
_HOURS = SessionHours(time(10, 30), time(10, 45), time(11), time(15))
_SHORT_FRIDAY = SessionHours(time(10, 30), time(10, 45), time(11), time(15), friday_closes=time(13, 30))
_HALTS_4_5_6 = (
    IndexHalt(Decimal(4), time(12), 20),
    IndexHalt(Decimal(5), time(13), 40),
    IndexHalt(Decimal(6), None, None),
)
_HALTS_5_8 = (IndexHalt(Decimal(5), time(13), 15), IndexHalt(Decimal(8), None, None))
_LAST, _AVERAGED = CloseMeaning.LAST_PRICE, CloseMeaning.AVERAGED
_MEASURED, _READ = Basis.MEASURED, Basis.READ
_SESSION_DATES = "dates of about 5,170 sessions"
_PARAMETERS_2026 = "market parameters published with the change of 2026-04-20, secondary source"

CHANGES: tuple[RuleChange, ...] = (
    RuleChange("trading_week", OPENING, _SUN_THU, _MEASURED, _SESSION_DATES),
    RuleChange("trading_week", date(2022, 5, 15), _MON_FRI, _MEASURED, f"{_SESSION_DATES}; Sunday was made a public holiday"),
    RuleChange("trading_week", date(2022, 6, 19), _SUN_THU | {FRI}, _MEASURED, _SESSION_DATES),
    RuleChange("trading_week", date(2022, 9, 18), _SUN_THU, _MEASURED, _SESSION_DATES),
    RuleChange("trading_week", date(2026, 4, 6), _MON_FRI, _MEASURED, "first Friday session 2026-04-10, no Sunday since"),
    RuleChange("hours", OPENING, _HOURS, _MEASURED, "trade times of 2024; older days opened at 12:00, since when is not known"),
    RuleChange("hours", date(2022, 6, 19), _SHORT_FRIDAY, _READ, "news of 2022-06: Friday 11:00-13:30"),
    RuleChange("hours", date(2022, 9, 18), _HOURS, _MEASURED, "Friday left the trading week; trade times of 2024"),
    RuleChange("band_pct", OPENING, Decimal(10), _MEASURED, "no move beyond 10.05 % until 2026-04-17 but for rounding and promoter shares"),
    RuleChange("band_pct", date(2026, 4, 20), Decimal(15), _MEASURED, "231 rows beyond 10.05 % since, largest 15.000 %"),
    RuleChange("pre_open_band_pct", OPENING, Decimal(2), _READ, "in force since 2021-07; nothing older is known"),
    RuleChange("pre_open_band_pct", date(2026, 4, 20), Decimal(5), _READ, _PARAMETERS_2026),
    RuleChange("first_day_multiple", OPENING, Decimal(3), _READ, "news: first price up to 3 times net worth, later face value"),
    RuleChange("tick_shares", OPENING, Decimal("1.00"), _MEASURED, "no price off 1.00 until 2021-07-15"),
    RuleChange("tick_shares", date(2021, 7, 18), Decimal("0.10"), _MEASURED, "11 % of last prices off 1.00 that day, 0 % before"),
    RuleChange("tick_funds", OPENING, Decimal("0.01"), _MEASURED, "mutual funds near NPR 10 in trades of 2024"),
    RuleChange("board_lot", OPENING, 10, _MEASURED, "open, high, low and close leave out trades below 10 shares"),
    RuleChange("close_meaning", OPENING, _LAST, _MEASURED, "trades against daily files of 2024, every symbol"),
    RuleChange("close_meaning", date(2025, 3, 20), _AVERAGED, _MEASURED, "closes of shares off the 0.10 grid: 0.7 % the day before, 77 %"),
    RuleChange("close_meaning", date(2025, 9, 18), _LAST, _MEASURED, "LTP equals Close on every row of that index-halt day"),
    RuleChange("close_meaning", date(2025, 9, 19), _AVERAGED, _MEASURED, "off-grid share of the session 2025-09-21"),
    RuleChange("close_meaning", date(2025, 9, 22), _LAST, _MEASURED, "LTP equals Close on every row from the session 2025-09-23 on"),
    RuleChange("index_halts", OPENING, _HALTS_4_5_6, _READ, "news; measured extremes 6.00-6.01 %"),
    RuleChange("index_halts", date(2026, 4, 20), _HALTS_5_8, _READ, f"{_PARAMETERS_2026}; no event seen yet"),
    RuleChange("settlement_days", OPENING, 2, _READ, "T+2"),
)


def history_of(rule: str) -> tuple[RuleChange, ...]:
    """Return every change of one rule, oldest first."""
    return tuple(change for change in CHANGES if change.rule == rule)


@lru_cache(maxsize=4096)  # asked for every date of a backfill and a calendar; about eleven years
def rules_on(day: date) -> MarketRules:
    """Return the rules in force on `day`; raises `UsageError` for a day before the exchange existed."""
    if day < OPENING:
        raise UsageError(f"No rules for {day}: the exchange opened on {OPENING}. Ask for a later date.")
    return MarketRules(day=day, **_in_force(day))


def _in_force(day: date) -> Mapping[str, Any]:
    # The table is in order of date within a rule, so the last one that applies stays.
    return {change.rule: change.value for change in CHANGES if change.effective_from <= day}


_UNKNOWN = {change.rule for change in CHANGES} ^ {field.name for field in fields(MarketRules) if field.name != "day"}
if _UNKNOWN:
    raise TypeError(f"The table of rules and MarketRules differ in: {', '.join(sorted(_UNKNOWN))}")
