"""What one new day of features costs, whether history makes it dearer, and what a rebuild costs beside TA-Lib and pandas.

Run from the repository: `python -m benchmarks.features`. Seeded; CPU time of this process; a few seconds. The rivals get float
arrays and leave arrays; ours reads decimals from Arrow tables, one a session, and leaves Arrow tables and a state after each.
"""

import datetime as dt
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import talib

from engine.features.indicators import rebuild, step
from engine.features.state import FeatureState

SYMBOLS, SESSIONS, SHORT = 350, 2500, 250
REPEATS = 200
FIRST = dt.date(2015, 1, 4)
MONEY = pa.decimal128(18, 2)

Market = dict[str, np.ndarray]


def market() -> Market:
    """Return prices in paisa and volumes, each (sessions, symbols): random walks that never stand still."""
    random = np.random.default_rng(2026)
    walk = np.cumsum(random.normal(0, 0.02, (SESSIONS + 1, SYMBOLS)), axis=0)
    prices = np.maximum(1000, np.rint(50_000 * np.exp(np.clip(walk, -3, 3))).astype(np.int64))
    close, previous = prices[1:], prices[:-1]
    volume = random.integers(10, 1_000_000, close.shape)
    spread = random.integers(0, 500, (2, *close.shape))
    return {
        "close": close,
        "high": np.maximum(close, previous) + spread[0],
        "low": np.minimum(close, previous) - spread[1],
        "previous_close": previous,
        "turnover": close * volume,
        "volume": volume,
    }


def sessions_of(values: Market) -> list[pa.Table]:
    """Return the silver table of every session."""
    symbols = pa.array([f"S{i:03}" for i in range(SYMBOLS)])
    tables = []
    for index in range(SESSIONS):
        columns = {name: decimals(column[index]) for name, column in values.items() if name != "volume"}
        days = pa.array([FIRST + dt.timedelta(days=index)] * SYMBOLS, pa.date32())
        tables.append(pa.table({"session": days, "symbol": symbols, "volume": pa.array(values["volume"][index]), **columns}))
    return tables


def decimals(paisa: np.ndarray) -> pa.Array:
    """Return positive whole paisa as decimals of two places."""
    words = np.zeros((len(paisa), 2), np.int64)
    words[:, 0] = paisa
    return pa.Array.from_buffers(MONEY, len(paisa), [None, pa.py_buffer(words.tobytes())])


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def with_talib(values: Market) -> None:
    """Compute the same features, symbol by symbol, with TA-Lib and NumPy."""
    floats = {name: np.ascontiguousarray(column.T / 100.0) for name, column in values.items()}
    total = floats["turnover"].sum(axis=0)
    for close, high, low, previous, turnover, volume in zip(*floats.values(), strict=True):
        logs = np.log(close / previous)
        talib.SMA(close, 5), talib.BBANDS(close, 20, 2, 2), talib.RSI(close, 14), talib.ATR(high, low, close, 14)
        macd = talib.EMA(close, 12) - talib.EMA(close, 26)
        talib.EMA(macd[25:], 9), talib.STDDEV(logs, 20), (volume - talib.SMA(volume, 20)) / talib.STDDEV(volume, 20)
        _ = close / previous - 1, (high - low) / low * 100, turnover / total


def with_pandas(frame: pd.DataFrame) -> None:
    """Compute the same features with grouped rolling windows and exponential averages (without their starts)."""
    symbol = frame["symbol"]
    frame["log_return"] = np.log(frame["close"] / frame["previous_close"])
    by = frame.groupby(symbol, sort=False)
    close, volume = by["close"], by["volume"]
    mean, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    _ = close.rolling(5).mean(), mean + 2 * deviation, mean - 2 * deviation, by["log_return"].rolling(20).std()
    _ = volume.rolling(20).mean(), volume.rolling(20).std()
    macd = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    macd.groupby(level=0, sort=False).ewm(span=9, adjust=False).mean()
    before = close.shift()
    reach = np.maximum(frame["high"] - frame["low"], np.maximum((frame["high"] - before).abs(), (frame["low"] - before).abs()))
    change = frame["close"] - before
    for part in (change.clip(lower=0), (-change).clip(lower=0), reach):
        part.groupby(symbol, sort=False).ewm(alpha=1 / 14, adjust=False).mean()
    _ = frame["turnover"] / frame.groupby("session")["turnover"].transform("sum")


def main() -> None:
    """Measure and print."""
    values = market()
    sessions = sessions_of(values)
    states: dict[int, FeatureState] = {}

    def rebuild_all() -> None:
        for done, (state, _) in enumerate(rebuild(sessions), start=1):
            if done in (SHORT, SESSIONS - 1):
                states[done] = state

    rebuilt = cpu_seconds(rebuild_all)
    early, late = [], []
    for _ in range(REPEATS):  # in turns, so that both see the same machine
        early.append(cpu_seconds(lambda: step(states[SHORT], sessions[SHORT])))
        late.append(cpu_seconds(lambda: step(states[SESSIONS - 1], sessions[-1])))
    one, ten = statistics.median(early) * 1000, statistics.median(late) * 1000
    growth = ten / one
    small, large = (states[index].to_table().nbytes / 1024 for index in (SHORT, SESSIONS - 1))
    print(f"one new day, {SYMBOLS} symbols: {one:.2f} ms CPU after {SHORT} sessions, {ten:.2f} after {SESSIONS - 1}: ratio {growth:.2f}")
    print(f"  95th percentile {np.percentile(late, 95) * 1000:.2f} ms; carried state {small:.0f} KiB, then {large:.0f}")

    columns = {name: (column / 100.0).T.ravel() for name, column in values.items()}
    frame = pd.DataFrame({"symbol": np.repeat(np.arange(SYMBOLS), SESSIONS), "session": np.tile(np.arange(SESSIONS), SYMBOLS), **columns})
    rivals = {
        "TA-Lib, symbol by symbol": cpu_seconds(lambda: with_talib(values)),
        "pandas groupby": cpu_seconds(lambda: with_pandas(frame)),
    }
    rate = SYMBOLS * SESSIONS / rebuilt / 1e6
    print(f"rebuild of {SYMBOLS} symbols x {SESSIONS} sessions: {rebuilt:.2f} s CPU, {rate:.2f} million rows a second")
    for name, seconds in rivals.items():
        print(f"  {name}: {seconds:.2f} s, {seconds / rebuilt:.2f} of our rebuild, {seconds * 1000 / ten:.0f} of our new days")


if __name__ == "__main__":
    main()
