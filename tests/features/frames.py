"""Silver tables made by hand, and gold tables as plain values, for the tests of the features."""

import io
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.features.catalogue import FEATURES
from engine.features.indicators import rebuild
from engine.features.state import STATE_SCHEMA, FeatureState

MONEY = pa.decimal128(18, 2)
FIRST = date(2024, 3, 3)


class Row(NamedTuple):
    """The silver cells that features read; prices in NPR, given as the text of the file or a number of two decimals."""

    symbol: str
    close: object = "100.00"
    high: object = "101.00"
    low: object = "99.00"
    previous_close: object = "100.00"
    volume: int | None = 1000
    turnover: object = "100000.00"


def silver(session: int, rows: Iterable[Row]) -> pa.Table:
    """Return the silver table of the `session`-th day."""
    rows = list(rows)
    columns = {
        "session": pa.array([FIRST + timedelta(days=session)] * len(rows), pa.date32()),
        "symbol": pa.array([row.symbol for row in rows], pa.string()),
        "volume": pa.array([row.volume for row in rows], pa.int64()),
    }
    for name in ("close", "high", "low", "previous_close", "turnover"):
        cells = [getattr(row, name) for row in rows]
        columns[name] = pa.array([None if cell is None else Decimal(str(cell)).quantize(Decimal("0.01")) for cell in cells], MONEY)
    return pa.table(columns)


def one_symbol(rows: Sequence[Row]) -> list[pa.Table]:
    """Return one silver table a row."""
    return [silver(session, [row]) for session, row in enumerate(rows)]


def gold_of(sessions: Iterable[pa.Table]) -> list[dict]:
    """Return every gold row as a dict, in order of session."""
    return [row for _, gold in rebuild(sessions) for row in gold.to_pylist()]


def column(sessions: Iterable[pa.Table], name: str) -> np.ndarray:
    """Return one feature over all gold rows, NaN for null."""
    return np.array([np.nan if row[name] is None else row[name] for row in gold_of(sessions)])


def gold_bits(gold: pa.Table, *, without: tuple[str, ...] = ()) -> dict[str, dict[str, str | None]]:
    """Return every cell of a gold table by symbol and feature, each float as its exact hexadecimal form."""
    return {
        row["symbol"]: {
            feature.name: None if row[feature.name] is None else row[feature.name].hex()
            for feature in FEATURES
            if feature.name not in without
        }
        for row in gold.to_pylist()
    }


def state_bits(state: FeatureState) -> list[bytes]:
    """Return the bytes of every part of a state."""
    table = state.to_table()
    assert table.schema == STATE_SCHEMA
    return [
        "\n".join(state.symbols.to_pylist()).encode(),
        *(part.tobytes() for part in (state.last_sessions, state.rows, state.windows, state.averages)),
    ]


def through_parquet(state: FeatureState) -> FeatureState:
    """Return the state as it comes back from a file of the lake."""
    file = io.BytesIO()
    pq.write_table(state.to_table(), file, compression="zstd")
    return FeatureState.from_table(pq.read_table(io.BytesIO(file.getvalue())))
