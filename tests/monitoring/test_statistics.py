"""What runs come to in numbers: known answers, and what is not counted."""

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.monitoring.statistics import STEADY, EndedRun, Recovery, percentile, robust_z, statistics_of, trend
from storage.status import RunStatus

DAY = date(2025, 6, 1)
START = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def run(
    number: int, status: RunStatus = RunStatus.SUCCEEDED, *, seconds: float = 2.0, day: date | None = None, rows: int = 300
) -> EndedRun:
    at = START + timedelta(hours=number)
    return EndedRun(number, day or DAY + timedelta(days=number), status, at, seconds, seconds / 2, rows)


def test_closed_days_and_cancelled_runs_are_neither_success_nor_failure():
    runs = [run(1), run(2, RunStatus.FAILED), run(3, RunStatus.SKIPPED), run(4, RunStatus.CANCELLED), run(5, RunStatus.CRASHED), run(6)]

    found = statistics_of(runs)

    assert (found.runs, found.succeeded, found.failed, found.success_rate) == (6, 2, 2, 0.5)


def test_durations_are_those_of_runs_that_succeeded():
    runs = [run(number, seconds=number) for number in range(1, 101)] + [run(101, RunStatus.FAILED, seconds=9_000)]

    found = statistics_of(runs)

    assert (found.p50_seconds, found.p95_seconds, found.newest_seconds) == (50, 95, 100)
    assert found.rows_per_second == pytest.approx(100 * 300 / 5050)


def test_without_a_run_nothing_is_claimed():
    found = statistics_of([])

    assert (found.success_rate, found.p50_seconds, found.unusual, found.trend, found.rows_per_second) == (None, None, None, None, None)
    assert found.recovery == Recovery(0, None, ())


def test_the_newest_duration_is_compared_with_the_ones_before_it_only():
    usual = [2.0 + number % 5 / 10 for number in range(40)]

    assert robust_z(2.2, usual) == 0
    assert statistics_of([run(n, seconds=s) for n, s in enumerate([*usual, 9.0])]).newest_is_unusual
    assert robust_z(9.0, usual[:19]) is None  # too few to say
    assert robust_z(9.0, [2.0] * 40) is None  # no spread to compare with


def test_a_robust_z_is_that_of_iglewicz_and_hoaglin():
    earlier = [float(number) for number in range(1, 22)]  # median 11, median deviation 5

    assert robust_z(21, earlier) == pytest.approx(0.6745 * 10 / 5)


def test_a_trend_is_told_from_chance():
    slower = trend([1 + number / 50 for number in range(50)])
    steady = trend([2.0 + number * 7 % 5 / 10 for number in range(50)])
    noisy = trend([1.0 + number * 37 % 53 / 10 + number / 50 for number in range(30)])  # goes up by a third, as chance does too

    assert slower is not None
    assert steady is not None
    assert noisy is not None
    assert (slower.word, steady.word) == ("slower", "steady")
    assert noisy.change > STEADY
    assert (noisy.word, noisy.is_more_than_chance) == ("steady", False)
    assert trend([1.0] * 50) is None
    assert trend([1.0, 2.0]) is None


def test_a_trend_is_a_share_of_where_it_began_and_nothing_is_faster_than_no_time():
    doubled, halved = (trend([3.0 * 2 ** (sign * number / 49) for number in range(50)]) for sign in (1, -1))
    fallen = trend([0.0 if number > 30 else 40.0 - number for number in range(50)])

    assert doubled is not None
    assert halved is not None
    assert fallen is not None
    assert (doubled.change, halved.change) == (pytest.approx(1.0), pytest.approx(-0.5))
    assert -1 < fallen.change < -0.9
    assert fallen.word == "faster"


def test_recovery_is_from_the_first_failure_to_the_next_good_run_of_the_date():
    runs = [
        run(1, RunStatus.FAILED, day=DAY),
        run(2, RunStatus.CANCELLED, day=DAY),
        run(3, RunStatus.FAILED, day=DAY),
        run(5, day=DAY),
        run(6, RunStatus.CRASHED, day=DAY + timedelta(days=1)),
        run(7, day=DAY + timedelta(days=2)),
    ]

    found = Recovery.of(runs)

    assert found == Recovery(1, 4 * 3600, (DAY + timedelta(days=1),))


def test_a_percentile_is_a_value_that_was_measured():
    assert percentile([4, 1, 3, 2], 0.5) == 2
    assert percentile([4, 1, 3, 2], 1.0) == 4
    assert percentile([], 0.5) is None
