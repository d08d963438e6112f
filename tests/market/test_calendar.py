from datetime import date

import pytest

from engine.market.calendar import TradingCalendar
from engine.market.reference import AnnouncedDay

SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = (date(2025, 8, day) for day in range(3, 10))
OPEN, CLOSED = AnnouncedDay(trading=True), AnnouncedDay(trading=False)


def weekend():
    return AnnouncedDay(trading=False, holiday="Weekend")


def test_an_announced_holiday_is_closed_for_certain_and_named():
    calendar = TradingCalendar({TUESDAY: AnnouncedDay(trading=False, holiday="Ghode Jatra")})

    expected = calendar.expected(TUESDAY)

    assert (expected.trading, expected.certain) == (False, True)
    assert "Ghode Jatra" in expected.reason


def test_an_announced_trading_day_is_certain():
    expected = TradingCalendar({TUESDAY: OPEN}).expected(TUESDAY)

    assert (expected.trading, expected.certain) == (True, True)


def test_an_unnamed_closed_day_of_the_week_is_closed():
    assert not TradingCalendar({TUESDAY: CLOSED}).expected(TUESDAY).trading


def test_a_trading_flag_with_a_holiday_name_is_uncertain():
    expected = TradingCalendar({date(2025, 8, 10): AnnouncedDay(trading=True, holiday="Gai Jatra")}).expected(date(2025, 8, 10))

    assert (expected.trading, expected.certain) == (True, False)
    assert "Gai Jatra" in expected.reason


@pytest.mark.parametrize(("day", "trading"), [(THURSDAY, True), (FRIDAY, False), (SATURDAY, False), (SUNDAY, True)])
def test_without_an_announcement_the_trading_week_answers_uncertainly(day, trading):
    expected = TradingCalendar({MONDAY: OPEN}).expected(day)

    assert (expected.trading, expected.certain) == (trading, False)


def test_a_calendar_that_lags_behind_a_new_trading_week_does_not_hide_a_session():
    friday = date(2026, 4, 10)

    expected = TradingCalendar({friday: weekend()}).expected(friday)

    assert (expected.trading, expected.certain) == (True, False)


def test_a_trading_day_announced_outside_the_week_is_expected_uncertainly():
    expected = TradingCalendar({SATURDAY: OPEN}).expected(SATURDAY)

    assert (expected.trading, expected.certain) == (True, False)


def test_sessions_between_includes_both_ends_and_leaves_out_holidays():
    calendar = TradingCalendar({TUESDAY: AnnouncedDay(trading=False, holiday="Mourning")})

    assert calendar.sessions_between(SUNDAY, SATURDAY) == (SUNDAY, MONDAY, WEDNESDAY, THURSDAY)


def test_an_empty_range_holds_no_session():
    assert TradingCalendar().sessions_between(MONDAY, SUNDAY) == ()


def test_the_session_before_sunday_is_thursday():
    assert TradingCalendar().previous_session(date(2025, 8, 10)) == THURSDAY
