"""How values read."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pages.ui import format as say

AT = datetime(2024, 3, 4, 12, 15, 5, tzinfo=UTC)


def test_instants_are_shown_in_nepal_time():
    assert say.stamp(AT) == "4 Mar 2024 18:00"
    assert say.clock_time(AT) == "18:00:05"


def test_a_text_that_goes_on_says_so():
    assert say.shortened("closed", 6) == "closed"
    assert say.shortened("closed today", 8) == "closed…"


def test_an_estimate_is_said_in_one_unit():
    assert [say.about(timedelta(seconds=seconds)) for seconds in (9, 118, 5400)] == ["9 s", "2 min", "2 h"]


def test_dates_carry_their_weekday():
    assert say.day(date(2024, 3, 4)) == "Mon 4 Mar 2024"


@pytest.mark.parametrize(
    ("microseconds", "said"),
    [
        (840, "1 ms"),
        (84_000, "84 ms"),
        (1_240_000, "1.2 s"),
        (60_000_000, "1 min"),
        (200_000_000, "3 min 20 s"),
        (7_260_000_000, "2 h 1 min"),
    ],
)
def test_a_duration_is_said_in_the_unit_a_person_would_use(microseconds, said):
    assert say.duration(microseconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0, "now"), (5, "5 s ago"), (90, "2 min ago"), (7200, "2 h ago"), (-172_800, "in 2 d")])
def test_how_long_ago_is_said_in_one_unit(seconds, said):
    assert say.ago(AT - timedelta(seconds=seconds), AT) == said


def test_all_is_said_only_when_nothing_is_missing():
    assert say.percent(9_999, 10_000) == "99.9%"
    assert say.percent(10_000, 10_000) == "100%"
    assert say.percent(21, 22) == "95.5%"


def test_a_count_knows_its_singular():
    assert (say.count(1, "date"), say.count(1_234, "date")) == ("1 date", "1,234 dates")


def test_nothing_is_a_dash_and_never_a_zero():
    assert {say.day(None), say.stamp(None), say.duration(None), say.count(None), say.size(None), say.percent(0, 0)} == {"—"}
