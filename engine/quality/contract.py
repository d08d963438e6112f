"""The boundary for frames from outside: what a pandas frame must look like to be judged, and how it becomes parsed rows.

The one module that computes and knows pandas and pandera; whoever judges files (a runner, `check`) never loads it.
"""

from collections.abc import Hashable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandas.api import types

from engine.errors import DataError
from engine.market.daily_file import LineCounts
from engine.market.defects import normalised
from engine.market.layouts import COUNTS, MONEY, PARSED_SCHEMA
from engine.market.reference import Reference
from engine.quality.sample import Floats, History, Sample

NUMBERS = ("confidence", *MONEY, *COUNTS)
NEEDED = frozenset({"symbol", "open", "high", "low", "close", "vwap", "previous_close", "volume", "turnover", "trades"})
LARGEST = 1e16  # what decimal128(18, 2) holds
_MONEY = pa.decimal128(18, 2)

# Types only: what the values must be is the checks' matter, which say which row fails and by how much.
SCHEMA = pandera.DataFrameSchema(
    {
        "symbol": pandera.Column(str, nullable=True),
        **{name: pandera.Column(float, nullable=True, required=name in NEEDED) for name in NUMBERS},
    },
    strict=True,
    name="parsed rows",
)


def table_of(frame: pd.DataFrame) -> pa.Table:
    """Return a frame with our column names as a table of PARSED_SCHEMA; `line` is the position of the row, from 1.

    Cells are read one by one before the types are judged: one that is no number is a null, so that its own row fails `values_present`
    and no other is touched. Optional columns may be missing. Raises `DataError` that names every column that is missing, unknown,
    doubled or of another type.
    """
    doubled = sorted({str(name) for name in frame.columns[frame.columns.duplicated()]})
    if doubled:
        raise DataError(f"the frame has more than one column called {', '.join(doubled)}")
    read = pd.DataFrame({name: _read(frame[name], name) for name in frame.columns}, copy=False)
    try:
        SCHEMA.validate(read, lazy=True)
    except pandera.errors.SchemaErrors as error:
        raise DataError(f"the frame does not have the columns of parsed rows: {_wrong(error)}") from error
    size = len(frame)
    typed = {name: _decimals(read[name].to_numpy()) for name in MONEY if name in read}
    typed |= {name: _counts(read[name].to_numpy()) for name in COUNTS}
    if "confidence" in read:
        typed["confidence"] = pa.array(read["confidence"].to_numpy(), pa.float64(), from_pandas=True)
    typed["symbol"] = pa.array(read["symbol"].to_numpy(object), pa.string(), from_pandas=True)
    typed["line"] = pa.array(np.arange(1, size + 1, dtype=np.int32))
    columns = [typed[field.name] if field.name in typed else pa.nulls(size, field.type) for field in PARSED_SCHEMA]
    return pa.Table.from_arrays(columns, schema=PARSED_SCHEMA)


def sample_of(
    frame: pd.DataFrame, session: date, *, layout: str = "frame", reference: Reference | None = None, history: History | None = None
) -> Sample:
    """Return a frame as a session that `engine.quality.report.judge` can judge; every row counts as a line, and there is no header."""
    rows = table_of(frame)
    lines = LineCounts(physical=rows.num_rows, header=0, blank=0, loaded=rows.num_rows, rejected=0, duplicates=0)
    return Sample(session, rows, layout, lines, reference or Reference(), history or History())


def _wrong(error: pandera.errors.SchemaErrors) -> str:
    said = {}
    for failure in error.failure_cases.to_dict("records"):
        if failure["check"] == "column_in_dataframe":
            said[failure["failure_case"]] = "is missing"
        elif failure["check"] == "column_in_schema":
            said[failure["failure_case"]] = "is unknown"
        else:
            said[failure["column"]] = "is not text" if failure["column"] == "symbol" else "holds neither numbers nor text"
    return "; ".join(f"{name} {what}" for name, what in sorted(said.items()))


def _read(column: pd.Series, name: Hashable) -> pd.Series:
    """Return a column with each of its cells read by itself; one that holds neither numbers nor text stays as it is."""
    column = column.reset_index(drop=True)
    as_text = types.is_object_dtype(column.dtype) or types.is_string_dtype(column.dtype)
    if name == "symbol" and as_text:
        return column.map(lambda cell: normalised(cell) if isinstance(cell, str) else None).astype("str")
    if name in NUMBERS and as_text:
        return pd.Series([_number(cell) for cell in column], dtype=float)  # cell by cell: that is what this is for
    if name in NUMBERS and types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype):
        return pd.Series(column.to_numpy(float, na_value=np.nan))
    return column


def _number(cell: Any) -> float:
    if isinstance(cell, bool):
        return np.nan
    try:
        return float(Decimal(cell.strip().replace(",", "")) if isinstance(cell, str) else cell)
    except (TypeError, ValueError, InvalidOperation, OverflowError):
        return np.nan


def _decimals(values: Floats) -> pa.Array:
    valid = np.abs(values) < LARGEST  # neither NaN nor infinite
    words = np.zeros((len(values), 2), np.int64)
    words[:, 0] = np.rint(100 * np.where(valid, values, 0))
    words[:, 1] = -(words[:, 0] < 0).astype(np.int64)
    return pa.Array.from_buffers(_MONEY, len(values), [pa.array(valid).buffers()[1], pa.py_buffer(words.tobytes())])


def _counts(values: Floats) -> pa.Array:
    valid = (np.abs(values) < LARGEST) & (values == np.rint(values))
    return pa.array(np.where(valid, values, 0).astype(np.int64), mask=~valid)
