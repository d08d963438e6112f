"""Forecasts: a trend that outliers cannot turn, a band that holds what it promises, and bytes stored day by day."""

from datetime import date, timedelta

import numpy as np
import pytest

from engine.costs.forecast import Trend, fit, months_ahead
from engine.errors import UsageError

BEGIN = date(2024, 1, 1)


def sessions(count: int, bytes_of, *, random=None, noise: float = 0.0) -> dict[date, int]:
    """Bytes of Sundays to Thursdays."""
    days = [BEGIN + timedelta(days=day) for day in range(count) if (BEGIN + timedelta(days=day)).weekday() not in (4, 5)]
    draws = random.normal(0, noise, len(days)) if random is not None else np.zeros(len(days))
    return {day: max(int(bytes_of((day - BEGIN).days) + draw), 1) for day, draw in zip(days, draws, strict=True)}


@pytest.mark.parametrize("trend", Trend)
def test_a_straight_line_is_found_again(trend):
    line = fit(sessions(300, lambda day: 20_000 + 10 * day), trend=trend)

    assert line.slope == pytest.approx(10, abs=0.01)
    assert line.share == pytest.approx(5 / 7, abs=0.01)
    assert line.spread < 1


def test_a_single_huge_day_does_not_turn_the_robust_trend():
    measured = sessions(300, lambda day: 20_000 + 10 * day)
    measured[max(measured)] = 50_000_000

    assert fit(measured).slope == pytest.approx(10, abs=0.5)
    assert fit(measured, trend=Trend.LINEAR).slope > 1000


def test_stored_bytes_are_integrated_day_by_day():
    line = fit(sessions(364, lambda _: 7000))
    first, second = months_ahead(line, 2, stored=1_000_000)

    assert float(first.arriving) == pytest.approx(5000 * 30.4, rel=0.03)  # five days in seven bring 7000
    assert float(first.stored) == pytest.approx(1_000_000 + 5000 * 30.4 / 2, rel=0.01)
    assert second.stored > first.stored


def test_growth_and_scale_are_taken_upon_the_trend():
    line = fit(sessions(364, lambda _: 7000))
    plain, grown = (months_ahead(line, 12, stored=0, growth=growth) for growth in (0.0, 0.1))
    tenfold = months_ahead(line, 12, stored=1000, scale=10)

    assert float(grown[-1].arriving / plain[-1].arriving) == pytest.approx(1.1**11.5, rel=0.02)
    assert float(tenfold[-1].stored) == pytest.approx(10 * float(months_ahead(line, 12, stored=1000)[-1].stored), rel=1e-6)


def test_the_band_widens_and_holds_the_middle():
    line = fit(sessions(200, lambda day: 20_000 + 5 * day, random=np.random.default_rng(1), noise=3000))
    months = months_ahead(line, 24, stored=3_000_000)
    widths = [month.stored_high - month.stored_low for month in months]

    assert all(month.stored_low <= month.stored <= month.stored_high for month in months)
    assert widths == sorted(widths)


def test_four_in_five_of_what_comes_lies_in_the_band():
    held = []
    for seed in range(80):
        random = np.random.default_rng(seed)
        measured = sessions(400, lambda day: 20_000 + 8 * day, random=random, noise=4000)
        days = sorted(measured)
        known = {day: measured[day] for day in days if (day - BEGIN).days < 250}
        month = months_ahead(fit(known), 4, stored=sum(known.values()))[-1]
        last = max(known)
        reached = [sum(measured[day] for day in days if day <= last + timedelta(days=ahead)) for ahead in range(92, 123)]
        held.append(float(month.stored_low) <= np.mean(reached) <= float(month.stored_high))

    assert 0.68 <= np.mean(held) <= 0.92


def test_shrinking_data_is_never_forecast_below_zero():
    months = months_ahead(fit(sessions(200, lambda day: 20_000 - 100 * day)), 60, stored=5_000_000)

    assert all(month.arriving >= 0 and month.stored_low >= 5_000_000 for month in months)


def test_too_few_days_are_refused_with_what_to_do():
    with pytest.raises(UsageError, match="backfill more"):
        fit(dict(list(sessions(20, lambda _: 5).items())[:9]))


@pytest.mark.parametrize("months", [0, 61])
def test_the_horizon_is_one_month_to_five_years(months):
    with pytest.raises(UsageError, match="1 to 60"):
        months_ahead(fit(sessions(60, lambda _: 5)), months, stored=0)
