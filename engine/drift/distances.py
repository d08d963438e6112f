"""The distances. Formulas in their docstrings: reference a (n values, mean_a, sd_a, distribution F_a), current b (m values)."""

import warnings
from math import log, sqrt

import numpy as np

from engine.drift.bridge import chance_of, reached_by_chance
from engine.drift.categories import CategoryPair
from engine.drift.distance import drift_test
from engine.drift.kolmogorov import FAR, far_tail
from engine.drift.pair import Pair

SHARE_FLOOR = 1e-4  # a bin without a value counts as this share: PSI has no logarithm of nothing
CHANCE = 0.05
# Quantiles .95 of chi-square by degrees of freedom, scipy.stats.chi2.ppf(.95, df): so that no verdict has to load scipy.
_CHI2_95: tuple[float, ...] = (0.0, 3.841458820694124, 5.991464547107979, 7.814727903251178, 9.487729036781154)
_CHI2_95 += (11.070497693516351, 12.591587243743977)
_CHI2_95 += (14.067140449340169, 15.507313055865453, 16.918977604620448, 18.307038053275146)
_KS_95 = sqrt(-log(CHANCE / 2) / 2)  # 1.358: the asymptotic quantile .95 of sqrt(nm/(n+m)) D
_EXACT_UP_TO = 10_000  # values a side; as scipy's method "auto"
SMALL_SHIFT = 0.1  # deviations of the reference


def _standard_error(pair: Pair) -> float:
    _, spread, _, spread_now = pair.moments
    return sqrt(spread**2 / pair.n + spread_now**2 / pair.m)


def _p_of_mean(pair: Pair, statistic: float) -> float:
    from scipy import stats  # noqa: PLC0415, half a second that only a p-value pays

    _, spread, _, spread_now = pair.moments
    one, two = spread**2 / pair.n, spread_now**2 / pair.m
    freedom = (one + two) ** 2 / (one**2 / max(pair.n - 1, 1) + two**2 / max(pair.m - 1, 1))
    return float(2 * stats.t.sf(abs(statistic), freedom))


@drift_test(
    "z of the mean",
    unit="standard errors",
    floor=3.0,
    needs_spread=True,
    p_value=_p_of_mean,
    noise=lambda pair: SMALL_SHIFT * pair.moments[1] / _standard_error(pair),  # what a shift of a tenth of a deviation comes to
)
def mean_z(pair: Pair) -> float:
    """How far the mean has moved, in its own standard error.

    (mean_b - mean_a) / sqrt(sd_a^2/n + sd_b^2/m), Welch's t; scipy.stats.ttest_ind(b, a, equal_var=False). It takes values as
    independent. Rows of one session are not (they share the market's move): there the unit is the session, see `series.robust_z`.
    """
    mean, _, mean_now, _ = pair.moments
    return (mean_now - mean) / _standard_error(pair)


def _p_of_ks(pair: Pair, statistic: float) -> float:
    from scipy import stats  # noqa: PLC0415

    if max(pair.n, pair.m) <= _EXACT_UP_TO:
        with warnings.catch_warnings():  # where the exact sum overflows it takes the asymptotic one, and says so
            warnings.simplefilter("ignore", RuntimeWarning)
            return float(stats.ks_2samp(*pair.sorted).pvalue)
    both = round(pair.n * pair.m / (pair.n + pair.m))
    if both * statistic**2 >= FAR:
        return far_tail(both, statistic)
    return float(np.clip(stats.kstwo.sf(statistic, both), 0, 1))


@drift_test("Kolmogorov-Smirnov", unit="share", floor=0.10, p_value=_p_of_ks, noise=lambda pair: _KS_95 * sqrt(pair.noise))
def ks(pair: Pair) -> float:
    """How far apart the two distribution functions come at most.

    D = max |F_a(x) - F_b(x)|, 0 to 1; scipy.stats.ks_2samp. With many values the p-value calls any trifle significant (at 350,000 a shift
    of .02 deviations always): the verdict is on D.
    """
    return float(np.abs(pair.steps[1]).max())


def _p_of_psi(pair: Pair, statistic: float) -> float:
    from scipy import stats  # noqa: PLC0415

    return float(stats.chi2.sf(statistic / pair.noise, max(len(pair.bins.reference) - 1, 1)))


def _chi2_95(pair: Pair) -> float:
    freedom = len(pair.bins.reference) - 1
    if freedom < len(_CHI2_95):
        return _CHI2_95[freedom]
    return freedom * (1 - 2 / (9 * freedom) + 1.6448536269514722 * sqrt(2 / (9 * freedom))) ** 3  # Wilson and Hilferty


@drift_test(
    "Population stability index",
    unit="nats",
    floor=0.10,
    p_value=_p_of_psi,
    noise=lambda pair: _chi2_95(pair) * pair.noise,  # Yurdakul 2018: PSI / (1/n + 1/m) is chi-square with B - 1 degrees
)
def psi(pair: Pair) -> float:
    """How differently the values spread over the reference's tenths.

    sum (q_i - p_i) ln(q_i / p_i), the symmetrised Kullback-Leibler divergence, over ten quantile bins of the reference with open ends, ties
    merged, nulls a bin of their own, and empty bins taken as a share of 1e-4. .10 and .25 are conventions without regard to error
    (Yurdakul and Naranjo, Journal of Risk Model Validation): the critical value of noise at these sizes stands beside them.
    """
    shares, now = (np.maximum(side, SHARE_FLOOR) for side in pair.bins.shares)
    return float(((now - shares) * np.log(now / shares)).sum())


def _p_of_wasserstein(pair: Pair, statistic: float) -> float:
    return chance_of(statistic * pair.moments[1], pair)


@drift_test(
    "Wasserstein",
    unit="deviations",
    floor=0.10,
    needs_spread=True,
    p_value=_p_of_wasserstein,
    noise=lambda pair: reached_by_chance(pair, 1 - CHANCE) / pair.moments[1],
)
def wasserstein(pair: Pair) -> float:
    """How far the values have to be moved on average, in deviations of the reference.

    integral |F_a - F_b| dx / sd_a; scipy.stats.wasserstein_distance divided by the sample deviation. It sees how far, not only how many;
    one wild value can make it large, and with it what noise reaches (`bridge`).
    """
    values, difference = pair.steps
    return float((np.abs(difference[:-1]) * np.diff(values)).sum()) / pair.moments[1]


def _p_of_jensen_shannon(pair: Pair, statistic: float) -> float:
    from scipy import stats  # noqa: PLC0415

    return float(stats.chi2.sf(8 * log(2) * statistic**2 / pair.noise, max(len(pair.bins.reference) - 1, 1)))


@drift_test(
    "Jensen-Shannon",
    unit="distance, base 2",
    floor=0.10,
    p_value=_p_of_jensen_shannon,
    noise=lambda pair: sqrt(_chi2_95(pair) * pair.noise / (8 * log(2))),  # for small distances it is sqrt(PSI / (8 ln 2))
)
def jensen_shannon(pair: Pair) -> float:
    """How much is learnt of which sample a value is from, by its bin.

    sqrt of (KL(p|m) + KL(q|m)) / 2 in bits, m = (p+q)/2, 0 to 1; scipy.spatial.distance.jensenshannon with base=2. Same bins as PSI.
    """
    shares, now = pair.bins.shares
    middle = (shares + now) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = sum(np.where(side > 0, side * np.log2(side / middle), 0.0).sum() for side in (shares, now))
    return sqrt(max(float(bits) / 2, 0.0))


def _p_of_chi_square(pair: CategoryPair, statistic: float) -> float:  # noqa: ARG001, V follows from what is asked here
    from scipy import stats  # noqa: PLC0415

    return float(stats.chi2.sf(pair.chi_square, max(len(pair.pooled[0]) - 1, 1)))


@drift_test(
    "Cramér's V",
    unit="share",
    floor=0.10,
    categories=True,
    p_value=_p_of_chi_square,
    noise=lambda pair: sqrt(_CHI2_95[min(max(len(pair.pooled[0]) - 1, 1), 10)] / (pair.n + pair.m)),
)
def cramers_v(pair: CategoryPair) -> float:
    """How much the shares of the categories have changed.

    sqrt(chi^2 / (n + m)) of the two-sample table, 0 to 1; categories that are expected fewer than five times are one. The p-value is
    that of chi^2 with k - 1 degrees: scipy.stats.chi2_contingency without correction. Both samples are samples: the reference is not
    taken as exact.
    """
    return sqrt(pair.chi_square / (pair.n + pair.m))
