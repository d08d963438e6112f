"""The tail of Kolmogorov's distribution for many values, at a hundredth of what scipy's own sum costs."""

from functools import cache
from math import lgamma, log, log1p, pi

import numpy as np

from engine.drift.pair import Floats

FAR = 2.2  # n D^2 from which both one-sided events exclude each other to all digits: scipy takes the same sum from there
_SMALL = 16


def far_tail(n: int, d: float) -> float:
    """Return P(D_n >= d) where n d^2 is above FAR.

    2 d sum_j C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j) over j <= n (1 - d) (Birnbaum and Tingey 1951). Terms are binomial probabilities
    written as Loader does (Fast and accurate computation of binomial probabilities, 2000), whose logarithms do not cancel.
    """
    j = np.arange(1, max(int(np.ceil(n * (1 - d) - 1e-9)), 1), dtype=np.float64)  # at n (1 - d) itself the term is 0
    k = n - j
    deviance = n * d - j * np.log1p(n * d / j) - n * d - k * np.log1p(-n * d / k)
    logarithms = _stirling(n) - _stirling_of(j) - _stirling_of(k) - deviance + 0.5 * np.log(n / (2 * pi * j * k))
    terms = np.exp(logarithms) / (d + j / n)
    first = np.exp(n * log1p(-d)) / d
    return float(min(2 * d * (first + terms.sum()), 1.0))


@cache
def _stirling(n: int) -> float:
    """Return ln n! - ln(sqrt(2 pi n) (n/e)^n)."""
    if n < _SMALL:
        return lgamma(n + 1) - (n + 0.5) * log(n) + n - 0.5 * log(2 * pi)
    return float(_series(np.array([n], dtype=np.float64))[0])


def _series(n: Floats) -> Floats:
    square = 1 / (n * n)
    return np.asarray((1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - square / 1188) * square) * square) * square) / n)


def _stirling_of(n: Floats) -> Floats:
    found = _series(n)
    small = np.flatnonzero(n < _SMALL)
    found[small] = [_stirling(int(one)) for one in n[small]]
    return found
