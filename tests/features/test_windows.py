import math
import statistics
from fractions import Fraction

import numpy as np
import pytest

from engine.features.windows import averaged, exponential, logarithm, mean_and_squares, mean_of_5, wilder

JUMP = [1e9 + 0.1 * i for i in range(19)] + [10.0]
LEVEL = [40_000 + 0.1 * (i % 7) for i in range(20)]


@pytest.mark.parametrize(
    "values", [JUMP, LEVEL, JUMP[::-1], [0.01 * i for i in range(1, 21)]], ids=["jump", "high level", "jump up", "ramp"]
)
def test_mean_and_squares_agree_with_exact_arithmetic(values):
    exact = [Fraction(value) for value in values]

    mean, squares = mean_and_squares(np.array([values]).T)

    assert mean[0] == pytest.approx(float(statistics.mean(exact)), rel=1e-14)
    assert squares[0] == pytest.approx(float(statistics.pvariance(exact) * 20), rel=1e-12)


@pytest.mark.parametrize("price", [1.7, 0.1, 333.33, 1999.9, 40_000.01])
def test_a_constant_window_has_exactly_its_value_and_no_spread(price):
    mean, squares = mean_and_squares(np.full((20, 1), price))

    assert (mean[0], squares[0]) == (price, 0.0)
    assert mean_of_5(np.full((20, 1), price))[0] == price


def test_a_window_that_is_not_full_has_neither_mean_nor_spread():
    window = np.arange(20.0)
    window[0] = np.nan

    mean, squares = mean_and_squares(window[:, np.newaxis])

    assert np.isnan([mean[0], squares[0]]).all()


def test_the_mean_of_five_reads_only_the_newest_five():
    window = np.array([[np.nan] * 15 + [1.0, 2.0, 3.0, 4.0, 15.0]]).T

    assert mean_of_5(window)[0] == 5.0


@pytest.mark.parametrize("averaging", [exponential(12), exponential(26), wilder(14)])
def test_an_average_of_a_constant_stays_exactly_that_constant(averaging):
    average = np.zeros(1)
    for count in range(1, 60):
        average = averaged(average, np.array([1.7]), count=np.array([count]), averaging=averaging)

    assert average[0] == 1.7


def test_an_average_begins_as_the_plain_mean_and_then_steps():
    average = np.zeros(1)
    for count, value in enumerate([1.0, 2.0, 6.0], start=1):
        average = averaged(average, np.array([value]), count=np.array([count]), averaging=exponential(3))
    begun = average[0]

    after = averaged(average, np.array([9.0]), count=np.array([4]), averaging=exponential(3))

    assert begun == pytest.approx(3.0, rel=1e-15)
    assert after[0] == pytest.approx(begun + 2 / 4 * (9.0 - begun), rel=1e-15)


def test_an_average_waits_at_zero_until_its_first_value():
    assert averaged(np.zeros(1), np.array([np.nan]), count=np.array([0]), averaging=wilder(14))[0] == 0.0


def test_a_logarithm_has_the_same_bits_in_every_company():
    ratios = np.random.default_rng(7).lognormal(0, 0.02, 1000)

    assert logarithm(ratios).tolist() == [math.log(ratio) for ratio in ratios.tolist()]
    assert logarithm(ratios[::3]).tolist() == logarithm(ratios)[::3].tolist()


def test_a_ratio_that_is_not_positive_and_finite_has_no_logarithm():
    assert np.isnan(logarithm(np.array([0.0, -1.0, np.nan, np.inf]))).all()


def test_a_window_has_the_same_bits_in_every_layout_and_company():
    window = np.random.default_rng(11).lognormal(6, 1, (20, 64))
    mean, squares = mean_and_squares(window)

    for layout in (np.asfortranarray(window), np.repeat(window, 2, axis=1)[:, ::2]):
        assert [part.tolist() for part in mean_and_squares(layout)] == [mean.tolist(), squares.tolist()]
    alone = [mean_and_squares(window[:, [symbol]]) for symbol in range(64)]
    assert [(part[0][0], part[1][0]) for part in alone] == list(zip(mean, squares, strict=True))
