"""What a session of the stream has measured when it is over."""

from collections.abc import Mapping
from time import process_time
from typing import Any

import numpy as np

from engine.monitoring.distribution import summary
from engine.pipeline.memory import peak_bytes
from engine.stream.bars import Bars
from engine.stream.ticks import Symbols
from storage.metrics import Measure

_COUNTS = {
    "records": "records",
    "accepted": "trades",
    "missing": "trades",
    "bars": "bars",
    "alerts": "alerts",
    "suppressed": "alerts",
}


def measures(figures: Mapping[str, Any]) -> list[Measure]:
    """Return the measures of a session: its figures, what was set aside by reason, and what its process has used."""
    found = [Measure("", name, unit, figures[name]) for name, unit in _COUNTS.items()]
    found += [Measure("aside", reason, "records", count) for reason, count in sorted(figures["aside"].items())]
    found.append(Measure("aside", "share", "%", 100 * sum(figures["aside"].values()) / max(figures["records"], 1)))
    cpu = process_time()
    found += [Measure("", "cpu_seconds", "s", cpu), Measure("", "records_per_cpu_second", "1/s", figures["records"] / cpu)]
    peak = peak_bytes()
    return found if peak is None else [*found, Measure("", "peak_memory", "B", peak)]


def spread(days: Bars, symbols: Symbols, previous_closes: Mapping[str, int]) -> list[Measure]:
    """Return how symbols' days lie: trades and shares of a symbol, and its return since the close before, where both are known."""
    before = np.array([previous_closes.get(symbols.names[code], 0) for code in days["symbol"].tolist()], np.float64)
    close = days["close"].astype(np.float64)
    known = (before > 0) & (close > 0)
    values = {
        ("trades_a_symbol", "trades"): days["trades"].astype(np.float64),
        ("volume_a_symbol", "shares"): days["volume"].astype(np.float64),
        ("log_return", "%"): 100 * np.log(close[known] / before[known]),
    }
    return [Measure("", name, unit, value) for (of, unit), found in values.items() for name, value in summary(of, found).items()]
