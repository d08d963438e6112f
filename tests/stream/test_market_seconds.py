"""The market second by second is what a slow sum over all symbols says, however its trades are cut into batches."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.stream.market_seconds import MarketSeconds, Seconds
from engine.stream.ticks import SECOND
from engine.stream.trailing import grouped
from tests.stream.tapes import random_tape

CLOSES = np.array([50_000.0, 48_000.0, np.nan, 61_000.0])


def plain(ticks):
    """By second: (contract of its last trade, mean move, symbols)."""
    last, found = {}, {}
    for contract, time, symbol, quantity, rate in zip(
        *(column.tolist() for column in (ticks.contract, ticks.time, ticks.symbol, ticks.quantity, ticks.rate)), strict=True
    ):
        if quantity >= 10 and not np.isnan(CLOSES[symbol]):
            last[symbol] = round(rate / CLOSES[symbol] * 1e6)
        found[time // SECOND] = (contract, 100 * (sum(last.values()) / len(last) / 1e6 - 1) if last else None, len(last))
    return found


def streamed(ticks, cuts):
    market, parts = MarketSeconds(10), []
    edges = sorted({0, *cuts, len(ticks)})
    for start, end in pairwise(edges):
        part = ticks.take(slice(start, end))
        group = grouped(part)
        parts.append(market.add(part, group, group.ticks.time // SECOND, CLOSES[group.ticks.symbol]))
    parts.append(market.close())
    every = Seconds(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    moves = [None if np.isnan(move) else move for move in every.move_pct.tolist()]
    return dict(zip((every.time // SECOND).tolist(), zip(every.contract.tolist(), moves, every.symbols.tolist(), strict=True), strict=True))


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 199), max_size=20), span=st.integers(1, 900))
def test_each_second_has_the_mean_move_of_the_symbols_traded_so_far(seed, cuts, span):
    ticks = random_tape(seed, 200, seconds=span)
    expected = plain(ticks)

    found = streamed(ticks, cuts)

    assert found.keys() == expected.keys()
    assert found == streamed(ticks, [])  # to the bit
    assert all(found[second][::2] == expected[second][::2] for second in found)
    assert all(
        abs((found[second][1] or 0) - (expected[second][1] or 0)) < 1e-9 and (found[second][1] is None) == (expected[second][1] is None)
        for second in found
    )
