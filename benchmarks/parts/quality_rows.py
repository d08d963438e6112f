"""A made-up session with a known share of bad rows as our checks are given it, with everything beside it that they may ask for."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa

from benchmarks.parts.bad_rows import SYMBOLS, Columns, paisa_of
from engine.features.indicators import step
from engine.features.state import FeatureState
from engine.market.daily_file import LineCounts
from engine.market.layouts import COUNTS, MONEY, PARSED_SCHEMA
from engine.market.reference import ControlTotals, IndexDay, Reference, Security
from engine.quality.sample import History, Sample

DAY = date(2025, 11, 20)
BEFORE = 25  # sessions that are known: every symbol has its usual volume
_MONEY = pa.decimal128(18, 2)


def decimals(paisa: np.ndarray) -> pa.Array:
    """Return whole paisa as decimals of two places."""
    words = np.zeros((len(paisa), 2), np.int64)
    words[:, 0], words[:, 1] = paisa, np.where(paisa < 0, -1, 0)
    return pa.Array.from_buffers(_MONEY, len(paisa), [None, pa.py_buffer(words.tobytes())])


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
