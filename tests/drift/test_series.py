"""Series of one number a session: outliers, slow changes, since when, and many tests at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.drift.series import DECISION, PH_DECISION, benjamini_hochberg, change_point, cusum, page_hinkley, robust_z, two_sided

RANDOM = np.random.default_rng(11)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_z_counts_in_robust_deviations_of_the_sessions_before():
    past = np.array([[1.0], [2.0], [3.0], [4.0], [100.0]])

    assert robust_z(np.array([9.0]), past)[0] == pytest.approx((9 - 3) / (1.482602218505602 * 1))


def test_what_never_moved_makes_no_trifle_infinite_and_without_a_scale_there_is_no_answer():
    still = np.zeros((30, 1))

    assert robust_z(np.array([0.005]), still, smallest=0.01)[0] == pytest.approx(0.5)
    assert np.isnan(robust_z(np.array([0.005]), still)[0])


def test_a_lasting_shift_is_seen_within_some_sessions_and_calm_seldom_signals():
    calm = RANDOM.normal(size=(250, 200))
    moved = calm.copy()
    moved[100:] += 1.5

    assert (cusum(moved)[100:110].max(axis=0) > DECISION).mean() > 0.95
    assert (page_hinkley(moved)[100:120].max(axis=0) > PH_DECISION).mean() > 0.9
    assert (cusum(calm) > DECISION).sum(axis=0).mean() < 1.2  # about one in 465 sessions
    assert (page_hinkley(calm) > PH_DECISION).sum(axis=0).mean() < 1.2


def test_falls_are_seen_as_rises_are():
    z = np.concatenate([np.zeros((20, 1)), np.full((10, 1), 1.5)])

    assert cusum(z)[-1] == pytest.approx(cusum(-z)[-1])
    assert page_hinkley(z)[-1] == pytest.approx(page_hinkley(-z)[-1])


def test_one_wild_session_does_not_signal_and_a_session_without_a_value_changes_nothing():
    wild = np.zeros((10, 1))
    wild[5] = 80
    holed = np.array([[2.0], [np.nan], [2.0]])

    assert cusum(wild).max() < DECISION
    assert cusum(holed)[:, 0].tolist() == [1.5, 1.5, 3.0]


def test_the_session_from_which_a_level_lies_elsewhere_is_named():
    level = np.concatenate([RANDOM.normal(0.01, 0.002, 50), RANDOM.normal(0.77, 0.02, 3)])

    assert change_point(level) == 50
    assert change_point(np.full(30, 0.2)) is None


@given(p_values)
def test_adjusted_p_values_are_scipys(values):
    assert benjamini_hochberg(np.array(values)) == pytest.approx(stats.false_discovery_control(values), abs=1e-12)


def test_what_was_not_tested_does_not_count():
    assert benjamini_hochberg(np.array([0.01, np.nan, 0.5])) == pytest.approx([0.02, np.nan, 0.5], nan_ok=True)


def test_p_values_of_deviates_are_scipys():
    z = np.array([0.0, 1.0, -2.5, 6.0])

    assert two_sided(z) == pytest.approx(2 * stats.norm.sf(np.abs(z)), abs=1e-12)
