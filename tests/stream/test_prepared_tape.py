"""A prepared tape gives what a replay of the same trades gives, whatever was turned before; and two replays are compared by alert."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stream.alert_diff import Side, alert_diff
from engine.stream.prepared_tape import PreparedTape
from engine.stream.replay import replayed
from engine.stream.rules import RULES
from engine.stream.ticks import SECOND, Symbols, joined, no_ticks
from tests.stream.tapes import DAY, NAMES, limits, random_tape, symbols, tape

CLOSES = {"NABIL": 50_000, "HIDCL": 47_000}
TURNS = st.fixed_dictionaries(
    {},
    optional={
        "stream__window_s": st.sampled_from([10.0, 60.0, 300.0, 1200.0]),
        "stream__min_trades": st.integers(1, 20).map(float),
        "stream__cooldown_s": st.sampled_from([0.0, 30.0, 300.0]),
        "stream__pending_s": st.sampled_from([0.0, 2.0, 20.0]),
        "stream__hysteresis_pct": st.sampled_from([0.0, 20.0, 90.0]),
        "stream__lateness_s": st.sampled_from([0.0, 5.0, 600.0]),
        "stream__group_symbols": st.sampled_from([2.0, 10.0]),
        "stream__moving_average__alert_above": st.sampled_from([0.1, 0.5, 2.0]),
        "stream__trade_burst__alert_above": st.sampled_from([2.0, 5.0]),
        "stream__volume_limit__alert_above": st.sampled_from([10.0, 900.0]),
        "stream__moving_average__enabled": st.sampled_from([0.0, 1.0]),
        "stream__price_band__enabled": st.sampled_from([0.0, 1.0]),
    },
)


def told(replay):
    """Everything that a replay says, fit to be compared."""
    return (
        [astuple(alert) for alert in replay.alerts],
        replay.suppressed,
        replay.bars.matrix.tolist(),
        replay.days.matrix.tolist(),
        replay.reasons.tolist(),
        replay.completeness,
    )


def shuffled(seed: int, count: int):
    """Trades of which some come late, twice, or not before others that were traded after them."""
    ticks = random_tape(seed, count, seconds=900)
    order = np.argsort(np.arange(count) + np.random.default_rng(seed).integers(0, 8, count))
    return joined([ticks.take(order), ticks.take(order[:3])])


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), turns=st.lists(TURNS, min_size=1, max_size=4))
def test_a_prepared_tape_gives_what_a_replay_gives_after_any_number_of_turns(seed, turns):
    ticks = shuffled(seed, 300)
    prepared = PreparedTape(DAY, ticks, symbols(), CLOSES)

    for turn in turns:
        thresholds = limits(**turn)
        assert told(prepared.replay(thresholds)) == told(replayed(DAY, ticks, symbols(), thresholds, CLOSES))


def test_a_tape_without_a_trade_raises_nothing():
    prepared = PreparedTape(DAY, no_ticks(), Symbols())

    assert prepared.replay(limits()).alerts == []
    assert len(prepared.ticks_of("NABIL", limits())) == 0
    assert len(prepared.scores_of("NABIL", "moving_average", limits())) == 0


def test_a_symbols_trades_come_in_order_with_their_scores():
    ticks = tape((1, "NABIL", 50_000), (2, "NICA", 20_000), (3, "NABIL", 50_000), (4, "NABIL", 55_000))
    prepared = PreparedTape(DAY, ticks, symbols())
    thresholds = limits(stream__min_trades=2.0)

    assert prepared.ticks_of("NABIL", thresholds).rate.tolist() == [50_000, 50_000, 55_000]
    assert prepared.scores_of("NABIL", "moving_average", thresholds).tolist() == [pytest.approx(np.nan, nan_ok=True)] * 2 + [10.0]
    assert len(prepared.ticks_of("NOBODY", thresholds)) == 0
    assert set(RULES) >= {"moving_average", "price_band", "trade_burst"}


def test_alerts_are_in_one_replay_in_the_other_or_in_both():
    steady = [(second, name, 50_000) for second in range(10) for name in NAMES[:3]]
    prepared = PreparedTape(DAY, tape(*steady, (20, "NABIL", 56_000), (21, "NICA", 53_000), (22, "HIDCL", 50_000, 150_000)), symbols())
    a = prepared.replay(limits(stream__volume_limit__enabled=0.0))
    b = prepared.replay(limits(stream__moving_average__alert_above=8.0))

    diff = alert_diff(a.alerts, b.alerts)

    assert [(one.alert.symbol, one.side) for one in diff.alerts] == [
        ("NABIL", Side.BOTH),
        ("NICA", Side.ONLY_A),
        ("HIDCL", Side.ONLY_B),
    ]
    assert [diff.count(side) for side in Side] == [1, 1, 1]
    assert [one.alert.symbol for one in diff.of(symbol="NICA", rule=None).alerts] == ["NICA"]
    assert [one.alert.symbol for one in diff.of(symbol=None, rule="volume_limit").alerts] == ["HIDCL"]


def test_the_same_thresholds_on_both_sides_differ_in_nothing():
    prepared = PreparedTape(DAY, random_tape(3, 2000), symbols(), CLOSES)
    thresholds = limits(stream__moving_average__alert_above=1.0)
    a = prepared.replay(thresholds)

    diff = alert_diff(a.alerts, prepared.replay(thresholds).alerts)

    assert len(a.alerts) > 5
    assert diff.count(Side.BOTH) == len(a.alerts) == len(diff.alerts)


def test_the_market_by_minute_is_what_its_trades_add_up_to_and_where_its_last_prices_stand():
    ticks, closes = random_tape(5, 400, seconds=900), {"NABIL": 50_000, "NICA": 40_000}
    tape = PreparedTape(DAY, ticks, symbols(), closes)

    minutes, moves = tape.market(limits())

    for place, start in enumerate(minutes.start.tolist()):
        inside = ticks.time // (60 * SECOND) == start
        assert (minutes.trades[place], minutes.turnover[place]) == (inside.sum(), (ticks.rate * ticks.quantity)[inside].sum())
        stand = []
        for name, close in closes.items():
            mine = (ticks.symbol == NAMES.index(name)) & (ticks.time < (start + 1) * 60 * SECOND) & (ticks.quantity >= 10)
            stand += [100 * (int(ticks.rate[mine][-1]) / close - 1)] if mine.any() else []
        assert moves[place] == pytest.approx(sum(stand) / len(stand), abs=0.001)


def test_without_a_close_before_nobody_knows_how_far_the_market_moved():
    minutes, moves = PreparedTape(DAY, random_tape(5, 400), symbols()).market(limits())

    assert len(minutes.start) == len(moves) > 0
    assert np.isnan(moves).all()
