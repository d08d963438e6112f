"""Line by line, what is wrong with the rows of a daily file: the careful reading for files that are not perfect.

A bad line never swallows its neighbours: each physical line is read by itself, as the format never has a line break inside a cell.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.market.layouts import COLUMNS, COUNTS

MAX_LINE = 64 * 1024  # bytes; a real line has some 200
_KEPT_OF_A_LONG_LINE = 4096
_WHOLE_DIGITS = 16  # what decimal128(18, 2) holds before the point

# Thousands commas only where they belong, digits bounded so that no float overflows. An empty cell and "-" mean that there is no value.
# The quick reading knows the plainest of these by itself.
NUMBER = r"^-?(?:[0-9]{1,3}(?:,[0-9]{3}){1,6}|[0-9]{1,20})(?:\.[0-9]{1,20})?$|^-?$"
SYMBOL = r"^[A-Z0-9][A-Z0-9/.&()_-]{0,31}$"
_NUMBER = re.compile(NUMBER)
_SYMBOL = re.compile(SYMBOL)

# Without these a row says nothing about a session; a missing open, high or low is left to the quality checks.
REQUIRED = ("close", "volume", "turnover", "trades")


class Defect(StrEnum):
    """Why a line was not loaded."""

    RAGGED = "ragged"  # more or fewer cells than the header
    MALFORMED = "malformed"  # a quote that is never closed, text after it, or a bare carriage return
    NOT_TEXT = "not_text"  # bytes that are not UTF-8, or a NUL
    TOO_LONG = "too_long"
    BLANK_SYMBOL = "blank_symbol"
    BAD_SYMBOL = "bad_symbol"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"  # a number that the column cannot hold exactly
    NO_VALUE = "no_value"  # a column without which the row means nothing
    DUPLICATE = "duplicate"  # the same row again
    CONFLICT = "conflicting_duplicate"  # the symbol again with other values; the first is kept


DUPLICATES = frozenset({Defect.DUPLICATE, Defect.CONFLICT})


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not loaded; `raw` is its text with undecodable bytes escaped, `column` None where the whole line is at fault."""

    line: int
    symbol: str | None
    raw: str
    column: str | None
    defect: Defect
    reason: str


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A line that can be typed: its cells by our column names, as text, the symbol normalised."""

    line: int
    cells: Mapping[str, str]


class _BadLineError(Exception):
    def __init__(self, defect: Defect, reason: str, *, column: str | None = None, symbol: str | None = None) -> None:
        super().__init__(reason)
        self.defect, self.reason, self.column, self.symbol = defect, reason, column, symbol


def normalised(symbol: str) -> str:
    """Return a symbol as we keep it: upper case, without any space.

    The exchange renamed `NICAD 85/86` to `NICAD85/86` on 2024-05-09: the space never told two papers apart.
    """
    return "".join(symbol.split()).upper()


def sort_lines(lines: Sequence[bytes], header: Sequence[str], *, first_line: int) -> tuple[list[GoodRow], list[Rejected], int]:
    """Sort physical lines into rows that can be typed, lines that cannot or that repeat a symbol, and the number of blank ones.

    `lines` are without their line breaks, `header` has the published column names, `first_line` is the number of the first line.
    """
    good: dict[str, GoodRow] = {}
    rejected: list[Rejected] = []
    blank = 0
    for number, line in enumerate(lines, start=first_line):  # rows are judged one by one so that one cannot spoil another
        if not line or line.isspace():
            blank += 1
            continue
        try:
            row = GoodRow(number, _cells(line, header))
            _refuse_a_second(row, good)
        except _BadLineError as bad:
            rejected.append(Rejected(number, bad.symbol, _kept(line), bad.column, bad.defect, bad.reason))
        else:
            good[row.cells["symbol"]] = row
    return list(good.values()), rejected, blank


def _cells(line: bytes, header: Sequence[str]) -> Mapping[str, str]:
    fields = _fields(line)
    if len(fields) != len(header):
        symbol = dict(zip(header, fields, strict=False)).get("Symbol")
        symbol = normalised(symbol)[:32] if symbol else None
        raise _BadLineError(Defect.RAGGED, f"{len(fields)} cells where the header has {len(header)}", symbol=symbol)
    cells = {COLUMNS[name]: cell.strip() for name, cell in zip(header, fields, strict=True) if name in COLUMNS}
    cells["symbol"] = _symbol(cells["symbol"])
    for column, cell in cells.items():
        if column != "symbol":
            _refuse_a_bad_number(cell, column, cells["symbol"])
    return cells


def _fields(line: bytes) -> list[str]:
    if len(line) > MAX_LINE:
        raise _BadLineError(
            Defect.TOO_LONG, f"a line of {len(line):,} bytes; at most {MAX_LINE:,} are read, the first {_KEPT_OF_A_LONG_LINE:,} kept here"
        )
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _BadLineError(Defect.NOT_TEXT, f"byte 0x{line[error.start]:02x} at position {error.start} is not UTF-8") from error
    if "\0" in text:
        raise _BadLineError(Defect.NOT_TEXT, f"a NUL at position {text.index(chr(0))}")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise _BadLineError(Defect.MALFORMED, f"not a line of CSV ({error})") from error


def _symbol(cell: str) -> str:
    symbol = normalised(cell)
    if not symbol:
        raise _BadLineError(Defect.BLANK_SYMBOL, "no symbol", column="symbol")
    if not _SYMBOL.match(symbol):
        raise _BadLineError(Defect.BAD_SYMBOL, f"{symbol[:64]!r} is not a symbol: letters, digits and / . & ( ) _ - only", column="symbol")
    return symbol


def _refuse_a_bad_number(cell: str, column: str, symbol: str) -> None:
    shown = repr(cell[:64])
    if not _NUMBER.match(cell):
        raise _BadLineError(Defect.NOT_A_NUMBER, f"{column} is {shown}, not a number", column=column, symbol=symbol)
    if cell in {"", "-"}:
        if column in REQUIRED:
            raise _BadLineError(Defect.NO_VALUE, f"{column} has no value", column=column, symbol=symbol)
        return
    if column == "confidence":
        return
    value = Decimal(cell.replace(",", ""))
    decimals = 0 if column in COUNTS else 2
    if abs(value) >= 10**_WHOLE_DIGITS or value != round(value, decimals):
        reason = f"{column} is {shown}; at most {_WHOLE_DIGITS} digits and {decimals} decimals can be kept exactly"
        raise _BadLineError(Defect.OUT_OF_RANGE, reason, column=column, symbol=symbol)


def _refuse_a_second(row: GoodRow, good: Mapping[str, GoodRow]) -> None:
    symbol = row.cells["symbol"]
    first = good.get(symbol)
    if first is None:
        return
    differing = [column for column, cell in row.cells.items() if column != "symbol" and not _same(cell, first.cells[column])]
    if differing:
        reason = f"{symbol} again with another {', '.join(differing)} than on line {first.line}, which is kept"
        raise _BadLineError(Defect.CONFLICT, reason, column=differing[0], symbol=symbol)
    raise _BadLineError(Defect.DUPLICATE, f"{symbol} again, the same as line {first.line}", symbol=symbol)


def _same(one: str, other: str) -> bool:
    none = {"", "-"}
    if one in none or other in none:
        return one in none and other in none
    return Decimal(one.replace(",", "")) == Decimal(other.replace(",", ""))


def _kept(line: bytes) -> str:
    return line[: _KEPT_OF_A_LONG_LINE if len(line) > MAX_LINE else None].decode("utf-8", errors="backslashreplace")
