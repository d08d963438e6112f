"""What the command line prints: JSON for programs, plain tables for people, errors on stderr."""

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pyarrow as pa

from engine.clock import NEPAL

WIDEST = 120  # characters of a column, beyond which a cell pushes those behind it aside
UNTOLD = ("id", "run_id", "position", "checkpoint")


def as_json(value: Any) -> str:
    """Return JSON with dates in ISO form and money exact: a number, or text where no float can hold it. NaN and infinities become null."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), default=_plain, ensure_ascii=False, allow_nan=False)


def show(value: Any, *, to_json: bool) -> None:
    """Print a mapping or a list of mappings."""
    if to_json:
        print(as_json(value))
    elif isinstance(value, Mapping):
        parts = {name: item for name, item in value.items() if _is_table(item)}
        for name, item in value.items():
            if name not in parts:
                print(f"{name:<18} {_cell(item)}")
        for name, rows in parts.items():
            print(f"\n{name}")
            table([{column: row[column] for column in _told(rows)} for row in rows])
    else:
        table(value)


def _is_table(item: Any) -> bool:
    return isinstance(item, list) and bool(item) and isinstance(item[0], Mapping)


def _told(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the columns that tell a person something: no numbers of rows, and nothing that is empty in all of them."""
    return [name for name in rows[0] if name not in UNTOLD and any(row[name] is not None for row in rows)]


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows below each other, columns aligned."""
    if not rows:
        print("nothing")
        return
    cells = [list(rows[0]), *([_cell(item) for item in row.values()] for row in rows)]
    widths = [min(max(len(line[column]) for line in cells), WIDEST) for column in range(len(cells[0]))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


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
