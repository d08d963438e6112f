"""A closed session of the tick log as one Parquet file: a table that any tool reads, and exactly the records that were appended."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.stream.records import Records, Unread
from engine.stream.ticks import Codes, Ints, Symbols, Ticks

_INSTANT = pa.timestamp("us", tz="UTC")
COMPACTED_SCHEMA = pa.schema(
    [
        ("contract_id", pa.int64()),  # null, as all up to the rate, where the record could not be read
        ("symbol", pa.string()),
        ("time", _INSTANT),
        ("quantity", pa.int64()),
        ("rate_paisa", pa.int64()),
        ("ingested_at", _INSTANT),
        ("raw", pa.binary()),  # null where the record could be read
        ("reason", pa.string()),
    ]
)
SCHEMA_VERSION = "ticks_1"


def to_table(records: Records) -> pa.Table:
    """Return records as a table in the order of their offsets (`COMPACTED_SCHEMA`)."""
    ticks = records.ticks
    bad = np.zeros(len(ticks), np.bool_)
    bad[[it.row for it in records.unread]] = True
    names = pa.array(records.symbols.names, pa.string())
    raw, reason = ([None] * len(ticks) for _ in range(2)) if records.unread else (None, None)
    for it in records.unread:
        raw[it.row], reason[it.row] = it.raw, it.reason  # type: ignore[index, call-overload]
    return pa.Table.from_arrays(
        [
            pa.array(ticks.contract, mask=bad),
            names.take(pa.array(ticks.symbol, mask=bad)),
            pa.array(ticks.time, mask=bad).cast(_INSTANT),
            pa.array(ticks.quantity, mask=bad),
            pa.array(ticks.rate, mask=bad),
            pa.array(records.ingest).cast(_INSTANT),
            pa.nulls(len(ticks), pa.binary()) if raw is None else pa.array(raw, pa.binary()),
            pa.nulls(len(ticks), pa.string()) if reason is None else pa.array(reason, pa.string()),
        ],
        schema=COMPACTED_SCHEMA,
    )


def from_table(table: pa.Table, symbols: Symbols) -> Records:
    """Return the records of a table; `symbols` are those of the session."""
    at = np.flatnonzero(table["raw"].is_valid().to_numpy()).tolist()
    unread = tuple(Unread(row, table["raw"][row].as_py(), table["reason"][row].as_py()) for row in at)
    ticks = Ticks(
        _numbers(table["contract_id"]),
        _numbers(table["time"]),
        _codes(table["symbol"], symbols),
        _numbers(table["quantity"]),
        _numbers(table["rate_paisa"]),
    )
    return Records(ticks, symbols, _numbers(table["ingested_at"]), unread)


def _numbers(column: pa.ChunkedArray) -> Ints:
    numbers: Ints = pc.fill_null(column.cast(pa.int64()), 0).combine_chunks().to_numpy()
    return numbers


def _codes(column: pa.ChunkedArray, symbols: Symbols) -> Codes:
    words = column.combine_chunks().dictionary_encode()
    codes = np.append(symbols.codes(words.dictionary.to_pylist()), np.uint16(0))
    found: Codes = codes[pc.fill_null(words.indices, len(words.dictionary)).to_numpy()]
    return found
