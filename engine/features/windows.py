"""The arithmetic that features are made of: averages that are carried, spreads of a window, logarithms.

Every operation works value by value, in an order that is written down here. NumPy's own sums and logarithms change their last
bits with the length and the layout of the array and with the processor, so the same symbol would get other bits in other company.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

WINDOW = 20  # own rows that a symbol carries: the longest window
SHORT_WINDOW = 5


@dataclass(frozen=True, slots=True)
class Averaging:
    """How a carried average takes in one more value: plain mean up to `start` values, then a step of 1/`divisor` towards each."""

    start: int
    divisor: float


def exponential(span: int) -> Averaging:
    """Return the averaging of an EMA: weight 2/(span+1), begun as the mean of the first `span` values (as in TA-Lib)."""
    return Averaging(start=span, divisor=(span + 1) / 2)


def wilder(periods: int) -> Averaging:
    """Return Wilder's averaging: weight 1/periods, begun as the mean of the first `periods` values (New Concepts, 1978)."""
    return Averaging(start=periods, divisor=periods)


def averaged(previous: Floats, value: Floats, *, count: Counts, averaging: Averaging) -> Floats:
    """Return the averages after `value`, the `count`-th value of each symbol; where count < 1 the average stays 0.

    One formula serves start and steady state, because a mean too is `previous + (value - previous) / count`. It keeps a constant
    exactly constant, which a sum divided at the end does not.
    """
    divisor = np.where(count <= averaging.start, np.maximum(count, 1), averaging.divisor)
    return np.where(count < 1, 0.0, previous + (value - previous) / divisor)


def mean_and_squares(window: Floats) -> tuple[Floats, Floats]:
    """Return mean and sum of squared deviations of every column of `window` (20 rows, newest last).

    Computed from the window's own rows alone, so that nothing drifts, and measured from the newest value, so that a constant
    window has exactly its value and exactly zero. A window that is not full yet holds NaN, and so do its results.
    """
    newest = window[-1]
    offsets = window - newest
    shift = _sum_of_20(offsets) / WINDOW
    offsets -= shift
    offsets *= offsets
    return newest + shift, _sum_of_20(offsets)


def mean_of_5(window: Floats) -> Floats:
    """Return the mean of the newest 5 values of every column, measured as in `mean_and_squares`."""
    newest = window[-1]
    mean: Floats = newest + _sum_of_5(window[-SHORT_WINDOW:] - newest) / SHORT_WINDOW
    return mean


def logarithm(ratios: Floats) -> Floats:
    """Return natural logarithms, NaN where a ratio is not positive and finite."""
    defined = (ratios > 0) & np.isfinite(ratios)
    # One call of libm a value: np.log rounds differently on processors with wide registers (4 % of values differ).
    logs = np.fromiter(map(math.log, np.where(defined, ratios, 1.0).tolist()), np.float64, len(ratios))
    return np.where(defined, logs, np.nan)


def _sum_of_20(rows: Floats) -> Floats:
    """Return the sum of 20 rows as a tree: halves, halves again, then five."""
    tens = rows[:10] + rows[10:]
    return _sum_of_5(tens[:5] + tens[5:])


def _sum_of_5(rows: Floats) -> Floats:
    """Return the sum of 5 rows in one fixed order."""
    total: Floats = (rows[0] + rows[1]) + (rows[2] + rows[3]) + rows[4]
    return total
