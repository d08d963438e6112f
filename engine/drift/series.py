"""Series of one number a session: robust z, slow changes, since when, and many tests at once."""

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from engine.drift.pair import Floats

MAD_TO_SD = 1.482602218505602  # of a normal distribution
SLACK, DECISION = 0.5, 5.0  # of CUSUM, in deviations: two-sided, in control it signals once in some 465 sessions
PH_SLACK, PH_DECISION = 0.5, 8.0  # of Page-Hinkley, in deviations
_APART, _FEWEST_BEFORE = 3.5, 5  # robust deviations, values
MOST = 4.0  # a single value counts for at most so many deviations in a slow test: it is for what lasts


def column_medians(values: Floats, *, fewest: int = 1) -> Floats:
    """Return the median of each column without its NaN; NaN where it has fewer than `fewest` values."""
    ordered = np.sort(values, axis=0)  # NaN to the end
    count = (~np.isnan(ordered)).sum(axis=0)
    across = np.arange(values.shape[1])
    middle = (ordered[np.maximum(count - 1, 0) // 2, across] + ordered[np.minimum(count // 2, len(values) - 1), across]) / 2
    return np.where(count >= fewest, middle, np.nan)


def robust_z(value: Floats, past: Floats, *, smallest: Floats | float = 0.0) -> Floats:
    """Return how many robust deviations each of k series lies from the median of its past (sessions, k).

    (x - median) / (1.4826 MAD); Iglewicz and Hoaglin 1993 call more than 3.5 an outlier. The session is the unit: its rows are not
    independent of each other. `value` must not be in `past`: with it inside, z of 10 sessions can never exceed 2.85. A deviation smaller
    than `smallest` counts as that, so that what never moved does not make a trifle infinite; where both are 0 the answer is NaN.
    """
    middle = column_medians(past)
    spread = np.maximum(MAD_TO_SD * column_medians(np.abs(past - middle)), smallest)
    return np.asarray(np.where(spread > 0, (value - middle) / np.where(spread > 0, spread, 1.0), np.nan))


def cusum(standardised: Floats) -> Floats:
    """Return the tabular CUSUM after each of the sessions (s, k): the larger of both sides, in deviations.

    C+ = max(0, C+ + z - k), C- = max(0, C- - z - k), k = .5; above 5 it signals and begins anew (Page 1954; Montgomery, Introduction to
    Statistical Quality Control). A session without a value leaves it as it is.
    """
    values = np.clip(np.nan_to_num(standardised), -MOST, MOST)
    known = ~np.isnan(standardised)
    found = np.empty_like(values)
    sides, larger = np.zeros((2, *values.shape[1:])), np.zeros(values.shape[1:])  # C+ and C-
    for at, z in enumerate(np.stack([values, -values], axis=1)):  # one step needs the one before
        moved = np.maximum(0.0, np.where(larger > DECISION, 0.0, sides) + z - SLACK)
        sides = np.where(known[at], moved, sides)
        found[at] = larger = sides.max(axis=0)
    return found


def page_hinkley(standardised: Floats) -> Floats:
    """Return Page-Hinkley's statistic after each of the sessions (s, k), both directions, in deviations.

    m_t = sum (x_i - mean_i - delta), PH = m_t - min m, with the mean of what was seen, delta = .5; above 8 it signals and begins anew
    (Page 1954; Hinkley 1971). On standardised values: river's defaults are in raw units and see nothing in returns.
    """
    values = np.clip(np.nan_to_num(standardised), -MOST, MOST)
    known = ~np.isnan(standardised)
    found = np.empty_like(values)
    larger = seen = mean = np.zeros(values.shape[1:])
    sides = np.zeros((2, *values.shape[1:]))  # m_t - min m of both directions, kept as they go
    for at, z in enumerate(values):
        reset = larger > PH_DECISION
        seen, mean, sides = (np.where(reset, 0.0, kept) for kept in (seen, mean, sides))
        seen = seen + known[at]
        mean = np.where(known[at], mean + (z - mean) / np.maximum(seen, 1), mean)
        plus = np.array([z, mean])
        sides = np.where(known[at], np.maximum(0.0, sides + plus - plus[::-1] - PH_SLACK), sides)
        found[at] = larger = sides.max(axis=0)
    return found


def change_point(values: Floats) -> int | None:
    """Return the place from which on a series lies elsewhere, or None where no place parts it well.

    The split with the least sum of absolute deviations from the medians of both parts, of which the first has five values at least; it
    parts well when the medians are more than 3.5 robust deviations (within the parts) from each other.
    """
    values = values[~np.isnan(values)]
    places = range(_FEWEST_BEFORE, len(values))
    if not places:
        return None
    at = min(places, key=lambda place: float(np.abs(_within(values, place)).sum()))
    apart = abs(float(np.median(values[at:])) - float(np.median(values[:at])))
    spread = MAD_TO_SD * float(np.median(np.abs(_within(values, at))))
    return at if apart > _APART * spread and apart > 0 else None


def _within(values: Floats, at: int) -> Floats:
    """Return how far each value lies from the median of its part."""
    return np.concatenate([values[:at] - np.median(values[:at]), values[at:] - np.median(values[at:])])


def two_sided(z: Floats) -> Floats:
    """Return the two-sided p-value of normal deviates, 2 (1 - Phi(|z|)); NaN stays NaN."""
    return np.array([erfc(abs(one) / sqrt(2)) for one in np.ravel(z)]).reshape(np.shape(z))


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return p-values adjusted for how many there are: the largest share of false discoveries that calling each one would mean.

    min over j >= i of m p_(j) / j in order of p (Benjamini and Hochberg 1995); scipy.stats.false_discovery_control. NaN are not tests.
    """
    adjusted: Floats = np.full(len(p_values), np.nan)
    tested: NDArray[np.int64] = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    scaled = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
