"""The quick reading of a daily file that has nothing wrong: all cells at once, as places in one array of bytes.

At any doubt it gives nothing, and the file is read line by line (`defects.py`): so it need not know more than the plain form of a number,
with two decimals or none. Splitting CSV, matching a pattern and casting took five times as long.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.market.defects import REQUIRED
from engine.market.layouts import COLUMNS, COUNTS, MONEY, PARSED_SCHEMA
from engine.market.money import as_money

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SYMBOLS = re.compile(rb"(?:[A-Z0-9][A-Z0-9/.&()_-]{0,31}\n)+")  # `defects.SYMBOL`, one a line
_QUOTE, _COMMA, _MINUS, _POINT, _LINE_END = b'",-.\n'
_LONGEST = 63  # bytes of a cell: what six bits count
_MOST_DIGITS = 15  # so that a hundredfold fits in 64 bits; a turnover has twelve

# What a byte adds to the counts of its cell: five of them, of six bits each, in one number, so that one running sum counts them all.
_COUNTED = np.zeros(256, np.uint32)
_COUNTED[_QUOTE] = 1
_COUNTED[list(b"0123456789")] = 1 << 6
_COUNTED[[_COMMA, _POINT, _MINUS]] = 1 << 12, 1 << 18, 1 << 24
_DROPPED = bytes(set(range(256)) - set(b"0123456789-"))  # so that a number is left without commas and point


@dataclass(frozen=True, slots=True)
class _Cells:
    """Where each cell begins and ends, rows by columns, without quotes; the commas that part no cells; and running counts of the bytes."""

    body: bytes
    text: NDArray[np.uint8]  # the same
    begins: Places
    ends: Places
    commas: Places
    running: NDArray[np.uint32]


def read_quickly(body: bytes, header: Sequence[str], *, first_line: int) -> pa.Table | None:
    """Return the rows behind a header in `PARSED_SCHEMA`, or None where anything is not as it should be."""
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    if not body or b"\r" in body or b"\0" in body:
        return None
    if not body.endswith(b"\n"):
        body += b"\n"
    cells = _cells(body, len(header))
    if cells is None:
        return None
    columns = [COLUMNS.get(name, "") for name in header]
    symbols = _symbols(cells, columns.index("symbol"))
    wanted = [place for place, name in enumerate(columns) if name not in ("", "symbol")]
    numbers = _hundredths(cells, wanted) if symbols is not None else None
    if numbers is None:
        return None
    values, known = ({columns[place]: part[number] for number, place in enumerate(wanted)} for part in numbers)
    return _table(symbols, values, known, first_line=first_line)


def _cells(body: bytes, width: int) -> _Cells | None:
    """Find the cells; None where a line has more or fewer of them, or a quote stands inside of one."""
    text = np.frombuffer(body, np.uint8)
    running = np.empty(len(text) + 1, np.uint32)
    running[0] = 0
    np.cumsum(_COUNTED.take(text), out=running[1:])
    commas, lines = text == _COMMA, text == _LINE_END
    outside = (running[1:] & 1) == 0
    breaks = np.flatnonzero(lines | (commas & outside))
    if len(breaks) % width:
        return None
    ends = breaks.reshape(-1, width)
    line_ends = np.flatnonzero(lines)
    if not np.array_equal(ends[:, -1], line_ends) or not outside[line_ends].all():
        return None
    begins = np.concatenate(([0], breaks[:-1] + 1)).reshape(-1, width)
    quoted = text[begins] == _QUOTE
    if 2 * np.count_nonzero(quoted) != body.count(b'"') or (text[ends - 1][quoted] != _QUOTE).any():
        return None
    begins, ends = begins + quoted, ends - quoted
    if (ends - begins).max() > _LONGEST:
        return None
    return _Cells(body, text, begins, ends, np.flatnonzero(commas & ~outside), running)


def _symbols(cells: _Cells, column: int) -> pa.StringArray | None:
    """Return the symbols as we keep them (upper case, without spaces); None where one is no symbol or comes twice."""
    begins, ends = cells.begins[:, column].tolist(), cells.ends[:, column].tolist()
    joined = b"".join([cells.body[begin:end] + b"\n" for begin, end in zip(begins, ends, strict=True)]).replace(b" ", b"").upper()
    if not _SYMBOLS.fullmatch(joined):
        return None
    names = joined.decode().split("\n")[:-1]
    return pa.array(names, pa.string()) if len(set(names)) == len(begins) else None


def _hundredths(cells: _Cells, wanted: Sequence[int]) -> tuple[Places, Flags] | None:
    """Return the wanted columns in hundredths, and which cells have a value, columns by rows; None where one is no plain number."""
    text, begins, ends = cells.text, cells.begins, cells.ends
    counts = cells.running[ends] - cells.running[begins]  # right even where the sum has run over: what is taken off it has too
    digits, commas, points, minuses = ((counts >> shift & 63).astype(np.int64) for shift in (6, 12, 18, 24))
    sizes, whole = ends - begins, digits - np.minimum(digits, 2 * points)
    bad = (digits > _MOST_DIGITS) | (digits + commas + points + minuses != sizes)
    bad |= minuses != ((text[begins] == _MINUS) & (sizes > 0))
    bad |= points != ((text[ends - 3] == _POINT) & (whole > 0))
    bad |= (whole == 0) & (sizes != minuses)  # neither empty nor a dash
    bad |= (commas > 0) & (commas != (whole - 1) // 3)
    bad.ravel()[_astray(cells, ends - 3 * points, commas)] = True
    if bad[:, wanted].any():
        return None
    known = np.zeros(counts.shape, bool)
    known[:, wanted] = digits[:, wanted] > 0
    offsets = np.concatenate(([0], np.cumsum(digits + minuses))).astype(np.int32)
    buffers = np.packbits(known, bitorder="little"), offsets, cells.body.translate(None, _DROPPED)
    plain = pa.Array.from_buffers(pa.string(), counts.size, [*map(pa.py_buffer, buffers)]).cast(pa.int64())
    values = plain.fill_null(0).to_numpy().reshape(counts.shape)
    return np.where(points, values, 100 * values).T[wanted], known.T[wanted]


def _astray(cells: _Cells, ends: Places, commas: Places) -> Places:
    """Return the cells, by number, that have a comma elsewhere than before three, six or nine digits of what `ends` there."""
    owner = np.repeat(np.arange(commas.size), commas.ravel())
    astray: Places = owner[(ends.ravel()[owner] - cells.commas) % 4 != 0]
    return astray


def _table(symbols: pa.StringArray, values: Mapping[str, Places], known: Mapping[str, Flags], *, first_line: int) -> pa.Table | None:
    """Return the columns typed; None where a count has a fraction or a row lacks what every row must have."""
    if any((values[name] % 100).any() for name in COUNTS) or not all(known[name].all() for name in REQUIRED):
        return None
    size = len(symbols)
    typed = {"symbol": symbols, "line": pa.array(np.arange(first_line, first_line + size, dtype=np.int32))}
    typed |= {name: pa.array(values[name] // 100) for name in COUNTS}
    typed["confidence"] = pa.array(values["confidence"] / 100.0, mask=~known["confidence"])
    money = [name for name in MONEY if name in values]  # converted once, then cut
    together = as_money(*(np.concatenate([part[name] for name in money]) for part in (values, known)))
    typed |= {name: together.slice(at * size, size) for at, name in enumerate(money)}
    columns = [typed[field.name] if field.name in typed else pa.nulls(size, field.type) for field in PARSED_SCHEMA]
    return pa.Table.from_arrays(columns, schema=PARSED_SCHEMA)
