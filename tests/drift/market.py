"""A made-up market as silver rows: sixty symbols in three sectors that share a common move; and the walk through its sessions."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from engine.drift.limits import BUDGET, floors_of
from engine.drift.session import sample_of
from engine.drift_past import Past
from engine.drifting import Judged, judge
from engine.market.layouts import SILVER_SCHEMA
from engine.market.money import as_money
from engine.market.reference import Reference, Security
from engine.thresholds import snapshot

FIRST = date(2024, 1, 1)
SYMBOLS = tuple(f"S{number:03d}" for number in range(60))
SECTORS = ("Banks", "Hydropower", "Insurance")
REFERENCE = Reference(
    securities={symbol: Security(symbol, symbol, SECTORS[number % 3], "Equity", "Active") for number, symbol in enumerate(SYMBOLS)}
)
CENT = 10  # paisa of a tick


def day(number: int) -> date:
    """Return the date of a session: every day is one."""
    return FIRST + timedelta(days=number)


def silver(number: int, *, off_grid: float = 0.0, move: float | None = None, **changed: np.ndarray) -> pa.Table:
    """Return session `number`. `off_grid` is the share of closes that are no multiple of the tick, `move` the market's."""
    random = np.random.default_rng(number)
    size = len(SYMBOLS)
    previous = np.round(np.random.default_rng(1).uniform(3_000, 90_000, size) / CENT) * CENT
    common = random.normal(0, 0.01) if move is None else move
    close = np.round(previous * np.exp(common + random.normal(0, 0.015, size)) / CENT) * CENT
    close = close + np.where(random.random(size) < off_grid, 3, 0)
    opened = np.round(previous * np.exp(random.normal(0, 0.004, size)) / CENT) * CENT
    high = np.maximum(close, opened) + CENT * random.integers(1, 60, size)
    low = np.minimum(close, opened) - CENT * random.integers(1, 60, size)
    volume = np.exp(np.random.default_rng(2).normal(8, 1, size) + random.normal(0, 0.5) + random.normal(0, 0.4, size)).astype(np.int64) + 50
    vwap = np.round((high + low + close) / 3)
    columns = {
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "last_price": close,
        "vwap": vwap,
        "previous_close": previous,
        "volume": volume,
        "turnover": vwap * volume,
        "trades": np.maximum(volume // (40 + random.integers(0, 20, size)), 1),
    } | changed
    arrays = []
    for field in SILVER_SCHEMA:
        if field.name == "session":
            arrays.append(pa.repeat(pa.scalar(day(number), pa.date32()), size))
        elif field.name == "symbol":
            arrays.append(pa.array(SYMBOLS))
        elif field.name not in columns:
            arrays.append(pa.nulls(size, field.type))
        elif pa.types.is_decimal(field.type):
            known = ~np.isnan(np.asarray(columns[field.name], float))
            arrays.append(as_money(np.nan_to_num(columns[field.name]).astype(np.int64), known))
        else:
            arrays.append(pa.array(np.asarray(columns[field.name]).astype(np.int64)))
    return pa.Table.from_arrays(arrays, schema=SILVER_SCHEMA)


def walk(tables: Iterable[pa.Table], past: Past | None = None, **turned: float) -> list[Judged]:
    """Judge sessions in order."""
    past = Past(use_declared=False) if past is None else past
    thresholds = snapshot({key.replace("__", "."): value for key, value in turned.items()}, 0)
    found = []
    for table in tables:
        sample = sample_of(table, past.samples, REFERENCE)
        held_to = past.next_limits(floors_of(thresholds), thresholds[BUDGET.key])
        judged = judge(sample, past, past.windows(sample.session), held_to)
        past.add(sample, judged.measured, judged.limits)
        found.append(judged)
    return found
