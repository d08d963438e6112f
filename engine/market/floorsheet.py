"""One floorsheet, the trades of a session as the exchange's API gives them: bytes in, ticks and every line that is none out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from engine.errors import UnknownLayout, UnreadableFile
from engine.market.header import refuse_too_many, split_header
from engine.market.layouts import layout_of
from engine.market.trade_cells import COLUMNS, typed
from engine.market.unpack import unpack
from engine.stream.contracts import IDS
from engine.stream.ticks import Ints, Symbols, Ticks

MAX_BYTES = 256 * 1024 * 1024  # the heaviest session so far, 311,536 trades, has some 60 MB
MAX_LINES = 2_000_000
KEPT = 64 * 1024  # bytes of a line that cannot be read

_F2 = frozenset(COLUMNS) | {
    "buyerMemberId",
    "sellerMemberId",
    "businessDate",
    "tradeBookId",
    "stockId",
    "buyerBrokerName",
    "sellerBrokerName",
    "securityName",
}
FLOORSHEET_LAYOUTS: Mapping[str, frozenset[str]] = MappingProxyType({"f1_16col": _F2 | {"id", "contractType"}, "f2_14col": _F2})
_WITHOUT_TIMES = {"contract_no", "stock_symbol", "rate"}  # columns of merolagani's form


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no trade that can be read: its physical number, its bytes (at most `KEPT`), and why."""

    line: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Floorsheet:
    """What a floorsheet holds, in the file's order; `session` is the one that most of its contracts are of."""

    name: str
    session: date
    layout: str
    ticks: Ticks
    symbols: Symbols
    bad: Sequence[BadLine]
    lines: Ints  # the physical number of each trade's line

    @property
    def amounts(self) -> Ints:
        """What each trade was worth, in paisa: the published amount, which was found to be just that."""
        return self.ticks.quantity * self.ticks.rate


def read_floorsheet(content: bytes, name: str) -> Floorsheet:
    """Read a floorsheet (gzip or plain CSV), keeping each line that is no trade with the reason.

    Raises `UnreadableFile` where there is no text or no trade to read, and `UnknownLayout` where the header is new or has no times.
    """
    text = unpack(content, name, most=MAX_BYTES)
    refuse_too_many(text, name, MAX_LINES)
    lead, header, body = split_header(text, name)
    if set(header) >= _WITHOUT_TIMES:
        raise UnknownLayout(
            f"{name}, line {lead + 1}: this is the floorsheet of merolagani.com, which gives no times of the trades, so they cannot be "
            "put in order. Take the floorsheet of the exchange's own API, whose column tradeTime has them.",
            line=lead + 1,
        )
    layout = layout_of(header, name, line=lead + 1, layouts=FLOORSHEET_LAYOUTS, taught_in="engine/market/floorsheet.py")
    rows = _rows(body, header, first_line=lead + 2)
    symbols = Symbols()
    trades = typed({column: rows.table[column].combine_chunks() for column in COLUMNS}, symbols)
    bad = sorted([*rows.bad, *rows.ragged.values(), *_bad_rows(rows, trades.reasons)], key=lambda line: line.line)
    ticks, lines = (trades.ticks.take(trades.good), rows.places[trades.good]) if trades.reasons else (trades.ticks, rows.places)
    return Floorsheet(name, _session(ticks, name, bad), layout, ticks, symbols, bad, lines)


@dataclass(slots=True)
class _Rows:
    """Cells as text, and where they stood: the physical number of each row's line, and the lines of `body` that are no rows."""

    body: bytes
    table: pa.Table
    places: Ints
    ragged: dict[int, BadLine]  # by the place of the line in `body`
    bad: list[BadLine]  # lines that are not in `body` any more


def _rows(body: bytes, header: Sequence[str], *, first_line: int) -> _Rows:
    """Read the cells at once where every line is a row; at any doubt, look at each line first."""
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    if b"\0" not in body and b"\r" not in body and _is_utf8(body) and not _has_an_open_quote(body):
        count = body.count(b"\n") + (body[-1:] not in {b"", b"\n"})
        rows = _cells(body, header, np.arange(first_line, first_line + count), [])
        if rows.table.num_rows + len(rows.ragged) == count:
            return rows
    kept, places, bad = [], [], []
    for number, line in enumerate(body.split(b"\n"), start=first_line):
        reason = _no_row(line)
        if reason is not None:
            bad.append(BadLine(number, line[:KEPT], reason))
        elif line.strip():
            kept.append(line)
            places.append(number)
    return _cells(b"\n".join(kept), header, np.array(places, np.int64), bad)


def _no_row(line: bytes) -> str | None:
    if b"\0" in line:
        return "there is a NUL byte in it"
    if b"\r" in line:
        return "there is a CR inside it"
    if line.count(b'"') % 2:
        return "a quote in it is never closed"
    return None if _is_utf8(line) else "it is not UTF-8"


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _has_an_open_quote(body: bytes) -> bool:
    """Say whether a line has an odd number of quotes; real files have a handful of quoted names."""
    at = body.find(b'"')
    while at >= 0:
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        if body.count(b'"', at, end) % 2:
            return True
        at = body.find(b'"', end)
    return False


def _cells(body: bytes, header: Sequence[str], places: Ints, bad: list[BadLine]) -> _Rows:
    ragged: dict[int, BadLine] = {}

    def note(row: arrow_csv.InvalidRow) -> str:
        at = row.number - 1
        reason = f"it has {row.actual_columns} cells, the header has {row.expected_columns}"
        ragged[at] = BadLine(int(places[at]), row.text.encode()[:KEPT], reason)
        return "skip"

    if not body:
        return _Rows(body, pa.table({column: pa.array([], pa.string()) for column in COLUMNS}), places, ragged, bad)
    table = arrow_csv.read_csv(
        pa.py_buffer(body),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=list(header), block_size=len(body) + 1),
        parse_options=arrow_csv.ParseOptions(invalid_row_handler=note),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(COLUMNS, pa.string()), include_columns=COLUMNS, strings_can_be_null=False, check_utf8=False
        ),
    )
    return _Rows(body, table, np.delete(places, list(ragged)) if ragged else places, ragged, bad)


def _bad_rows(rows: _Rows, reasons: Mapping[int, str]) -> list[BadLine]:
    """Return the lines of rows that are no trades."""
    if not reasons:
        return []
    lines = rows.body.split(b"\n")
    where = np.delete(np.arange(len(lines)), list(rows.ragged))  # a place among the rows is not one among the lines
    return [BadLine(int(rows.places[row]), lines[where[row]][:KEPT], reason) for row, reason in reasons.items()]


def _session(ticks: Ticks, name: str, bad: Sequence[BadLine]) -> date:
    """Return the date that most contracts carry."""
    dates, counts = np.unique(ticks.contract // IDS, return_counts=True)
    for digits in dates[np.argsort(-counts, kind="stable")].tolist():
        try:
            return datetime.strptime(str(digits), "%Y%m%d").date()  # noqa: DTZ007, a date has no zone
        except ValueError:
            continue
    first = f" Line {bad[0].line}: {bad[0].reason}." if bad else ""
    raise UnreadableFile(f"{name} holds no trade that can be read, of {len(bad):,} lines.{first} Ask the source for it again.")
