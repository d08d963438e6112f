"""What the command line prints: JSON for programs, plain tables for people, errors on stderr."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import zip_longest
from math import isfinite
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

import pyarrow as pa

from engine.clock import NEPAL

WIDEST = 120  # characters of a column, beyond which a cell pushes those behind it aside
NARROWEST = 20  # characters of a column at least, however narrow the terminal
_TWO_MINUTES, _TWO_HOURS = 120, 7200  # seconds
UNTOLD = ("id", "run_id", "position", "checkpoint")


def as_json(value: Any) -> str:
    """Return JSON with dates in ISO form and money exact: a number, or text where no float can hold it. NaN and infinities become null."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), default=_plain, ensure_ascii=False, allow_nan=False)


def show(value: Any, *, to_json: bool) -> None:
    """Print a mapping or a list of mappings: to a program as they are, to a person without what says nothing."""
    if to_json:
        print(as_json(value))
    elif isinstance(value, Mapping):
        parts = {name: item for name, item in value.items() if _is_table(item)}
        for name, item in _in_words(value).items():
            if name not in parts:
                print(f"{name:<18} {_cell(item)}")
        for name, rows in parts.items():
            print(f"\n{name}")
            table([_in_words({column: row[column] for column in _told(rows)}) for row in rows])
    else:
        table([_in_words({column: row[column] for column in _filled(value)}) for row in value])


def _is_table(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and isinstance(item[0], Mapping)


def _told(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that tell a person something: no numbers of rows, and nothing that is empty in all of them."""
    return [name for name in _filled(rows) if name not in UNTOLD]


def _filled(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in rows[0] if any(row[name] is not None for row in rows)] if rows else []


def _in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as a person says it: microseconds are `duration_us` to a program, and a duration in its unit to a person."""
    spans = {name: item / 1e6 for name, item in row.items() if name.endswith("_us") and isinstance(item, int)}
    return {name.removesuffix("_us"): lasted(spans[name]) if name in spans else item for name, item in row.items()}


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows below each other, columns aligned; on a terminal what is too wide goes on below, in its own column."""
    if not rows:
        print("nothing")
        return
    cells = [list(rows[0]), *([_cell(item) for item in row.values()] for row in rows)]
    widths = [min(max(len(line[column]) for line in cells), WIDEST) for column in range(len(cells[0]))]
    if sys.stdout.isatty():
        widths = fitting(widths, get_terminal_size().columns)
        cells = [part for line in cells for part in _folded(line, widths)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def fitting(widths: Sequence[int], room: int) -> list[int]:
    """Return widths of columns that stand in so much room, two apart: what is too much is taken from the widest, down to a limit."""
    caps = range(max(widths), NARROWEST, -1)
    gaps = 2 * (len(widths) - 1)
    most = next((cap for cap in caps if sum(min(width, cap) for width in widths) + gaps <= room), NARROWEST)
    return [min(width, most) for width in widths]


def _folded(line: Sequence[str], widths: Sequence[int]) -> Iterator[list[str]]:
    parts = [wrap(cell, width, break_on_hyphens=False) if len(cell) > width else [cell] for cell, width in zip(line, widths, strict=True)]
    return (list(part) for part in zip_longest(*parts, fillvalue=""))


def lasted(seconds: float | None) -> str:
    """Return a time that something took, as a person says it: `84 ms`, `1.2 s`, `3 min`."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < _TWO_MINUTES:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < _TWO_HOURS else f"{seconds / 3600:.1f} h"


def as_csv(answer: pa.Table) -> None:
    """Print a table as CSV with a header."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.column_names)
    for row in answer.to_pylist():
        writer.writerow(["" if item is None else item.isoformat() if isinstance(item, datetime) else item for item in row.values()])


def complain(message: str) -> None:
    """Print an error where errors belong."""
    print(message, file=sys.stderr)


def _cell(item: Any) -> str:
    if item is None:
        return "-"
    if isinstance(item, (list, tuple)):
        return ", ".join(_cell(part) for part in item)
    if isinstance(item, Mapping):
        return " ".join(f"{name}={_cell(part)}" for name, part in item.items())
    if isinstance(item, datetime):
        return f"{item.astimezone(NEPAL):%Y-%m-%d %H:%M:%S}"
    return str(item)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _plain(item: Any) -> Any:
    if isinstance(item, (date, datetime)):
        return item.isoformat()
    if isinstance(item, Decimal):
        number = int(item) if item == item.to_integral_value() else float(item)
        return number if Decimal(repr(number)) == item else str(item)
    if isinstance(item, bytes):
        return item.hex()
    return str(item)
