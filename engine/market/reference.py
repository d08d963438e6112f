"""What else is known about the market beside the daily file: calendar, control totals, index, securities, book closures.

Values only. Where they come from is a source's matter (`engine/sources`); each part is empty where a source does not have it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class AnnouncedDay:
    """What the announced calendar says of one date; `holiday` is its name, also where the flag contradicts it."""

    trading: bool
    holiday: str | None = None


@dataclass(frozen=True, slots=True)
class ControlTotals:
    """The exchange's own totals of one session: turnover in NPR, shares and trades as counts, symbols traded."""

    turnover: Decimal
    shares: int
    trades: int
    symbols: int


@dataclass(frozen=True, slots=True)
class IndexDay:
    """The NEPSE index of one session; `change_pct` in percent, `turnover` in NPR."""

    close: float
    previous_close: float | None = None
    change_pct: float | None = None
    turnover: float | None = None


@dataclass(frozen=True, slots=True)
class Security:
    """One listed paper as the exchange's list describes it."""

    symbol: str
    name: str
    sector: str
    instrument: str
    status: str


@dataclass(frozen=True)
class Reference:
    """Everything a source knows beside its daily files; a part that it does not have is empty."""

    calendar: Mapping[date, AnnouncedDay] = field(default_factory=dict)
    control: Mapping[date, ControlTotals] = field(default_factory=dict)
    index: Mapping[date, IndexDay] = field(default_factory=dict)
    securities: Mapping[str, Security] = field(default_factory=dict)
    book_closures: Mapping[str, tuple[date, ...]] = field(default_factory=dict)

    @cached_property
    def listed(self) -> pa.StringArray:
        """The symbols of all securities, for looking many up at once."""
        return pa.array(list(self.securities), pa.string())

    @cached_property
    def closures(self) -> tuple[pa.StringArray, NDArray[np.int64]]:
        """Every book closure: its symbol, and its date as days since 0001-01-01."""
        every = [(symbol, day.toordinal()) for symbol, days in self.book_closures.items() for day in days]
        return pa.array([symbol for symbol, _ in every], pa.string()), np.array([day for _, day in every], np.int64)

    @cached_property
    def funds(self) -> pa.StringArray:
        """The symbols of mutual funds, which have a tick of their own."""
        return pa.array([symbol for symbol, security in self.securities.items() if "fund" in security.instrument.lower()], pa.string())
