"""Sums over trailing windows and bars, against a plain reading of what they mean."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.bars import COLUMNS, OpenBars, bars_of, joined, rolled_up
from engine.stream.one_by_one import OneByOne
from engine.stream.ticks import SECOND
from engine.stream.trailing import Trailing, WholeTape, grouped, spans
from tests.stream.tapes import at, random_tape, tape

MINUTE = 60 * SECOND


def plain_sums(ticks, seconds):
    """By contract: the sum of prices and the number of earlier trades of the symbol from second s - W on."""
    rows = list(zip(ticks.contract.tolist(), ticks.time.tolist(), ticks.symbol.tolist(), ticks.rate.tolist(), strict=True))
    found = {}
    for place, (contract, time, symbol, _) in enumerate(rows):
        start = time // SECOND - seconds
        earlier = [rate for _, other, own, rate in rows[:place] if own == symbol and other // SECOND >= start]
        found[contract] = (sum(earlier), len(earlier))
    return found


def streamed_sums(ticks, seconds, size, *, longest=None):
    trailing = Trailing(longest or seconds)
    found = {}
    for start in range(0, len(ticks), size):
        for part in spans(ticks.take(slice(start, start + size))):
            group = grouped(part)
            total, number = trailing.within(trailing.add(group), seconds)
            found |= dict(zip(group.ticks.contract.tolist(), zip(total.tolist(), number.tolist(), strict=True), strict=True))
    return found


@pytest.mark.parametrize("size", [1, 13, 400])
@pytest.mark.parametrize(("span", "seconds"), [(40, 10), (3000, 300), (9000, 30)])
def test_a_trailing_window_holds_every_earlier_trade_of_the_symbol_and_no_other(size, span, seconds):
    ticks = random_tape(span, 400, seconds=span)

    assert streamed_sums(ticks, seconds, size) == plain_sums(ticks, seconds)


@pytest.mark.parametrize("span", [60, 900, 5000])
def test_symbols_that_are_traded_for_the_first_time_late_in_the_session_leave_the_sums_of_the_others(span):
    ticks = random_tape(span, 400, seconds=span, symbols=4)
    half = np.arange(len(ticks)) >= 200
    ticks = replace(ticks, symbol=np.where(half, ticks.symbol * 60, ticks.symbol).astype(np.uint16))  # room for 64 is not enough then

    assert streamed_sums(ticks, 300, 50) == plain_sums(ticks, 300)


def test_a_shorter_window_than_the_longest_can_be_asked_for():
    ticks = random_tape(5, 300, seconds=900)

    assert streamed_sums(ticks, 10, 50, longest=300) == plain_sums(ticks, 10)


@given(seed=st.integers(0, 10_000), seconds=st.integers(1, 400), span=st.integers(1, 5000), size=st.integers(1, 300))
def test_streamed_and_whole_windows_are_the_same_numbers(seed, seconds, span, size):
    ticks = random_tape(seed, 200, seconds=span)
    group, tape_ = grouped(ticks), WholeTape()
    total, number = tape_.within(tape_.add(group), seconds)

    whole = dict(zip(group.ticks.contract.tolist(), zip(total.tolist(), number.tolist(), strict=True), strict=True))
    assert whole == streamed_sums(ticks, seconds, size)


@given(seed=st.integers(0, 10_000), seconds=st.integers(1, 400), span=st.integers(1, 5000))
def test_one_trade_at_a_time_gives_the_same_numbers(seed, seconds, span):
    ticks = random_tape(seed, 200, seconds=span)
    one = OneByOne(seconds)
    columns = zip(*(column.tolist() for column in (ticks.contract, ticks.symbol, ticks.time, ticks.rate)), strict=True)

    assert {contract: one.add(*trade) for contract, *trade in columns} == streamed_sums(ticks, seconds, 50)


def plain_bars(ticks, width):
    bars = {}
    for time, symbol, quantity, rate in zip(
        *(column.tolist() for column in (ticks.time, ticks.symbol, ticks.quantity, ticks.rate)), strict=True
    ):
        bar = bars.setdefault((symbol, time // width), {"prices": [], "volume": 0, "turnover": 0, "trades": 0})
        bar["prices"] += [rate] if quantity >= 10 else []
        bar["volume"] += quantity
        bar["turnover"] += quantity * rate
        bar["trades"] += 1
    found = []
    for (symbol, start), bar in sorted(bars.items()):
        prices = bar["prices"]
        ohlc = (prices[0], max(prices), min(prices), prices[-1]) if prices else (0, 0, 0, 0)
        found.append((symbol, start, *ohlc, bar["volume"], bar["turnover"], bar["trades"]))
    return found


def rows_of(bars):
    return sorted(map(tuple, bars.matrix.T.tolist()))


@pytest.mark.parametrize("width", [SECOND, MINUTE, 5 * MINUTE])
def test_a_bar_takes_its_prices_from_board_lots_and_its_sums_from_all_trades(width):
    ticks = random_tape(7, 2000, seconds=900)

    assert rows_of(bars_of(grouped(ticks), width, 10)) == plain_bars(ticks, width)


def test_a_bar_of_odd_lots_alone_has_sums_and_no_price():
    bars = bars_of(grouped(tape((1, "NABIL", 50_000, 3), (2, "NABIL", 50_100, 9))), MINUTE, 10)

    assert dict(zip(COLUMNS, bars.matrix[:, 0].tolist(), strict=True)) | {"start": 0} == {
        "symbol": 0, "start": 0, "open": 0, "high": 0, "low": 0, "close": 0, "volume": 12, "turnover": 3 * 50_000 + 9 * 50_100, "trades": 2
    }  # fmt: skip


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 299), max_size=8), span=st.integers(1, 2000))
def test_bars_are_the_same_however_their_trades_are_cut_into_batches(seed, cuts, span):
    ticks = random_tape(seed, 300, seconds=span)
    grown, closed = OpenBars(MINUTE, 10), []
    edges = sorted({0, *cuts, 300})
    for start, end in pairwise(edges):
        part = ticks.take(slice(start, end))
        grown.add(part)
        closed.append(grown.close(int(part.time[-1])))
        if start % 2:
            grown.now()  # looking changes nothing
    closed.append(grown.close(at(90_000)))

    assert rows_of(joined(closed)) == plain_bars(ticks, MINUTE)


def test_many_at_once_that_are_sorted_already_make_the_same_bars():
    ticks = random_tape(12, 20_000, seconds=3000)
    grown = OpenBars(MINUTE, 10)
    for start, end in pairwise([0, 100, 9_000, 9_050, 20_000]):
        part = ticks.take(slice(start, end))
        grown.add(part, grouped(part))

    assert rows_of(grown.close(at(90_000))) == plain_bars(ticks, MINUTE)


def test_a_bar_comes_out_when_the_watermark_has_passed_its_end_and_only_once():
    bars = OpenBars(MINUTE, 10)
    bars.add(tape((1, "NABIL", 100), (2, "NICA", 200)))

    assert len(bars.close(at(59.9))) == 0
    assert len(bars.now()) == 2
    assert len(bars.close(at(60))) == 2
    assert len(bars.close(at(600))) == 0


@pytest.mark.parametrize("times", [5, 60])
def test_bars_rolled_up_are_the_bars_of_the_wider_window(times):
    ticks = random_tape(11, 2000, seconds=9000)
    minutes = bars_of(grouped(ticks), MINUTE, 10)
    any_order = minutes.take(np.random.default_rng(1).permutation(len(minutes)))

    assert rows_of(rolled_up(any_order, times)) == plain_bars(ticks, MINUTE * times)
