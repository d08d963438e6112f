"""Rows of a made-up session in which a known share is bad, as every engine of the benchmark of checks is given them."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.market.daily_file import LineCounts
from engine.market.layouts import COUNTS, MONEY, PARSED_SCHEMA
from engine.market.reference import ControlTotals, IndexDay, Reference, Security
from engine.quality.sample import History, Sample

DAY = date(2025, 11, 20)
SYMBOLS = 500
BEFORE = 25  # sessions that are known: every symbol has its usual volume
_MONEY = pa.decimal128(18, 2)
_BAD = 8  # kinds of bad rows

Columns = dict[str, np.ndarray]


def decimals(paisa: np.ndarray) -> pa.Array:
    """Return whole paisa as decimals of two places."""
    words = np.zeros((len(paisa), 2), np.int64)
    words[:, 0], words[:, 1] = paisa, np.where(paisa < 0, -1, 0)
    return pa.Array.from_buffers(_MONEY, len(paisa), [None, pa.py_buffer(words.tobytes())])


def paisa_of(rows: int, share_bad: float, *, seed: int = 9) -> tuple[Columns, np.ndarray]:
    """Return every money column in paisa and counts as they are, with the symbol's number, and which rows were made bad."""
    random = np.random.default_rng(seed)
    symbol = np.arange(rows) % SYMBOLS
    previous = 10_000 + 1_000 * symbol  # on the tick grid of NPR 0.10
    close = previous + 10 * random.integers(-20, 21, rows)
    low, high = np.minimum(close, previous) - 10, np.maximum(close, previous) + 10
    trades, volume = random.integers(20, 2_000, rows), 2_000 * random.integers(20, 45, rows)
    columns = {
        "symbol": symbol,
        "open": previous.copy(),
        "high": high,
        "low": low,
        "close": close,
        "last_price": close.copy(),
        "vwap": (high + low) // 2,
        "previous_close": previous,
        "volume": volume,
        "trades": trades,
    }
    bad = np.flatnonzero(random.random(rows) < share_bad)
    kinds = random.integers(0, _BAD, len(bad))
    _spoil(columns, bad, kinds)
    columns["turnover"] = columns["vwap"] * columns["volume"]
    columns["turnover"][bad[kinds == 7]] *= 2  # noqa: PLR2004, the last kind
    columns["change"] = columns["close"] - columns["previous_close"]
    columns["range"] = columns["high"] - columns["low"]
    columns["change_pct"] = np.rint(10_000 * columns["change"] / np.maximum(columns["previous_close"], 1)).astype(np.int64)
    columns["range_pct"] = np.rint(10_000 * columns["range"] / np.maximum(columns["low"], 1)).astype(np.int64)
    columns["vwap_pct"] = np.zeros(rows, np.int64)
    columns |= {"average_120d": previous, "average_180d": previous, "high_52w": previous * 2, "low_52w": previous // 2}
    return columns, bad


def _spoil(columns: Columns, bad: np.ndarray, kinds: np.ndarray) -> None:
    rows = [bad[kinds == kind] for kind in range(_BAD)]
    columns["high"][rows[0]] = columns["low"][rows[0]] - 500
    columns["open"][rows[1]] = columns["high"][rows[1]] * 2
    columns["close"][rows[2]] = columns["high"][rows[2]] * 3 // 2
    columns["low"][rows[3]] = 0
    columns["volume"][rows[4]] = 0
    columns["trades"][rows[5]] = 0
    columns["last_price"][rows[6]] = columns["high"][rows[6]] * 2


def table_of(columns: Columns) -> pa.Table:
    """Return the columns as parsed rows."""
    rows = len(columns["symbol"])
    names = pa.array([f"S{number:03}" for number in range(SYMBOLS)])
    typed = {name: decimals(columns[name]) for name in MONEY} | {name: pa.array(columns[name]) for name in COUNTS}
    typed["symbol"] = names.take(pa.array(columns["symbol"]))
    typed["confidence"] = pa.nulls(rows, pa.float64())
    typed["line"] = pa.array(np.arange(2, rows + 2, dtype=np.int32))
    return pa.Table.from_arrays([typed[field.name] for field in PARSED_SCHEMA], schema=PARSED_SCHEMA)


def sample_of(rows: int, share_bad: float) -> Sample:
    """Return a session of so many rows with everything beside it that a check may ask for."""
    columns, _ = paisa_of(rows, share_bad)
    table = table_of(columns)
    lines = LineCounts(physical=rows + 1, header=1, blank=0, loaded=rows, rejected=0, duplicates=0)
    return Sample(DAY, table, "v3_24col", lines, _reference(columns), History(_state(), "v3_24col"))


def _state() -> FeatureState:
    state = FeatureState.empty()
    days = np.arange(BEFORE) + np.datetime64(DAY) - BEFORE
    for day in days.astype(object):
        columns, _ = paisa_of(SYMBOLS, 0, seed=day.toordinal())
        columns["close"] = columns["previous_close"]  # so that the next session follows it
        rows = table_of(columns)
        state, _ = step(state, rows.append_column("session", pa.repeat(pa.scalar(day), rows.num_rows)))
    return state


def _reference(columns: Columns) -> Reference:
    names = [f"S{number:03}" for number in range(SYMBOLS)]
    total = Decimal(int(columns["turnover"].sum())).scaleb(-2)
    return Reference(
        control={DAY: ControlTotals(total, int(columns["volume"].sum()), int(columns["trades"].sum()), len(columns["symbol"]))},
        index={DAY: IndexDay(2_700.0, 2_700.0, 0.0)},
        securities={name: Security(name, name, "Banks", "Equity", "A") for name in names},
        book_closures={name: (date(2025, 1, 1),) for name in names[:200]},
    )
