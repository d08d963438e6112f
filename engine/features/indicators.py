"""Gold features of one session from its silver rows and the carried state; a rebuild is the same step, repeated.

Definitions are those of TA-Lib 0.8 with four differences: macd is ema_12 - ema_26 from the 26th row on (TA-Lib restarts its fast EMA
there and gives its first value with the signal), a close that never moved has no RSI (TA-Lib says 0, which reads as "oversold"), a
window is computed from its own rows alone (TA-Lib's running sums keep the error of values that have left), and what is not defined is null.

A row without close, high or low gets no features and leaves its symbol's state untouched, as if the symbol had not traded. A row
without previous close has no returns, and no volatility while it is in the window; the same holds for volume and its z-score.
Where the exchange restates Prev. Close, returns follow it; averages, bands and ranges are of closes as published.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import DataError, UsageError
from engine.features.catalogue import FEATURES, GOLD_SCHEMA
from engine.features.state import FeatureState
from engine.features.windows import WINDOW, Counts, Floats, averaged, exponential, logarithm, mean_and_squares, mean_of_5, wilder
from engine.market.money import MONEY, one_array, paisa

FAST, SLOW, SIGNAL = exponential(12), exponential(26), exponential(9)
WILDER = wilder(14)
BAND_WIDTH = 2.0

_MONEY_COLUMNS = ("close", "high", "low", "previous_close", "turnover")

_WARM_UPS = np.array([[feature.warm_up] for feature in FEATURES])

Values = dict[str, Floats]
Flags = NDArray[np.bool_]


def step(state: FeatureState, prices: pa.Table) -> tuple[FeatureState, pa.Table]:
    """Return the state after one session and its gold rows, in the order of the silver rows `prices`.

    Raises DataError when `prices` holds several sessions or a symbol twice, UsageError when its session is not after the state's.
    The cost is that of the rows and of the symbols carried; the length of the history has no part in it.
    """
    if prices.num_rows == 0:
        return state, GOLD_SCHEMA.empty_table()
    session = _checked_session(prices, state)
    values = _floats(prices)
    usable = ~(np.isnan(values["close"]) | np.isnan(values["high"]) | np.isnan(values["low"]))
    symbols = _array(prices, "symbol").filter(pa.array(usable))
    carried, at = state.located(symbols)
    if len(at) and np.bincount(at).max() > 1:
        raise DataError(f"session {prices['session'][0]} holds {_repeated(symbols)} more than once: features need one row a symbol")
    rows = carried.rows[at] + 1
    today = {name: column[usable] for name, column in values.items()}
    windows = [window[1:].take(at, axis=1) for window in carried.windows]
    windows, averages, features = _advance(rows, windows, carried.averages[:, at], today)
    after = carried.updated(at, session=session, rows=rows, windows=windows, averages=averages)
    return after, _gold(prices, features, rows, usable)


def rebuild(sessions: Iterable[pa.Table], state: FeatureState | None = None) -> Iterator[tuple[FeatureState, pa.Table]]:
    """Yield state and gold rows after each of `sessions`, silver tables in order of session, from `state` (default: from nothing)."""
    carried = FeatureState.empty() if state is None else state
    for prices in sessions:
        carried, gold = step(carried, prices)
        yield carried, gold


def _repeated(symbols: pa.StringArray) -> str:
    """Return the symbols that occur more than once, for a message."""
    return ", ".join(entry["values"] for entry in pc.value_counts(symbols).to_pylist() if entry["counts"] > 1)


def _advance(rows: Counts, before: Sequence[Floats], averages: Floats, today: Values) -> tuple[list[Floats], list[Floats], Values]:
    """Return windows, averages and features of symbols whose `rows`-th own row is `today`; undefined features are NaN.

    `before` holds the 19 closes, log returns and volumes before today's. Sums of windows are taken one series at a time: pieces
    this small stay in the heap and the cache.
    """
    close, high, low, volume = today["close"], today["high"], today["low"], today["volume"]
    fast, slow, signal, gain, loss, atr = averages
    last_close = before[0][-1]  # NaN before a symbol's first row: what follows from it is averaged from the second on
    change = close - last_close
    true_range = np.maximum(high - low, np.maximum(np.abs(high - last_close), np.abs(low - last_close)))
    log_return = logarithm(_ratio(close, today["previous_close"]))

    fast = averaged(fast, close, count=rows, averaging=FAST)
    slow = averaged(slow, close, count=rows, averaging=SLOW)
    macd = fast - slow
    signal = averaged(signal, macd, count=rows - SLOW.start + 1, averaging=SIGNAL)
    gain = averaged(gain, np.maximum(change, 0.0), count=rows - 1, averaging=WILDER)
    loss = averaged(loss, np.maximum(-change, 0.0), count=rows - 1, averaging=WILDER)
    atr = averaged(atr, true_range, count=rows - 1, averaging=WILDER)

    newest = (close, log_return, volume)
    windows = [np.concatenate([older, new[np.newaxis]]) for older, new in zip(before, newest, strict=True)]
    (sma_20, squares), (_, return_squares), (mean_volume, volume_squares) = map(mean_and_squares, windows)
    band = BAND_WIDTH * np.sqrt(squares / WINDOW)
    features = {
        "daily_return": _ratio(close, today["previous_close"]) - 1.0,
        "log_return": log_return,
        "sma_5": mean_of_5(windows[0]),
        "sma_20": sma_20,
        "ema_12": fast,
        "ema_26": slow,
        "macd": macd,
        "macd_signal": signal,
        "rsi_14": 100.0 * _ratio(gain, gain + loss),
        "bollinger_upper": sma_20 + band,
        "bollinger_lower": sma_20 - band,
        "atr_14": atr,
        "volatility_20": np.sqrt(return_squares / (WINDOW - 1)),
        "volume_z_20": _ratio(volume - mean_volume, np.sqrt(volume_squares / (WINDOW - 1))),
        "range_pct": _ratio(high - low, low) * 100.0,
        "turnover_share": _ratio(today["turnover"], today["session_turnover"]),
    }
    return windows, [fast, slow, signal, gain, loss, atr], features


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return numerator / denominator, NaN where the denominator is not positive."""
    ratio = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _gold(prices: pa.Table, features: Values, rows: Counts, usable: Flags) -> pa.Table:
    """Return the gold table of `prices`: null where a feature is undefined, its symbol still warms up, or the row is not usable."""
    values = np.full((len(FEATURES), len(usable)), np.nan)
    values[:, usable] = np.where(rows >= _WARM_UPS, [features[feature.name] for feature in FEATURES], np.nan)
    cells = pa.array(values.ravel(), mask=~np.isfinite(values).ravel())  # once, then cut: 16 conversions cost more than the rest
    columns = [cells.slice(start, len(usable)) for start in range(0, values.size, len(usable))]
    return pa.Table.from_arrays([prices["session"], prices["symbol"], *columns], schema=GOLD_SCHEMA)


def _checked_session(prices: pa.Table, state: FeatureState) -> int:
    """Return the one session of `prices` in days since 1970-01-01, later than what `state` holds."""
    days = _array(prices, "session").view(pa.int32()).to_numpy()
    if (days != days[0]).any():
        first, last = pc.min_max(prices["session"]).as_py().values()
        raise DataError(f"silver rows of several sessions ({first} to {last}) came at once: features take one session at a time")
    if len(state.rows) and days[0] <= state.last_sessions.max():
        raise UsageError(f"session {prices['session'][0]} is not after {state.session}, which the state holds: start from an earlier state")
    return int(days[0])


def _floats(prices: pa.Table) -> Values:
    """Return the numeric silver columns that features need, NaN for null."""
    values = {name: _money(_array(prices, name), name) for name in _MONEY_COLUMNS}
    values["volume"] = _nan_where_null(_array(prices, "volume").fill_null(0).to_numpy().astype(np.float64), _array(prices, "volume"))
    # Summed as decimals: a sum of floats would depend on the order of the rows.
    total = pc.sum(prices["turnover"]).as_py()
    values["session_turnover"] = np.full(prices.num_rows, np.nan if total is None else float(total))
    return values


def _money(column: pa.Array, name: str) -> Floats:
    """Return a money column as the floats nearest to its decimals."""
    if column.type != MONEY:
        raise DataError(f"silver column {name} is {column.type}: features read {MONEY}")
    # Arrow's own cast is not correctly rounded: 13 % of prices come out one bit off.
    return _nan_where_null(paisa(column) / 100.0, column)


def _nan_where_null(values: Floats, column: pa.Array) -> Floats:
    """Return `values` with NaN where `column` is null."""
    if column.null_count == 0:
        return values
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), values, np.nan)


def _array(prices: pa.Table, name: str) -> pa.Array:
    """Return a column as one array."""
    return one_array(prices[name])
