"""The tables that may stand beside the daily files, read strictly: a cell that cannot be read is named, never skipped."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TypeVar

from engine.errors import SourceMisconfigured
from engine.market.defects import normalised
from engine.market.reference import AnnouncedDay, ControlTotals, IndexDay, Security

Cell = TypeVar("Cell")
Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, which knows where it stands so that an error can say so."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def read(self, column: str, kind: Callable[[str], Cell], what: str) -> Cell:
        """Return a cell as `kind` reads it; raises `SourceMisconfigured` that says where the cell is and that it is not `what`."""
        cell = self.cells[column]
        try:
            return kind(cell)
        except (ValueError, InvalidOperation) as error:
            message = f"{self.path}, line {self.line}, column {column}: {cell[:80]!r} is not {what}. Mend the file or take it away."
            raise SourceMisconfigured(message) from error

    def day(self, column: str) -> date:
        """Return a date (YYYY-MM-DD)."""
        return self.read(column, date.fromisoformat, "a date (YYYY-MM-DD)")

    def whole(self, column: str) -> int:
        """Return a whole number."""
        return self.read(column, int, "a whole number")

    def number(self, column: str) -> float:
        """Return a finite number."""
        return self.read(column, _finite, "a number")

    def optional_number(self, column: str) -> float | None:
        """Return a finite number, or None where the cell is empty."""
        return self.number(column) if self.cells[column] else None

    def required(self, column: str) -> str:
        """Return text that is not empty."""
        return self.read(column, _not_empty, "a value: it is empty")


def calendar(path: Path) -> Mapping[date, AnnouncedDay]:
    """Return the announced calendar by date, from `Date, IsTradingDay, HolidayName`."""
    return _keyed(
        path,
        ("Date", "IsTradingDay", "HolidayName"),
        lambda row: (
            row.day("Date"),
            AnnouncedDay(trading=row.read("IsTradingDay", _flag, "True or False"), holiday=row.cells["HolidayName"] or None),
        ),
    )


def control(path: Path) -> Mapping[date, ControlTotals]:
    """Return the exchange's own totals by session, from its market summary."""
    return _keyed(
        path,
        ("businessDate", "totalTurnover", "totalTradedShares", "totalTransactions", "tradedScrips"),
        lambda row: (
            row.day("businessDate"),
            ControlTotals(
                turnover=row.read("totalTurnover", _amount, "an amount"),
                shares=row.whole("totalTradedShares"),
                trades=row.whole("totalTransactions"),
                symbols=row.whole("tradedScrips"),
            ),
        ),
    )


def index(path: Path) -> Mapping[date, IndexDay]:
    """Return the NEPSE index by session, from `date, close, turnover`; the change is against the session before in the file."""
    published = _keyed(
        path,
        ("date", "close", "turnover"),
        lambda row: (row.day("date"), IndexDay(close=row.number("close"), turnover=row.optional_number("turnover"))),
    )
    days = dict(sorted(published.items()))
    for (_, before), (day, at) in pairwise(tuple(days.items())):
        change = (at.close / before.close - 1) * 100 if before.close else None
        days[day] = IndexDay(close=at.close, previous_close=before.close, change_pct=change, turnover=at.turnover)
    return days


def securities(path: Path) -> Mapping[str, Security]:
    """Return the listed papers by symbol, from the exchange's company list."""

    def paper(row: Row) -> tuple[str, Security]:
        symbol = normalised(row.required("symbol"))
        return symbol, Security(
            symbol=symbol,
            name=row.cells["securityName"],
            sector=row.cells["sectorName"],
            instrument=row.cells["instrumentType"],
            status=row.cells["status"],
        )

    return _keyed(path, ("symbol", "securityName", "sectorName", "instrumentType", "status"), paper)


def book_closures(path: Path) -> Mapping[str, tuple[date, ...]]:
    """Return the dates of book closure by symbol, oldest first, from the announced dividends; one not yet set is left out."""
    dates: dict[str, set[date]] = {}
    for row in _rows(path, ("symbol", "book_closure_date")):
        if row.cells["book_closure_date"]:
            closure = row.read("book_closure_date", _announced_date, "a date (YYYY-MM-DD), perhaps with [Closed] behind")
            dates.setdefault(normalised(row.required("symbol")), set()).add(closure)
    return {symbol: tuple(sorted(days)) for symbol, days in dates.items()}


def _keyed(path: Path, columns: Sequence[str], read: Callable[[Row], tuple[Key, Value]]) -> Mapping[Key, Value]:
    found: dict[Key, Value] = {}
    for row in _rows(path, columns):
        key, value = read(row)
        if key in found:
            raise SourceMisconfigured(f"{path}, line {row.line}, column {columns[0]}: {key} stands there twice. Take one line away.")
        found[key] = value
    return found


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(lines, [])]
            if lacking := [name for name in columns if name not in header]:
                raise SourceMisconfigured(f"{path}, line 1 lacks the column {', '.join(lacking)}. Mend the file or take it away.")
            for cells in lines:
                if not cells:
                    continue
                if len(cells) != len(header):
                    counts = f"{len(cells)} cells where the header has {len(header)}"
                    raise SourceMisconfigured(f"{path}, line {lines.line_num}: {counts}. Mend the file or take it away.")
                yield Row(path, lines.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=True)})
        except (csv.Error, UnicodeDecodeError) as error:
            message = f"{path}, line {lines.line_num + 1} is not CSV in UTF-8 ({error}). Mend the file or take it away."
            raise SourceMisconfigured(message) from error


def _finite(cell: str) -> float:
    number = float(cell)
    if not isfinite(number):
        raise ValueError(cell)
    return number


def _amount(cell: str) -> Decimal:
    amount = Decimal(cell)
    if not amount.is_finite():
        raise ValueError(cell)
    return amount


def _flag(cell: str) -> bool:
    if cell.lower() not in {"true", "false"}:
        raise ValueError(cell)
    return cell.lower() == "true"


def _not_empty(cell: str) -> str:
    if not cell:
        raise ValueError(cell)
    return cell


def _announced_date(cell: str) -> date:
    day, _, note = cell.partition(" ")
    if note not in {"", "[Closed]"}:
        raise ValueError(cell)
    return date.fromisoformat(day)
