"""The textbook's stream (9.3) fails in these ways; each test, named after its defect, shows that ours does not."""

from datetime import UTC, datetime

import numpy as np
import pytest

from engine.stream.alerts import COOLDOWN
from engine.stream.processor import Processor
from engine.stream.ticks import SECOND
from engine.stream.trailing import Trailing, grouped
from tests.stream.tapes import DAY, at, limits, symbols, tape

STEADY = [(second, "NABIL", 50_000) for second in range(10)]
QUIET = {"stream__trade_burst__enabled": 0.0}


def alerts_of(ticks, **changed):
    return Processor(DAY, symbols(), limits(**QUIET | changed)).whole(ticks).alerts


def sums_of(ticks, seconds):
    trailing = Trailing(seconds)
    group = grouped(ticks)
    return trailing.within(trailing.add(group), seconds)


def test_s1_the_first_tick_is_processed():
    output = Processor(DAY, symbols(), limits()).whole(tape((1, "NABIL", 50_000)))

    assert len(output.bars) == 1


def test_s2_a_past_day_is_replayed_by_its_own_time_and_not_by_the_clock():
    ticks = tape(*STEADY, (20, "NABIL", 52_600))
    assert datetime.fromtimestamp(int(ticks.time[0]) // SECOND, UTC).year == 2024

    assert [alert.fired for alert in alerts_of(ticks)] == [at(20)]


def test_s3_the_window_is_as_long_as_it_says():
    total, number = sums_of(tape((0, "NABIL", 20_000), (200, "NABIL", 10_000), (201, "NABIL", 10_000)), 300)

    assert (total[-1] / number[-1], number[-1]) == (15_000, 2)


def test_s4_a_jump_on_the_second_tick_is_seen():
    [alert] = alerts_of(tape((0, "NABIL", 10_000), (1, "NABIL", 11_000)), stream__min_trades=1.0)

    assert alert.score == pytest.approx(10.0)


def test_s5_a_cooldown_counts_days_too():
    later = COOLDOWN.default + 10
    quiet = [(20.5 + later - 9 + second, "NABIL", 50_000) for second in range(9)]
    ticks = tape(*STEADY, (20, "NABIL", 55_000), (20.5, "NABIL", 50_000), *quiet, (21 + later, "NABIL", 55_000))

    assert [alert.fired for alert in alerts_of(ticks)] == [at(20), at(21 + later)]
    assert len(alerts_of(ticks, stream__cooldown_s=86_400.0)) == 1


def test_s6_a_cooldown_is_of_one_symbol_and_rule():
    ticks = tape(*STEADY, (20, "NABIL", 55_000), (20.001, "NABIL", 50_000, 1_200_000))

    assert {alert.rule for alert in alerts_of(ticks)} == {"moving_average", "volume_limit"}


def test_s7_what_is_counted_is_what_happened():
    processor = Processor(DAY, symbols(), limits(**QUIET))
    jumps = [(20, "NABIL", 55_000), (21, "NABIL", 50_000), (22, "NABIL", 55_000)]

    output = processor.whole(tape(*STEADY, *jumps))

    assert len(output.alerts) == 1
    assert (output.alerts[0].suppressed, processor.suppressed) == (1, 1)


def test_s8_a_tick_that_cannot_be_processed_is_set_aside_with_its_reason_and_the_others_go_on():
    ticks = tape((0, "NABIL", 50_000), (1, "NABIL", 0), (2, "NABIL", 50_000))

    output = Processor(DAY, symbols(), limits()).whole(ticks)

    assert output.reasons.tolist() == [0, 1, 0]
    assert output.bars["trades"].tolist() == [2]


def test_s11_a_tick_costs_the_same_however_long_the_window():
    """Not timed: what is kept for a window does not grow with the ticks in it."""
    kept = []
    for count in (1_000, 20_000):
        trailing = Trailing(60)
        trailing.add(grouped(tape(*((second / count * 100, "NABIL", 50_000) for second in range(count)))))
        kept.append(trailing.bytes)

    assert kept[0] == kept[1]


def test_s12_an_average_of_nothing_is_no_division_and_times_carry_their_zone():
    with np.errstate(all="raise"):
        assert alerts_of(tape((0, "NABIL", 50_000))) == []
