"""Distances between two samples: known answers of scipy, laws that any distance keeps, and what cannot be computed."""

import json
from dataclasses import asdict
from math import sqrt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from engine.drift import distances as formulas
from engine.drift.categories import CategoryPair
from engine.drift.distance import DISTANCES, distances, drift_test, measure
from engine.drift.kolmogorov import far_tail
from engine.drift.pair import Pair
from engine.errors import UsageError
from storage.status import DriftVerdict

EXACT = 1e-12
NUMBERS = [test for test in DISTANCES.values() if not test.categories]
samples = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 2)), min_size=2, max_size=60)


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(7)
    smooth = random.normal(size=700), random.normal(0.3, 1.4, size=350)
    tied = random.integers(0, 6, size=400).astype(float), random.integers(0, 8, size=90).astype(float)
    skewed = random.lognormal(size=21_000), random.lognormal(0.1, size=350)
    return [smooth, tied, skewed, (smooth[0], smooth[0])]


def measured(name: str, reference, current):
    return measure(DISTANCES[name], Pair(reference, current))


@pytest.mark.parametrize(("reference", "current"), pairs())
def test_answers_are_those_of_scipy(reference, current):
    pair = Pair(reference, current)
    found = {one.test: one for one in distances(pair)}
    ks, welch = stats.ks_2samp(reference, current), stats.ttest_ind(current, reference, equal_var=False)

    assert found["ks"].statistic == pytest.approx(ks.statistic, abs=EXACT)
    assert found["ks"].p_value == pytest.approx(ks.pvalue, abs=EXACT)
    assert found["mean_z"].statistic == pytest.approx(welch.statistic, abs=EXACT)
    assert found["mean_z"].p_value == pytest.approx(welch.pvalue, abs=EXACT)
    moved = stats.wasserstein_distance(reference, current) / reference.std(ddof=1)
    assert found["wasserstein"].statistic == pytest.approx(moved, abs=EXACT)
    assert found["jensen_shannon"].statistic == pytest.approx(jensenshannon(*pair.bins.shares, base=2), abs=1e-9)


@pytest.mark.parametrize(("n", "d"), [(50_000, 0.00956), (50_000, 0.0067), (20_000, 0.011), (5_001, 0.03), (300, 0.1), (400, 0.25)])
def test_the_tail_of_kolmogorov_is_scipys(n, d):
    expected = stats.kstwo.sf(d, n)

    assert far_tail(n, d) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_large_samples_have_the_p_value_of_scipy():
    random = np.random.default_rng(3)
    reference, current = random.normal(size=30_000), random.normal(0.02, 1, size=30_000)

    assert measured("ks", reference, current).p_value == pytest.approx(stats.ks_2samp(reference, current).pvalue, abs=EXACT)


def test_the_index_of_stability_has_the_value_worked_out_by_hand():
    reference = np.repeat(np.arange(10.0), 100)  # ten bins of a tenth
    current = np.concatenate([np.repeat(np.arange(8.0), 25), np.repeat([8.0], 50)])  # eight of a tenth, one of a fifth, one of nothing

    by_hand = (0.2 - 0.1) * np.log(0.2 / 0.1) + (1e-4 - 0.1) * np.log(1e-4 / 0.1)

    assert measured("psi", reference, current).statistic == pytest.approx(by_hand, abs=EXACT)


def test_noise_sets_the_limit_of_small_samples_and_practice_that_of_large_ones():
    random = np.random.default_rng(1)
    small = measured("psi", random.normal(size=350), random.normal(size=350))
    large = measured("psi", random.normal(size=100_000), random.normal(size=100_000))

    assert small.limit == pytest.approx(0.10)  # noise reaches .097 there
    assert measured("psi", random.normal(size=250), random.normal(size=60)).limit == pytest.approx(16.918977604620448 * (1 / 250 + 1 / 60))
    assert (large.limit, large.verdict) == (0.10, DriftVerdict.NO_DRIFT)


def test_a_trifle_that_is_significant_is_no_drift():
    random = np.random.default_rng(2)
    found = measured("ks", random.normal(size=200_000), random.normal(0.02, 1, size=200_000))

    assert found.p_value < 1e-4
    assert found.verdict is DriftVerdict.NO_DRIFT


SHAPES = {
    "normal": lambda random, size: random.normal(size=size),
    "exponential": lambda random, size: random.exponential(size=size),
    "heavy tails": lambda random, size: random.standard_t(3, size=size),
    "six values": lambda random, size: random.integers(0, 6, size).astype(float),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n", "m"), [(300, 300), (200, 50)])
def test_samples_of_one_distribution_are_beyond_the_noise_of_wasserstein_once_in_twenty(shape, n, m):
    random, draw, test = np.random.default_rng(11), SHAPES[shape], DISTANCES["wasserstein"]
    drawn = [Pair(draw(random, n), draw(random, m)) for _ in range(600)]

    beyond = sum(test.function(pair) > test.noise(pair) for pair in drawn)

    assert 0.03 <= beyond / len(drawn) <= 0.065  # 5 %, give or take what 600 draws can tell


def test_a_moved_sample_is_beyond_the_noise_of_wasserstein():
    random = np.random.default_rng(12)
    found = measured("wasserstein", random.normal(size=300), random.normal(0.4, 1, size=300))

    assert found.verdict is DriftVerdict.DRIFT
    assert found.p_value < 0.001


def test_quantiles_of_chi_square_are_scipys():
    for freedom, written in enumerate(formulas._CHI2_95[1:], start=1):
        assert written == pytest.approx(stats.chi2.ppf(0.95, freedom), abs=EXACT)


def test_one_wild_value_does_not_make_the_index_of_stability_blind():
    reference = np.random.default_rng(5).normal(size=5_000)
    current = np.append(reference[:500] + 3, 1e6)

    assert measured("psi", reference, current).statistic > 1


def test_nulls_are_a_bin_of_their_own_and_in_no_other_distance():
    reference = np.random.default_rng(6).normal(size=1_000)
    holes = np.where(np.arange(400) % 2, reference[:400], np.nan)
    found = {one.test: one for one in distances(Pair(reference, holes))}

    assert found["psi"].verdict is DriftVerdict.DRIFT
    assert (found["ks"].m, found["ks"].verdict) == (200, DriftVerdict.NO_DRIFT)


@pytest.mark.parametrize("test", NUMBERS, ids=lambda test: test.id)
def test_what_cannot_be_computed_is_never_no_drift(test):
    usual = np.random.default_rng(8).normal(size=500)

    empty = measure(test, Pair(usual, []))
    nothing = measure(test, Pair(usual, [np.nan] * 300))
    few = measure(test, Pair(usual, usual[:20]))
    constant = measure(test, Pair(np.ones(500), usual))

    assert (empty.verdict, empty.statistic) == (nothing.verdict, nothing.statistic) == (DriftVerdict.EMPTY, None)
    assert few.verdict is DriftVerdict.INSUFFICIENT
    assert few.reason
    assert constant.verdict is (DriftVerdict.CONSTANT if test.needs_spread else DriftVerdict.DRIFT)


@given(reference=samples, current=samples)
def test_distances_keep_their_bounds_and_do_not_look_at_the_order(reference, current):
    found, mixed = (
        {one.test: np.nan if one.statistic is None else one.statistic for one in distances(pair, p_values=False)}
        for pair in (Pair(reference, current), Pair(reference[::-1], sorted(current)))
    )

    assert 0 <= found["ks"] <= 1
    assert 0 <= found["jensen_shannon"] <= 1 + EXACT
    assert found["psi"] >= 0
    assert found == pytest.approx(mixed, nan_ok=True, rel=1e-6, abs=1e-9)


@given(sample=samples)
def test_a_sample_is_at_no_distance_from_itself(sample):
    for one in distances(Pair(sample, sample), p_values=False):
        assert one.statistic is None or one.statistic == pytest.approx(0, abs=1e-9)


@given(reference=samples, current=samples)
def test_the_largest_difference_is_scipys_whatever_the_ties(reference, current):
    assert measured("ks", reference, current).statistic == pytest.approx(
        stats.ks_2samp(reference, current, method="asymp").statistic, abs=EXACT
    )


def test_categories_are_compared_as_two_samples():
    reference, current = pa.array(["a"] * 60 + ["b"] * 140 + ["rare"]), pa.array(["a"] * 40 + ["b"] * 45 + ["new"] * 15)
    pair = CategoryPair.of(reference, current)
    expected = stats.chi2_contingency(np.array(pair.pooled), correction=False)
    found = measure(DISTANCES["cramers_v"], pair)

    assert pair.chi_square == pytest.approx(expected.statistic, abs=EXACT)
    assert found.p_value == pytest.approx(expected.pvalue, abs=EXACT)
    assert found.statistic == pytest.approx(sqrt(expected.statistic / (len(reference) + len(current))), abs=EXACT)
    assert (pair.new, pair.gone, found.verdict) == (["new"], ["rare"], DriftVerdict.DRIFT)


def test_names_that_are_all_different_have_no_shares_to_compare():
    pair = CategoryPair.of(pa.array([f"s{n}" for n in range(300)]), pa.array([f"s{n}" for n in range(5, 305)]))

    assert measure(DISTANCES["cramers_v"], pair).verdict is DriftVerdict.INSUFFICIENT
    assert len(pair.new) == len(pair.gone) == 5


def test_a_result_is_plain_enough_for_json():
    found = distances(Pair(*pairs()[0]))

    assert json.loads(json.dumps([asdict(one) for one in found]))[0]["test"] == "mean_z"


def test_two_distances_of_one_name_are_refused():
    with pytest.raises(UsageError, match="two distances called ks"):
        drift_test("x", unit="", floor=0)(formulas.ks)
