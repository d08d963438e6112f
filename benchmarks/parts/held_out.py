"""How good a forecast of bytes would have been: made from what came up to a date, and held against what came after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from engine.costs.forecast import WITHIN_80, fits
from engine.errors import UsageError


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A forecast of bytes that have come since: of the days after `split`, made from those before it."""

    split: date
    until: date
    expected: int
    low: int
    high: int
    came: int

    @property
    def error(self) -> float:
        """How far off it was, as a share of what came; above 0 where less came."""
        return (self.expected - self.came) / self.came if self.came else 0.0

    @property
    def within(self) -> bool:
        """Whether what came lies in the band of 80 %."""
        return self.low <= self.came <= self.high


def held_out(measured: Mapping[str, Mapping[date, int]], *, split: date) -> HeldOut:
    """Forecast what came after `split` from what came up to it, of these layers together; `UsageError` where there is too little."""
    lines = fits({layer: {day: size for day, size in days.items() if day <= split} for layer, days in measured.items()})
    until = max(day for days in measured.values() for day in days)
    ahead = (until - lines.last).days
    if until <= split:
        raise UsageError(f"nothing came after {split}: there is nothing to compare with")
    numbers = np.arange(1, ahead + 1, dtype=np.float64)
    expected = float(lines.expected(numbers).sum())
    wide = WITHIN_80 * float(lines.deviation(numbers)[-1])
    came = sum(size for days in measured.values() for day, size in days.items() if day > split)
    return HeldOut(split, until, round(expected), round(max(expected - wide, 0.0)), round(expected + wide), came)
