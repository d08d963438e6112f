from datetime import date, time, timedelta
from decimal import Decimal
from typing import get_type_hints

import pytest

from engine.errors import UsageError
from engine.market.rules import CHANGES, OPENING, Basis, CloseMeaning, MarketRules, history_of, rules_on

DAYS = {"Mon": 0, "Tue": 1, "Wed": 2, "Thu": 3, "Fri": 4, "Sat": 5, "Sun": 6}


@pytest.mark.parametrize(
    ("day", "week"),
    [
        ("2022-05-14", "Sun Mon Tue Wed Thu"),
        ("2022-05-15", "Mon Tue Wed Thu Fri"),
        ("2022-06-19", "Sun Mon Tue Wed Thu Fri"),
        ("2022-09-18", "Sun Mon Tue Wed Thu"),
        ("2026-04-05", "Sun Mon Tue Wed Thu"),
        ("2026-04-06", "Mon Tue Wed Thu Fri"),
        ("2026-11-01", "Mon Tue Wed Thu Fri"),
    ],
)
def test_the_trading_week_is_the_one_of_the_day(day, week):
    assert rules_on(date.fromisoformat(day)).trading_week == {DAYS[name] for name in week.split()}


def test_the_band_is_ten_percent_until_2026_04_19_and_fifteen_from_the_20th():
    assert rules_on(date(2026, 4, 19)).band_pct == 10
    assert rules_on(date(2026, 4, 20)).band_pct == 15


def test_the_pre_open_band_widened_together_with_the_band():
    assert rules_on(date(2026, 4, 19)).pre_open_band_pct == 2
    assert rules_on(date(2026, 4, 20)).pre_open_band_pct == 5


def test_the_session_of_today_is_from_eleven_to_three_after_a_pre_open_at_half_past_ten():
    hours = rules_on(date(2026, 11, 2)).hours

    assert (hours.pre_open, hours.pre_open_ends, hours.opens, hours.closes) == (time(10, 30), time(10, 45), time(11), time(15))


def test_fridays_of_summer_2022_close_at_half_past_one():
    assert rules_on(date(2022, 7, 1)).closes == time(13, 30)
    assert rules_on(date(2022, 6, 30)).closes == time(15)


def test_fridays_of_2026_are_full_days():
    assert rules_on(date(2026, 4, 10)).closes == time(15)


def test_shares_trade_on_ten_paisa_since_2021_07_18():
    assert rules_on(date(2021, 7, 17)).tick_shares == Decimal("1.00")
    assert rules_on(date(2021, 7, 18)).tick_shares == Decimal("0.10")


def test_funds_trade_on_one_paisa():
    assert rules_on(date(2025, 1, 1)).tick_funds == Decimal("0.01")


@pytest.mark.parametrize(
    ("day", "meaning"),
    [
        ("2025-03-19", CloseMeaning.LAST_PRICE),
        ("2025-03-20", CloseMeaning.AVERAGED),
        ("2025-09-17", CloseMeaning.AVERAGED),
        ("2025-09-18", CloseMeaning.LAST_PRICE),
        ("2025-09-21", CloseMeaning.AVERAGED),
        ("2025-09-23", CloseMeaning.LAST_PRICE),
    ],
)
def test_close_means_what_it_meant_on_the_day(day, meaning):
    assert rules_on(date.fromisoformat(day)).close_meaning is meaning


def test_six_percent_ended_the_day_before_2026_04_20_and_eight_since():
    assert rules_on(date(2025, 9, 18)).day_halt_pct == 6
    assert rules_on(date(2026, 4, 20)).day_halt_pct == 8


def test_a_day_before_the_exchange_opened_has_no_rules():
    with pytest.raises(UsageError, match="1994-01-12"):
        rules_on(OPENING - timedelta(days=1))


def test_every_rule_is_known_since_the_opening_and_its_changes_are_in_order():
    for name in {change.rule for change in CHANGES}:
        dates = [change.effective_from for change in history_of(name)]

        assert dates[0] == OPENING
        assert dates == sorted(set(dates))


def test_every_row_of_the_table_has_the_type_of_its_field_and_says_where_it_comes_from():
    types = get_type_hints(MarketRules)
    for change in CHANGES:
        expected = types[change.rule]

        assert isinstance(change.value, getattr(expected, "__origin__", expected)), change
        assert len(change.source) >= 3
        assert change.basis in Basis
