"""Agreement with TA-Lib on market-like and on hard symbols, and what is null."""

import math
import statistics
from decimal import Decimal
from fractions import Fraction
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
import talib

from engine.errors import DataError, UsageError
from engine.features.catalogue import FEATURES, GOLD_SCHEMA
from engine.features.indicators import step
from engine.features.state import FeatureState
from tests.features.frames import Row, column, gold_of, one_symbol, silver, state_bits

LENGTHS = (1, 2, 4, 5, 12, 14, 15, 19, 20, 21, 25, 26, 27)


def market_like(length: int, *, seed: int, level: float = 500.0) -> list[Row]:
    """A symbol that wanders: closes on the 0.10 tick, high and low around open and close, some days without a move."""
    random = np.random.default_rng(seed)
    rows, close = [], level
    for _ in range(length):
        previous = close
        close = max(1.0, round(previous * math.exp(random.normal(0, 0.02)), 1)) if random.random() > 0.05 else previous
        high = max(previous, close) + round(random.exponential(level / 100), 1)
        low = max(0.1, min(previous, close) - round(random.exponential(level / 100), 1))
        volume = int(random.integers(10, 1_000_000))
        rows.append(Row("NABIL", f"{close:.2f}", f"{high:.2f}", f"{low:.2f}", f"{previous:.2f}", volume, f"{volume * close:.2f}"))
    return rows


def jump() -> list[Row]:
    """A symbol that falls from a thousand million to ten, and its volume from a million million to five."""
    high = [row._replace(volume=10**12 + i) for i, row in enumerate(market_like(40, seed=5, level=1e9))]
    return high + [row._replace(volume=5 + i % 3) for i, row in enumerate(market_like(80, seed=6, level=10.0))]


CASES = {
    **{f"market {seed}": market_like(300, seed=seed, level=level) for seed, level in enumerate([12.0, 240.0, 900.0, 3000.0, 40_000.0])},
    **{f"length {length}": market_like(length, seed=100 + length) for length in LENGTHS},
    "constant": [Row("NABIL", close="333.30", high="333.30", low="333.30", previous_close="333.30")] * 60,
    "jump": jump(),
}


@cache
def gold(case: str) -> dict[str, np.ndarray]:
    rows = gold_of(one_symbol(CASES[case]))
    return {f.name: np.array([np.nan if row[f.name] is None else row[f.name] for row in rows]) for f in FEATURES}


def prices(case: str, name: str) -> np.ndarray:
    return np.array([float(getattr(row, name)) for row in CASES[case]])


def ema_of_defined(values: np.ndarray, span: int) -> np.ndarray:
    """TA-Lib's EMA of a series whose beginning is undefined."""
    result = np.full(len(values), np.nan)
    begun = ~np.isnan(values)
    if begun.sum() >= span:
        result[begun] = talib.EMA(values[begun], span)
    return result


def from_talib(case: str) -> dict[str, np.ndarray]:
    close, high, low = prices(case, "close"), prices(case, "high"), prices(case, "low")
    macd = talib.EMA(close, 12) - talib.EMA(close, 26)
    upper, _, lower = talib.BBANDS(close, 20, 2, 2)
    return {
        "sma_5": talib.SMA(close, 5),
        "sma_20": talib.SMA(close, 20),
        "ema_12": talib.EMA(close, 12),
        "ema_26": talib.EMA(close, 26),
        "macd": macd,
        "macd_signal": ema_of_defined(macd, 9),
        "rsi_14": talib.RSI(close, 14),
        "bollinger_upper": upper,
        "bollinger_lower": lower,
        "atr_14": talib.ATR(high, low, close, 14),
    }


def from_definitions(case: str) -> dict[str, np.ndarray]:
    """What TA-Lib lacks, value by value from the definitions, windows in exact arithmetic."""
    close, previous, high, low = (prices(case, name) for name in ("close", "previous_close", "high", "low"))
    logs = [math.log(today / before) for today, before in zip(close, previous, strict=True)]
    volumes = [row.volume for row in CASES[case]]
    volatility, score = np.full(len(close), np.nan), np.full(len(close), np.nan)
    for end in range(20, len(close) + 1):
        volatility[end - 1] = statistics.stdev([Fraction(value) for value in logs[end - 20 : end]])
        window = volumes[end - 20 : end]
        if statistics.stdev(window) > 0:
            score[end - 1] = (window[-1] - statistics.fmean(window)) / statistics.stdev(window)
    return {
        "daily_return": close / previous - 1,
        "log_return": np.array(logs),
        "volatility_20": volatility,
        "volume_z_20": score,
        "range_pct": (high - low) / low * 100,
        "turnover_share": np.ones(len(close)),
    }


def assert_agree(ours: np.ndarray, theirs: np.ndarray, *, scale: np.ndarray | float = 0.0) -> None:
    """Null in the same places, and within 1e-9 of the value; a difference of two prices within 1e-9 of the price (`scale`)."""
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
    error, allowed = np.abs(ours - theirs), 1e-9 * np.maximum(np.abs(theirs), scale)
    assert not (error > allowed).any(), f"off by up to {np.nanmax(error - allowed)} more than allowed"


@pytest.mark.parametrize("name", from_talib("length 1"))
@pytest.mark.parametrize("case", [case for case in CASES if case not in ("constant", "jump")])
def test_features_agree_with_ta_lib(case, name):
    scale = prices(case, "close") if name.startswith("macd") else 0.0

    assert_agree(gold(case)[name], from_talib(case)[name], scale=scale)


@pytest.mark.parametrize("name", [name for name in from_talib("length 1") if name != "rsi_14"])
def test_a_constant_price_agrees_with_ta_lib(name):
    assert_agree(gold("constant")[name], from_talib("constant")[name], scale=333.3)


@pytest.mark.parametrize("name", ["ema_12", "ema_26", "macd", "macd_signal", "rsi_14", "atr_14"])
def test_recursive_features_agree_with_ta_lib_across_a_jump(name):
    scale = from_talib("jump")["ema_26"] if name.startswith("macd") else 0.0

    assert_agree(gold("jump")[name], from_talib("jump")[name], scale=scale)


@pytest.mark.parametrize("span", [5, 20])
def test_averages_keep_nothing_of_values_that_have_left_the_window(span):
    closes = [Fraction(Decimal(str(row.close))) for row in CASES["jump"]]
    exact = [math.nan] * (span - 1) + [float(statistics.mean(closes[end - span : end])) for end in range(span, len(closes) + 1)]

    assert_agree(gold("jump")[f"sma_{span}"], np.array(exact))


def test_bands_keep_nothing_of_values_that_have_left_the_window():
    closes = [Fraction(Decimal(str(row.close))) for row in CASES["jump"]]
    half = [math.nan] * 19 + [2 * statistics.pstdev(closes[end - 20 : end]) for end in range(20, len(closes) + 1)]

    assert_agree((gold("jump")["bollinger_upper"] - gold("jump")["bollinger_lower"]) / 2, np.array(half))


@pytest.mark.parametrize("name", from_definitions("length 1"))
@pytest.mark.parametrize("case", CASES)
def test_features_agree_with_their_definitions(case, name):
    scale = {"daily_return": 1.0, "volume_z_20": 1.0}.get(name, 0.0)  # both are differences of numbers near one

    assert_agree(gold(case)[name], from_definitions(case)[name], scale=scale)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_begins_after_its_warm_up(feature):
    values = gold("market 1")[feature.name]

    assert np.isnan(values[: feature.warm_up - 1]).all()
    assert not np.isnan(values[feature.warm_up - 1 :]).any()


def test_gold_has_the_columns_of_the_catalogue():
    _, table = step(FeatureState.empty(), silver(0, [Row("NABIL")]))

    assert table.schema == GOLD_SCHEMA


def test_a_price_that_never_moves_has_no_rsi_and_no_spread():
    last = {name: values[-1] for name, values in gold("constant").items()}

    assert np.isnan([last["rsi_14"], last["volume_z_20"]]).all()
    assert (last["bollinger_upper"], last["bollinger_lower"], last["macd"], last["volatility_20"]) == (333.3, 333.3, 0.0, 0.0)


@pytest.mark.parametrize("previous_close", ["0.00", None])
def test_a_first_listing_day_has_no_return(previous_close):
    [row] = gold_of([silver(0, [Row("NEW", previous_close=previous_close)])])

    assert (row["daily_return"], row["log_return"]) == (None, None)


def test_volatility_waits_until_a_missing_return_has_left_the_window():
    rows = market_like(42, seed=3)
    rows[20] = rows[20]._replace(previous_close="0.00")
    values = column(one_symbol(rows), "volatility_20")

    assert np.flatnonzero(np.isnan(values)).tolist() == [*range(19), *range(20, 40)]


def test_returns_follow_the_previous_close_that_the_exchange_restated():
    rows = [Row("NABIL", close="500.00", previous_close="495.00"), Row("NABIL", close="260.00", previous_close="250.00")]

    assert column(one_symbol(rows), "daily_return")[1] == pytest.approx(0.04)


def test_a_low_of_zero_has_no_range_in_percent():
    [row] = gold_of([silver(0, [Row("KRBL", low="0.00")])])

    assert row["range_pct"] is None


def test_shares_of_turnover_are_of_all_rows_of_the_session():
    rows = [Row("A", turnover="100.00"), Row("B", turnover="300.00"), Row("C", close=None, turnover="600.00"), Row("D", turnover=None)]

    assert [row["turnover_share"] for row in gold_of([silver(0, rows)])] == [0.1, 0.3, None, None]


@pytest.mark.parametrize("missing", ["close", "high", "low"])
def test_a_row_without_a_price_has_no_features_and_moves_nothing(missing):
    before, _ = step(FeatureState.empty(), silver(0, [Row("NABIL")]))
    after, gold_rows = step(before, silver(1, [Row("NABIL", **{missing: None})]))

    assert state_bits(after) == state_bits(before)
    assert [gold_rows[feature.name].null_count for feature in FEATURES] == [1] * len(FEATURES)


def test_a_row_without_volume_keeps_its_price_features():
    rows = market_like(45, seed=4)
    rows[22] = rows[22]._replace(volume=None)
    scores, averages = column(one_symbol(rows), "volume_z_20"), column(one_symbol(rows), "sma_20")

    assert np.flatnonzero(np.isnan(scores)).tolist() == [*range(19), *range(22, 42)]
    assert np.flatnonzero(np.isnan(averages)).tolist() == list(range(19))


def test_a_symbol_that_does_not_trade_is_carried_unchanged():
    rows = market_like(40, seed=8)
    steady = one_symbol(rows)
    gaps = [silver(session * 7, [row]) for session, row in enumerate(rows)]

    assert [row["rsi_14"] for row in gold_of(gaps)] == [row["rsi_14"] for row in gold_of(steady)]


def test_gold_keeps_the_order_of_the_silver_rows():
    assert [row["symbol"] for row in gold_of([silver(0, [Row("UPPER"), Row("ADBL"), Row("NABIL")])])] == ["UPPER", "ADBL", "NABIL"]


def test_prices_are_read_as_the_nearest_floats():
    closes = [f"{i}.{i % 100:02d}" for i in range(1, 400)]

    assert [row["sma_5"] for row in gold_of(one_symbol([Row("NABIL", close=close) for close in closes for _ in range(5)]))][4::5] == [
        float(close) for close in closes
    ]


def test_a_session_without_rows_changes_nothing():
    state, _ = step(FeatureState.empty(), silver(0, [Row("NABIL")]))
    after, gold_rows = step(state, silver(1, []))

    assert state_bits(after) == state_bits(state)
    assert gold_rows.equals(GOLD_SCHEMA.empty_table())


def test_a_slice_of_a_longer_table_is_read_from_its_own_rows():
    both = silver(0, [Row("ADBL", close="7.00"), Row("NABIL", close="9.00", previous_close="8.00")])

    assert gold_of([both.slice(1)])[0]["daily_return"] == 0.125


def test_a_symbol_that_comes_twice_is_refused_by_name():
    with pytest.raises(DataError, match="NABIL"):
        step(FeatureState.empty(), silver(0, [Row("NABIL"), Row("ADBL"), Row("NABIL")]))


def test_several_sessions_at_once_are_refused():
    with pytest.raises(DataError, match="one session"):
        step(FeatureState.empty(), pa.concat_tables([silver(0, [Row("NABIL")]), silver(1, [Row("NABIL")])]))


@pytest.mark.parametrize("session", [3, 4])
def test_a_session_that_the_state_has_passed_is_refused(session):
    state, _ = step(FeatureState.empty(), silver(4, [Row("NABIL")]))

    with pytest.raises(UsageError, match="2024-03-07"):
        step(state, silver(session, [Row("ADBL")]))


def test_prices_of_another_type_are_refused():
    prices = silver(0, [Row("NABIL")])
    floats = prices.set_column(prices.schema.get_field_index("close"), "close", prices["close"].cast(pa.float64()))

    with pytest.raises(DataError, match="double"):
        step(FeatureState.empty(), floats)
