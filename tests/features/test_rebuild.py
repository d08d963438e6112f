"""One implementation: a day at a time, a rebuild from any checkpoint, and any company of symbols give the same bits."""

import csv
import gzip
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.features.indicators import rebuild, step
from engine.features.state import FeatureState
from tests.features.frames import Row, gold_bits, silver, state_bits, through_parquet

KINDS = ("wanders", "constant", "idle volume", "bad rows", "restated")
LONGEST = 45


def life(symbol: str, kind: str, seed: int, sessions: int, listed: int) -> list[Row | None]:
    """One symbol's rows, None on sessions that it does not trade."""
    random = np.random.default_rng(seed)
    close, rows = round(float(random.uniform(5, 3000)), 1), []
    for session in range(sessions):
        traded = session >= listed and random.random() > 0.15
        previous = close
        if traded and kind != "constant":
            close = max(0.1, round(close * float(np.exp(random.normal(0, 0.03))), 1))
        row = Row(
            symbol,
            close=f"{close:.2f}",
            high=f"{max(previous, close) * 1.01:.2f}",
            low=f"{min(previous, close) * 0.99:.2f}",
            previous_close="0.00" if session == listed else f"{previous:.2f}",
            volume=0 if kind == "idle volume" else int(random.integers(1, 10**6)),
            turnover=f"{random.uniform(0, 1e9):.2f}",
        )
        if kind == "bad rows" and random.random() < 0.2:
            row = row._replace(**{str(random.choice(["close", "high", "low", "volume", "turnover"])): None})
        if kind == "restated" and random.random() < 0.1:
            row = row._replace(previous_close=f"{previous * 0.8:.2f}")
        rows.append(row if traded else None)
    return rows


@st.composite
def markets(draw) -> list[pa.Table]:
    """A market of one to five symbols, each of its kind, listed on some day, with gaps."""
    sessions = draw(st.integers(1, LONGEST))
    lives = [
        life(f"S{i}", draw(st.sampled_from(KINDS)), draw(st.integers(0, 2**32)), sessions, draw(st.integers(0, sessions - 1) | st.just(0)))
        for i in draw(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True))
    ]
    return [silver(session, [one[session] for one in lives if one[session] is not None]) for session in range(sessions)]


def all_bits(steps) -> list:
    return [(gold_bits(gold), state_bits(state)) for state, gold in steps]


@settings(deadline=None, max_examples=40)
@given(market=markets(), data=st.data())
def test_a_rebuild_from_any_checkpoint_gives_the_same_bits(market, data):
    split = data.draw(st.integers(0, len(market)))
    whole = list(rebuild(market))
    before = through_parquet(whole[split - 1][0]) if split else FeatureState.empty()

    assert all_bits(rebuild(market[split:], before)) == all_bits(whole[split:])


@settings(deadline=None, max_examples=20)
@given(market=markets())
def test_days_that_each_come_from_a_checkpoint_give_the_same_bits(market):
    state, days = FeatureState.empty(), []
    for prices in market:
        state, gold = step(through_parquet(state), prices)
        days.append((state, gold))

    assert all_bits(days) == all_bits(rebuild(market))


@settings(deadline=None, max_examples=40)
@given(market=markets(), data=st.data())
def test_a_symbol_has_the_same_bits_alone_as_in_company(market, data):
    company = [gold_bits(gold, without=("turnover_share",)) for _, gold in rebuild(market)]
    symbol = data.draw(st.sampled_from(sorted(set().union(*company)) or ["S0"]))
    alone = [prices.filter(pc.equal(prices["symbol"], symbol)) for prices in market]

    assert [gold_bits(gold, without=("turnover_share",)).get(symbol) for _, gold in rebuild(alone)] == [day.get(symbol) for day in company]


@settings(deadline=None, max_examples=20)
@given(market=markets())
def test_the_order_of_rows_does_not_change_a_bit(market):
    reversed_rows = [prices.take(pa.array(range(prices.num_rows)[::-1], pa.int64())) for prices in market]

    assert all_bits(rebuild(reversed_rows)) == all_bits(rebuild(market))


@pytest.mark.parametrize("crowd", [1, 2, 3, 7, 8, 9, 63, 350])
def test_the_width_of_the_market_does_not_change_a_bit(crowd):
    rows = [life(f"S{i:03}", "wanders", i, 45, 0) for i in range(crowd)]
    market = [silver(session, [one[session] for one in rows if one[session] is not None]) for session in range(45)]
    alone = [silver(session, [row] if row else []) for session, row in enumerate(rows[-1])]
    symbol = f"S{crowd - 1:03}"

    in_company = [gold_bits(gold, without=("turnover_share",)).get(symbol) for _, gold in rebuild(market)]

    assert in_company == [gold_bits(gold, without=("turnover_share",)).get(symbol) for _, gold in rebuild(alone)]


@pytest.fixture(scope="module")
def real_sessions(real_data) -> list[pa.Table]:
    """The sessions of the first four months of real files, read with the smallest reader that can."""
    with (real_data / "labels" / "file_labels.csv").open(encoding="utf-8") as labels:
        files = [row for row in csv.DictReader(labels) if row["kind"] == "session" and row["file_date"] < "2024-07-01"]
    return [read_daily(real_data / "daily" / row["file"], date.fromisoformat(row["carries_session"])) for row in files]


def read_daily(path, session: date) -> pa.Table:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        cells = [{name: value.replace(",", "") for name, value in row.items()} for row in csv.DictReader(file)]
    rows = [Row(c["Symbol"], c["Close"], c["High"], c["Low"], c["Prev. Close"], int(float(c["Vol"])), c["Turnover"]) for c in cells]
    table = silver(0, rows)
    return table.set_column(0, "session", pa.array([session] * len(rows), pa.date32()))


def test_real_sessions_rebuilt_from_the_middle_give_the_same_bits(real_sessions):
    whole = list(rebuild(real_sessions))
    middle = len(whole) // 2

    assert all_bits(rebuild(real_sessions[middle:], through_parquet(whole[middle - 1][0]))) == all_bits(whole[middle:])


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sma_20", lambda close, *_: talib.SMA(close, 20)),
        ("ema_26", lambda close, *_: talib.EMA(close, 26)),
        ("rsi_14", lambda close, *_: talib.RSI(close, 14)),
        ("bollinger_upper", lambda close, *_: talib.BBANDS(close, 20, 2, 2)[0]),
        ("bollinger_lower", lambda close, *_: talib.BBANDS(close, 20, 2, 2)[2]),
        ("atr_14", lambda close, high, low: talib.ATR(high, low, close, 14)),
    ],
)
def test_every_real_symbol_agrees_with_ta_lib(real_sessions, name, reference):
    prices = pa.concat_tables(real_sessions).to_pylist()
    gold = pa.concat_tables([gold for _, gold in rebuild(real_sessions)]).to_pylist()
    by_symbol: dict[str, list] = {}
    for row, features in zip(prices, gold, strict=True):
        value = np.nan if features[name] is None else features[name]
        by_symbol.setdefault(row["symbol"], []).append((float(row["close"]), float(row["high"]), float(row["low"]), value))

    assert len(by_symbol) > 300
    for symbol, rows in by_symbol.items():
        close, high, low, ours = np.array(rows).T.copy()
        theirs = reference(close, high, low)
        if name == "rsi_14":
            theirs[np.cumsum(np.abs(np.diff(close, prepend=close[0]))) == 0] = np.nan  # a price that never moved: ours is null, TA-Lib's 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=0, equal_nan=True, err_msg=symbol)
