"""Bars of any width, sliding averages and volatility out of panes are what a slow sum over every trade says."""

from itertools import pairwise
from math import isnan
from statistics import fmean, pstdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.market_seconds import Seconds
from engine.stream.panes import Panes, market_at, market_bars, market_sliding
from engine.stream.ticks import SECOND
from engine.stream.trailing import grouped
from tests.stream.tapes import OPENING, random_tape
from tests.stream.test_windows import plain_bars, rows_of

START = OPENING // SECOND


def panes_of(ticks, cuts=()):
    panes = Panes(10)
    for start, end in pairwise(sorted({0, *cuts, len(ticks)})):
        panes.add(grouped(ticks.take(slice(start, end))))
    return panes


@pytest.mark.parametrize("width", [1, 60, 300])
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 299), max_size=90), span=st.integers(1, 2000))
def test_bars_of_every_width_are_those_of_the_trades(width, seed, cuts, span):
    ticks = random_tape(seed, 300, seconds=span)
    panes, plain = panes_of(ticks, cuts), plain_bars(ticks, width * SECOND)

    assert rows_of(panes.bars(width)) == plain
    assert [bar[1:] for bar in rows_of(panes.of(2).bars(width))] == [bar[1:] for bar in plain if bar[0] == 2]


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 199), max_size=8), span=st.integers(1, 2000), seconds=st.integers(1, 600))
def test_average_and_volatility_are_those_of_all_trades_in_the_window(seed, cuts, span, seconds):
    ticks = random_tape(seed, 200, seconds=span)
    ends = START + np.arange(0, span + 120, 60)
    rows = list(zip((ticks.time // SECOND).tolist(), ticks.symbol.tolist(), ticks.rate.tolist(), strict=True))

    found = panes_of(ticks, cuts).of(1).sliding(ends, seconds)

    for end, average, deviation in zip(ends.tolist(), found.average.tolist(), found.deviation.tolist(), strict=True):
        prices = [rate for second, symbol, rate in rows if symbol == 1 and end - seconds <= second < end]
        if prices:
            assert average == pytest.approx(fmean(prices), rel=1e-12)
            assert deviation == pytest.approx(100 * pstdev(prices) / fmean(prices), abs=1e-6)
        else:
            assert isnan(average)


def test_a_symbol_that_was_not_traded_has_no_bar_and_no_average():
    panes = panes_of(random_tape(1, 50, symbols=2)).of(7)

    assert len(panes.bars(60)) == 0
    assert np.isnan(panes.sliding(np.array([START]), 300).average).all()


def test_memory_does_not_grow_with_the_rate_of_trades():
    def bytes_of(trades):
        panes = panes_of(random_tape(3, trades, seconds=60), range(0, trades, trades // 70))
        return panes.bytes

    assert bytes_of(70_000) <= 1.2 * bytes_of(7_000)


def test_the_market_adds_up_the_symbols_that_were_traded():
    ticks = random_tape(5, 400, seconds=600)
    bars = plain_bars(ticks, 60 * SECOND)

    found = market_bars(panes_of(ticks).bars(60))

    for start, symbols, trades, turnover in zip(*(column.tolist() for column in found), strict=True):
        mine = [bar for bar in bars if bar[1] == start]
        assert (symbols, trades, turnover) == (len(mine), sum(bar[8] for bar in mine), sum(bar[7] for bar in mine))


@given(
    moves=st.lists(st.tuples(st.integers(1, 9), st.floats(-8, 8)), min_size=1, max_size=60),
    unknown=st.integers(0, 2),
    window=st.integers(1, 60),
)
def test_the_markets_average_counts_every_second_with_the_move_that_held(moves, unknown, window):
    seconds, values = np.cumsum([gap for gap, _ in moves]).tolist(), [move for _, move in moves]
    values[:unknown] = [np.nan] * len(values[:unknown])
    nothing = np.zeros(len(seconds), np.int64)
    series = Seconds(np.array(seconds, np.int64) * SECOND, nothing, nothing, np.array(values), nothing)
    ends = np.arange(0, seconds[-1] + 5)
    held = {}
    for second in range(seconds[-1] + 5):
        known = [value for at, value in zip(seconds, values, strict=True) if at <= second]
        if known and not isnan(known[-1]):
            held[second] = known[-1]

    found = market_sliding(series, ends, window)

    for end, average, deviation in zip(ends.tolist(), found.average.tolist(), found.deviation.tolist(), strict=True):
        inside = [held[second] for second in range(max(end - window, 0), end) if second in held]
        if inside:
            assert average == pytest.approx(fmean(inside), abs=1e-9)
            assert deviation == pytest.approx(pstdev(inside), abs=1e-5)
        else:
            assert isnan(average)
    assert [value for value in market_at(series, ends).tolist() if not isnan(value)] == [held[end - 1] for end in ends if end - 1 in held]
