"""When an alert fires, is kept quiet, belongs to the market's, and is resolved."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stream.alerts import MARKET
from engine.stream.bars import joined as joined_bars
from engine.stream.index_halt import halt_of, levels_of
from engine.stream.processor import Processor
from engine.stream.ticks import SECOND, Symbols, Ticks
from tests.stream.tapes import DAY, NAMES, at, limits, random_tape, symbols, tape

QUIET = {"stream__trade_burst__enabled": 0.0, "stream__price_band__enabled": 0.0}
STEADY = [(second, "NABIL", 50_000) for second in range(10)]  # an average of NPR 500


def alerts_of(ticks, *, names=None, closes=None, **changed):
    processor = Processor(DAY, names or symbols(), limits(**QUIET | changed), closes or {})
    output = processor.whole(ticks)
    return sorted(output.alerts, key=lambda alert: (alert.fired, alert.symbol)), processor


def test_a_price_far_from_the_average_of_earlier_trades_fires_once():
    alerts, _ = alerts_of(tape(*STEADY, (20, "NABIL", 52_600), (21, "NABIL", 52_700)))

    [alert] = alerts
    assert (alert.rule, alert.symbol, alert.rate) == ("moving_average", "NABIL", 52_600)
    assert alert.score == pytest.approx(5.2)
    assert (alert.began, alert.fired) == (at(20), at(20))


def test_the_trade_itself_is_not_in_its_average():
    """With itself in the average, a jump of 5.5 % against ten trades would be one of 5.0 %."""
    assert len(alerts_of(tape(*STEADY, (20, "NABIL", 52_750)), stream__moving_average__alert_above=5.4)[0]) == 1


def test_just_at_the_limit_nothing_fires():
    assert alerts_of(tape(*STEADY, (20, "NABIL", 52_500)))[0] == []


def test_without_enough_earlier_trades_there_is_no_average():
    few = STEADY[:4]

    assert alerts_of(tape(*few, (20, "NABIL", 90_000)))[0] == []
    assert len(alerts_of(tape(*few, (20, "NABIL", 90_000)), stream__min_trades=4)[0]) == 1


def test_trades_before_the_window_are_forgotten():
    later = [(400 + second, "NABIL", 55_000) for second in range(6)]

    assert alerts_of(tape(*STEADY, *later))[0] == []


def test_an_alert_is_resolved_when_the_score_is_well_below_the_limit_and_not_when_just_below():
    ticks = tape(*STEADY, (20, "NABIL", 53_000), (21, "NABIL", 52_600), (22, "NABIL", 50_000))

    [alert] = alerts_of(ticks)[0]
    assert (alert.state, alert.resolved) == ("resolved", at(22))


def test_what_still_fires_is_resolved_by_the_closing():
    [alert] = alerts_of(tape(*STEADY, (20, "NABIL", 53_000)))[0]

    assert alert.resolved == at(4 * 3600 + 60)


def test_within_the_cooldown_a_new_break_is_counted_and_raises_nothing():
    jumps = [(20, "NABIL", 55_000), (21, "NABIL", 50_000), (22, "NABIL", 56_000), (23, "NABIL", 50_000), (330, "NABIL", 50_000)]
    more = [(331 + second, "NABIL", 50_000) for second in range(5)]

    alerts, processor = alerts_of(tape(*STEADY, *jumps, *more, (340, "NABIL", 56_000)))

    assert [(alert.fired, alert.suppressed) for alert in alerts] == [(at(20), 1), (at(340), 0)]
    assert processor.suppressed == 1


def test_a_cooldown_longer_than_a_day_is_as_long_as_it_says():
    ticks = tape(*STEADY, (20, "NABIL", 55_000), (21, "NABIL", 50_000), (30, "NABIL", 55_000))

    assert len(alerts_of(ticks, stream__cooldown_s=86_400.0)[0]) == 1
    assert len(alerts_of(ticks, stream__cooldown_s=0.0)[0]) == 2


def test_one_rule_does_not_silence_another_and_one_symbol_not_another():
    ticks = tape(*STEADY, *[(second, "NICA", 50_000) for second in range(10)], (20, "NABIL", 55_000, 200_000), (20, "NICA", 55_000))

    found = {(alert.symbol, alert.rule) for alert in alerts_of(ticks)[0]}

    assert found == {("NABIL", "moving_average"), ("NABIL", "volume_limit"), ("NICA", "moving_average")}


def test_a_pending_time_lets_a_short_break_pass():
    short = tape(*STEADY, (20, "NABIL", 55_000), (22, "NABIL", 50_000))
    long = tape(*STEADY, (20, "NABIL", 55_000), (27, "NABIL", 50_000))

    assert alerts_of(short, stream__pending_s=5.0)[0] == []
    [alert] = alerts_of(long, stream__pending_s=5.0)[0]
    assert (alert.began, alert.fired, alert.resolved) == (at(20), at(25), at(27))


def test_many_symbols_at_once_make_one_alert_of_the_market():
    names = Symbols(f"S{number}" for number in range(12))
    steady = [(second, number, 50_000) for second in range(10) for number in range(12)]
    trades = [*steady, *((20 + number, number, 45_000) for number in range(12))]
    ticks = tape(*((second, NAMES[0], rate) for second, _, rate in trades))
    ticks = Ticks(ticks.contract, ticks.time, np.array([number for _, number, _ in trades], np.uint16), ticks.quantity, ticks.rate)

    alerts, _ = alerts_of(ticks, names=names)

    [market] = [alert for alert in alerts if alert.symbol == MARKET]
    members = [alert for alert in alerts if alert.group == market.key]
    assert (market.members, len(members)) == (12, 12)
    assert market.fired == at(29)  # the tenth


def test_a_price_outside_the_band_of_the_day_fires_where_the_previous_close_is_known():
    ticks = tape((1, "NABIL", 55_100), (2, "NICA", 55_100))

    alerts, _ = alerts_of(ticks, closes={"NABIL": 50_000}, stream__price_band__enabled=1.0)

    [alert] = alerts
    assert (alert.symbol, alert.rule) == ("NABIL", "price_band")
    assert alert.score == pytest.approx(0.2)


def test_a_burst_of_trades_fires_after_the_opening_and_not_in_it():
    calm = [(second, "NABIL", 50_000) for second in range(0, 400, 10)]
    burst = [(401 + second / 20, "NABIL", 50_000) for second in range(60)]
    opening = [(second / 20, "NABIL", 50_000) for second in range(60)]

    quiet = {"stream__price_band__enabled": 0.0}
    processors = [Processor(DAY, symbols(), limits(**quiet)) for _ in range(2)]
    fired = [
        [alert.rule for alert in processor.whole(tape(*trades)).alerts]
        for processor, trades in zip(processors, (calm + burst, opening), strict=True)
    ]

    assert fired == [["trade_burst"], []]


def test_a_rule_that_is_switched_off_says_nothing():
    assert alerts_of(tape(*STEADY, (20, "NABIL", 55_000)), stream__moving_average__enabled=0.0)[0] == []


ALL = dict.fromkeys(NAMES, 50_000)  # closes of NPR 500
FEW = {"stream__index_halt__min_symbols": 4.0, "stream__moving_average__enabled": 0.0}


def together(*moves):
    """Return a tape on which all four symbols move at once, given as (seconds after the opening, percent)."""
    return tape(*((second, name, round(50_000 * (1 + move / 100))) for second, move in moves for name in NAMES))


def halts_of(ticks, **changed):
    return [(alert.symbol, alert.fired, round(alert.score, 2), alert.limit) for alert in alerts_of(ticks, closes=ALL, **FEW | changed)[0]]


def test_a_move_of_the_whole_market_near_a_level_of_the_index_fires_once_a_level():
    moves = [(0, 0), (600, -3.4), (700, -3.6), (800, -3.7), (900, -4.6)]

    assert halts_of(together(*moves)) == [(MARKET, at(700), -3.6, 3.5), (MARKET, at(900), -4.6, 4.5)]


def test_a_level_of_the_index_holds_until_its_hour_and_no_longer():
    """Four percent halt before 12:00 only, five before 13:00, six all day."""
    after_noon, after_one = 3700, 7300

    assert halts_of(together((0, 0), (after_noon, 4.2))) == []
    assert halts_of(together((0, 0), (after_noon, 4.7))) == [(MARKET, at(after_noon), 4.7, 4.5)]
    assert halts_of(together((0, 0), (after_one, 5.4))) == []
    assert halts_of(together((0, 0), (after_one, 5.6))) == [(MARKET, at(after_one), 5.6, 5.5)]


def test_the_margin_before_a_level_is_a_threshold_and_the_rule_can_be_off():
    moves = together((0, 0), (700, 3.85))

    assert len(halts_of(moves)) == 1
    assert halts_of(moves, stream__index_halt__margin=0.1) == []
    assert halts_of(moves, stream__index_halt__enabled=0.0) == []


def test_a_few_symbols_are_no_market():
    assert halts_of(together((0, 9)), stream__index_halt__min_symbols=5.0) == []


def test_one_symbol_moves_the_market_by_its_share_and_odd_lots_do_not():
    one = [*((0, name, 50_000) for name in NAMES), (60, "NABIL", 58_000)]
    odd = [*((0, name, 50_000) for name in NAMES), *((60, name, 58_000, 9) for name in NAMES)]

    assert halts_of(tape(*one), stream__price_band__enabled=0.0) == [(MARKET, at(60), 4.0, 3.5)]
    assert halts_of(tape(*odd)) == []


def test_the_levels_of_the_index_are_those_of_the_date():
    """Since 2026-04-20 there are two: five percent before 13:00, eight all day."""
    levels = levels_of(date(2026, 5, 4), limits())

    assert [(level.pct, level.alert_above) for level in levels] == [(5.0, 4.5), (8.0, 7.5)]
    assert halt_of(date(2026, 5, 4), 4.5).minutes == 15
    assert halt_of(DAY, 3.5).minutes == 20


def streamed(ticks, size, thresholds):
    processor = Processor(DAY, symbols(), thresholds, ALL)
    outputs = [processor.feed(ticks.take(slice(start, start + size))) for start in range(0, len(ticks), size)]
    outputs.append(processor.close())
    bars = joined_bars([output.bars for output in outputs])
    alerts = {alert.key: alert for output in outputs for alert in output.alerts}
    return sorted(map(tuple, bars.matrix.T.tolist())), alerts, processor.suppressed


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    size=st.sampled_from([1, 10, 77, 500]),
    limit=st.sampled_from([0.5, 2.0, 5.0]),
    cooldown=st.sampled_from([0.0, 30.0, 300.0]),
    pending=st.sampled_from([0.0, 3.0]),
    span=st.sampled_from([60, 600, 5000]),
)
def test_neither_the_order_of_arrival_within_the_lateness_nor_the_size_of_a_batch_changes_anything(
    seed, size, limit, cooldown, pending, span
):
    thresholds = limits(
        stream__moving_average__alert_above=limit,
        stream__cooldown_s=cooldown,
        stream__pending_s=pending,
        stream__group_symbols=3.0,
        stream__index_halt__min_symbols=2.0,
    )
    ticks = random_tape(seed, 500, seconds=span)
    late_by = np.random.default_rng(seed).integers(0, 5 * SECOND, len(ticks))
    arrival = ticks.take(np.argsort(ticks.time + late_by, kind="stable"))

    whole = Processor(DAY, symbols(), thresholds, ALL)
    output = whole.whole(ticks)

    bars, alerts, suppressed = streamed(arrival, size, thresholds)
    assert bars == sorted(map(tuple, output.bars.matrix.T.tolist()))
    assert alerts == {alert.key: alert for alert in output.alerts}
    assert suppressed == whole.suppressed
