"""Rows of a made-up session in which a known share is bad, for every engine of the benchmark of checks; loads NumPy alone."""

import numpy as np

SYMBOLS = 500
_BAD = 8  # kinds of bad rows

Columns = dict[str, np.ndarray]


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
