"""How many bytes are to come: a trend through what was measured day by day, with an 80 % band, and the storage that follows from it.

A trend (Theil-Sen, which single outliers cannot turn, or least squares) goes through the bytes of the days that brought any, one for each
layer of the lake; days come at the measured share of calendar days. Layers are added up, and so are their bands, for the same sessions
fill them all: one line through the sum of all layers would go through small closed days and large sessions as if they were one thing. The
band of a sum over n days to come has the variance n s^2 k + n^2 s^2 k (1/N + (x - mean)^2 / S):
noise of the days, and doubt about the trend; s is the spread around it (1.4826 x the median absolute residual), S the sum of squared
distances of measured days from their mean, and k = (1 + r)/(1 - r) widens both where neighbouring days resemble each other (r the
correlation of a residual with the next). 80 % lie within 1.2816 deviations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.costs.price_book import MONTH_DAYS
from engine.errors import UsageError

MOST_DAYS = 1000  # the newest, that a trend goes through: as many as pairs of them can be compared in milliseconds
FEWEST_DAYS = 10  # with bytes; a trend through fewer says nothing
WITHIN_80 = 1.2815515655446004  # deviations of a normal distribution
MOST_MONTHS = 60
MAD = 1.4826  # from a median absolute deviation to a standard one
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """A line through measured days: bytes of a day = level + slope x days since `origin`, `share` of calendar days bring any."""

    origin: date
    last: date
    level: float
    slope: float
    share: float
    spread: float
    count: int
    mean: float  # of the days since origin
    squares: float  # of their distances from it
    likeness: float  # k: how much the likeness of neighbouring days widens the band

    def expected(self, days: Floats) -> Floats:
        """Return the bytes expected on each of these days (since origin), never below 0."""
        return self.share * np.maximum(self.level + self.slope * days, 0.0)

    def deviation(self, days: Floats) -> Floats:
        """Return the deviation of the running sum over these days."""
        count = self.share * np.arange(1, len(days) + 1)
        middle = np.cumsum(days) / np.arange(1, len(days) + 1)
        doubt = 1 / self.count + ((middle - self.mean) ** 2 / self.squares if self.squares else 0.0)
        return np.asarray(self.spread * np.sqrt(self.likeness * (count + count**2 * doubt)))


@dataclass(frozen=True, slots=True)
class Lines:
    """The line of each layer of a lake, which all go on from the same day, its last."""

    lines: Mapping[str, Fit]
    last: date

    def of(self, layer: str) -> "Lines":
        """Return the line of one layer by itself."""
        return Lines({layer: self.lines[layer]}, self.last)

    def expected(self, ahead: Floats) -> Floats:
        """Return the bytes expected so many days after the last, of all layers together."""
        return self._sum(line.expected(ahead + (self.last - line.origin).days) for line in self.lines.values())

    def deviation(self, ahead: Floats) -> Floats:
        """Return the deviation of the running sum over these days, of all layers together."""
        return self._sum(line.deviation(ahead + (self.last - line.origin).days) for line in self.lines.values())

    @staticmethod
    def _sum(parts: Iterable[Floats]) -> Floats:
        return np.asarray(np.sum(list(parts), axis=0))


@dataclass(frozen=True, slots=True)
class Month:
    """A month to come, 1 the first: bytes that arrive in it, and bytes stored, averaged over its days; with the band of the latter."""

    number: int
    arriving: Decimal
    stored: Decimal
    stored_low: Decimal
    stored_high: Decimal


def fit(measured: Mapping[date, int]) -> Fit:
    """Lay a line through the bytes of measured days; `UsageError` with fewer than ten that brought any."""
    days = list(_with_bytes(measured))[-MOST_DAYS:]
    _enough(len(days))
    origin, last = days[0], days[-1]
    x = np.array([(day - origin).days for day in days], dtype=np.float64)
    y = np.array([measured[day] for day in days], dtype=np.float64)
    slope = _theil_sen(x, y)
    level = float((y - slope * x).mean())  # of a skewed spread sums follow the mean, not the median
    residual = y - level - slope * x
    return Fit(
        origin=origin,
        last=last,
        level=level,
        slope=slope,
        share=len(days) / ((last - origin).days + 1),
        spread=float(MAD * np.median(np.abs(residual))),
        count=len(days),
        mean=float(x.mean()),
        squares=float(((x - x.mean()) ** 2).sum()),
        likeness=_likeness(residual),
    )


def fits(measured: Mapping[str, Mapping[date, int]]) -> Lines:
    """Lay a line through each layer, by the bytes that its days brought; `UsageError` where none has ten days that brought any.

    A layer with fewer has no trend, but a rate: what its days brought, over the days since the first of them.
    """
    layers = {layer: _with_bytes(days) for layer, days in measured.items()}
    layers = {layer: days for layer, days in layers.items() if days}
    _enough(max((len(days) for days in layers.values()), default=0))
    last = max(max(days) for days in layers.values())
    return Lines({layer: fit(days) if len(days) >= FEWEST_DAYS else _steady(days, last) for layer, days in layers.items()}, last)


def _with_bytes(measured: Mapping[date, int]) -> dict[date, int]:
    return {day: measured[day] for day in sorted(measured) if measured[day] > 0}


def _enough(days: int) -> None:
    if days < FEWEST_DAYS:
        raise UsageError(f"a forecast needs {FEWEST_DAYS} days with data, and there are {days}: backfill more, or wait")


def _steady(days: Mapping[date, int], last: date) -> Fit:
    sizes = np.array(list(days.values()), dtype=np.float64)
    origin = min(days)
    return Fit(
        origin=origin,
        last=last,
        level=float(sizes.mean()),
        slope=0.0,
        share=len(days) / ((last - origin).days + 1),
        spread=float(sizes.std()),
        count=len(days),
        mean=0.0,
        squares=0.0,
        likeness=1.0,
    )


def _theil_sen(x: Floats, y: Floats) -> float:
    later = np.tri(len(x), k=-1, dtype=bool)
    return float(np.median(np.subtract.outer(y, y)[later] / np.subtract.outer(x, x)[later]))


def _likeness(residual: Floats) -> float:
    scatter = float((residual**2).sum())
    if scatter == 0:
        return 1.0
    r = min(max(float((residual[1:] * residual[:-1]).sum()) / scatter, 0.0), 0.95)
    return (1 + r) / (1 - r)


def months_ahead(
    lines: Lines, months: int, *, stored: int, growth: float = 0.0, scale: float = 1.0, faster: float = 1.0
) -> tuple[Month, ...]:
    """Return the months after the last measured day: stored bytes integrated day by day, growth (a share a month) upon the trend.

    `stored` is what lies there on that day, `scale` multiplies it and all that comes, `faster` only what comes.
    """
    if not 1 <= months <= MOST_MONTHS:
        raise UsageError(f"a forecast goes 1 to {MOST_MONTHS} months ahead, not {months}")
    if growth <= -1 or scale < 0 or faster < 0:
        raise UsageError(f"growth of {growth} a month, {scale} and {faster} times as much: growth must be above -1, the others 0 or more")
    per_month = float(MONTH_DAYS)
    ends = np.rint(np.arange(1, months + 1) * per_month).astype(int)
    ahead = np.arange(1, ends[-1] + 1, dtype=np.float64)
    grown = (1 + growth) ** (ahead / per_month)
    more = scale * faster
    arriving = more * lines.expected(ahead) * grown
    middle = scale * stored + np.cumsum(arriving)
    wide = WITHIN_80 * more * lines.deviation(ahead) * grown
    return _by_month(ends, arriving, middle, wide, floor=scale * stored)


def _by_month(ends: NDArray[np.int_], arriving: Floats, middle: Floats, wide: Floats, *, floor: float) -> tuple[Month, ...]:
    found, begin = [], 0
    for number, end in enumerate(ends, start=1):
        within = slice(begin, end)
        stored = float(middle[within].mean())
        low = float(np.maximum(middle - wide, floor)[within].mean())
        found.append(
            Month(
                number=number,
                arriving=_whole(float(arriving[within].sum())),
                stored=_whole(stored),
                stored_low=_whole(low),
                stored_high=_whole(float((middle + wide)[within].mean())),
            )
        )
        begin = int(end)
    return tuple(found)


def _whole(size: float) -> Decimal:
    return Decimal(round(size))
