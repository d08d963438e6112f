"""Forecasts: a trend that outliers cannot turn, a band that holds what it promises, and bytes stored day by day."""

from datetime import date, timedelta

import numpy as np
import pytest

from engine.costs.forecast import MOST_DAYS, Lines, fit, fits, months_ahead
from engine.errors import UsageError

BEGIN = date(2024, 1, 1)


def sessions(count: int, bytes_of, *, random=None, noise: float = 0.0) -> dict[date, int]:
    """Bytes of Sundays to Thursdays."""
    days = [BEGIN + timedelta(days=day) for day in range(count) if (BEGIN + timedelta(days=day)).weekday() not in (4, 5)]
    draws = random.normal(0, noise, len(days)) if random is not None else np.zeros(len(days))
    return {day: max(int(bytes_of((day - BEGIN).days) + draw), 1) for day, draw in zip(days, draws, strict=True)}


def one(measured: dict[date, int]) -> Lines:
    return fits({"silver": measured})


def test_a_straight_line_is_found_again():
    line = fit(sessions(300, lambda day: 20_000 + 10 * day))

    assert line.slope == pytest.approx(10, abs=0.01)
    assert line.share == pytest.approx(5 / 7, abs=0.01)
    assert line.spread < 1


def test_a_single_huge_day_does_not_turn_the_robust_trend():
    measured = sessions(300, lambda day: 20_000 + 10 * day)
    measured[max(measured)] = 50_000_000

    assert fit(measured).slope == pytest.approx(10, abs=0.5)


def test_stored_bytes_are_integrated_day_by_day():
    lines = one(sessions(364, lambda _: 7000))
    first, second = months_ahead(lines, 2, stored=1_000_000)

    assert float(first.arriving) == pytest.approx(5000 * 30.4, rel=0.03)  # five days in seven bring 7000
    assert float(first.stored) == pytest.approx(1_000_000 + 5000 * 30.4 / 2, rel=0.01)
    assert second.stored > first.stored


def test_growth_and_scale_are_taken_upon_the_trend():
    lines = one(sessions(364, lambda _: 7000))
    plain, grown = (months_ahead(lines, 12, stored=0, growth=growth) for growth in (0.0, 0.1))
    tenfold = months_ahead(lines, 12, stored=1000, scale=10)

    assert float(grown[-1].arriving / plain[-1].arriving) == pytest.approx(1.1**11.5, rel=0.02)
    assert float(tenfold[-1].stored) == pytest.approx(10 * float(months_ahead(lines, 12, stored=1000)[-1].stored), rel=1e-6)


def test_the_band_widens_and_holds_the_middle():
    lines = one(sessions(200, lambda day: 20_000 + 5 * day, random=np.random.default_rng(1), noise=3000))
    months = months_ahead(lines, 24, stored=3_000_000)
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
        month = months_ahead(one(known), 4, stored=sum(known.values()))[-1]
        last = max(known)
        reached = [sum(measured[day] for day in days if day <= last + timedelta(days=ahead)) for ahead in range(92, 123)]
        held.append(float(month.stored_low) <= np.mean(reached) <= float(month.stored_high))

    assert 0.68 <= np.mean(held) <= 0.92


def test_shrinking_data_is_never_forecast_below_zero():
    months = months_ahead(one(sessions(200, lambda day: 20_000 - 100 * day)), 60, stored=5_000_000)

    assert all(month.arriving >= 0 and month.stored_low >= 5_000_000 for month in months)


def test_too_few_days_are_refused_with_what_to_do():
    with pytest.raises(UsageError, match="backfill more"):
        fit(dict(list(sessions(20, lambda _: 5).items())[:9]))


@pytest.mark.parametrize("months", [0, 61])
def test_the_horizon_is_one_month_to_five_years(months):
    with pytest.raises(UsageError, match="1 to 60"):
        months_ahead(one(sessions(60, lambda _: 5)), months, stored=0)


def test_layers_are_forecast_each_by_its_own_line_and_add_up_to_the_whole():
    measured = {"silver": sessions(300, lambda day: 9000 + 20 * day), "gold": sessions(200, lambda day: 40_000 - 10 * day)}
    lines = fits(measured)
    whole = months_ahead(lines, 24, stored=5000, growth=0.02, scale=3)
    layers = [months_ahead(lines.of(layer), 24, stored=2500, growth=0.02, scale=3) for layer in measured]

    for month, parts in zip(whole, zip(*layers, strict=True), strict=True):
        for name in ("arriving", "stored", "stored_low", "stored_high"):
            assert abs(getattr(month, name) - sum(getattr(part, name) for part in parts)) <= 1


def test_a_layer_with_few_days_goes_on_at_its_rate():
    measured = {"bronze": sessions(42, lambda _: 100), "state": {BEGIN + timedelta(days=7 * week): 7000 for week in range(6)}}
    (month,) = months_ahead(fits(measured).of("state"), 1, stored=0)

    assert float(month.arriving) == pytest.approx(30 * 1000, rel=0.2)
    assert month.stored_low <= month.stored <= month.stored_high


def test_a_trend_goes_through_the_newest_thousand_days():
    turned = fit(sessions(1800, lambda day: 90_000 - 100 * day if day < 300 else 60_000 + 10 * (day - 300)))

    assert turned.count == MOST_DAYS
    assert turned.slope == pytest.approx(10, abs=0.01)


def test_without_ten_days_in_any_layer_there_is_no_forecast():
    with pytest.raises(UsageError, match="there are 6"):
        fits({"state": {BEGIN + timedelta(days=7 * week): 7000 for week in range(6)}, "empty": {BEGIN: 0}})
