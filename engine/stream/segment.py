"""Records as one block of bytes, and back: the columns one after the other, little-endian, so that reading makes no copy.

magic, records, unread, ingests     4 x 32 bits; one ingest where all are equal
contract, time, quantity, rate      64 bits each
ingest                              64 bits each
symbol                              16 bits each, filled up to a multiple of 64 bits
row, bytes, letters                 32 bits each, of every record that could not be read
its bytes, its reason               one record after the other
"""

import struct

import numpy as np

from engine.stream.records import Records, Unread
from engine.stream.ticks import Ints, Symbols, Ticks

_HEAD = struct.Struct("<4sIII")
_MAGIC = b"NTS1"
_WORD = 8


def encode(records: Records) -> bytes:
    """Return the block of records (at least one); names of symbols are not in it."""
    ticks, ingest = records.ticks, records.ingest
    same = bool((ingest == ingest[0]).all())
    columns = (ticks.contract, ticks.time, ticks.quantity, ticks.rate, ingest[:1] if same else ingest)
    symbol = ticks.symbol.astype("<u2", copy=False).tobytes()
    reasons = [it.reason.encode() for it in records.unread]
    sizes = [(it.row, len(it.raw), len(reason)) for it, reason in zip(records.unread, reasons, strict=True)]
    return b"".join(
        [
            _HEAD.pack(_MAGIC, len(ticks), len(sizes), 1 if same else len(ticks)),
            *(column.astype("<i8", copy=False).tobytes() for column in columns),
            symbol.ljust(-len(symbol) % _WORD + len(symbol), b"\0"),
            np.array(sizes, "<u4").tobytes(),
            *(raw + reason for raw, reason in zip((it.raw for it in records.unread), reasons, strict=True)),
        ]
    )


def decode(data: bytes, symbols: Symbols) -> Records:
    """Return the records of a block as views of its bytes; raises `ValueError` for what is no block."""
    if len(data) < _HEAD.size:
        raise ValueError("it has no head")
    magic, count, unread, ingests = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError(f"it begins with {magic!r}, not {_MAGIC!r}")
    at = _HEAD.size
    columns: list[Ints] = []
    for length in (count, count, count, count, ingests):
        columns.append(np.frombuffer(data, "<i8", length, at))
        at += length * _WORD
    symbol = np.frombuffer(data, "<u2", count, at)
    at += -(-count * 2 // _WORD) * _WORD
    contract, time, quantity, rate, ingest = columns
    if ingests != count:
        ingest = np.broadcast_to(ingest, (count,))
    return Records(Ticks(contract, time, symbol, quantity, rate), symbols, ingest, _unread(data, at, unread) if unread else ())


def _unread(data: bytes, at: int, count: int) -> tuple[Unread, ...]:
    sizes = np.frombuffer(data, "<u4", 3 * count, at).reshape(-1, 3).tolist()
    at += 12 * count
    found = []
    for row, length, letters in sizes:
        found.append(Unread(row, data[at : at + length], data[at + length : at + length + letters].decode()))
        at += length + letters
    return tuple(found)
