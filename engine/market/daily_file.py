"""One daily file: bytes as they came in, typed rows and every line that could not be typed out.

A perfect file takes the quick reading (`quick_reading.py`); at the first sign of trouble the whole file is read line by line
(`defects.py`). That both give the same is tested on lines of any kind and on the real files.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import UsageError
from engine.market.defects import DUPLICATES, GoodRow, Rejected, sort_lines
from engine.market.header import refuse_too_many, split_header
from engine.market.layouts import COUNTS, MONEY, PARSED_SCHEMA, SILVER_SCHEMA, layout_of
from engine.market.quick_reading import read_quickly
from engine.market.unpack import unpack

MAX_LINES = 20_000  # a daily file has some 350

REJECTED_SCHEMA = pa.schema(
    [
        ("line", pa.int32()),
        ("symbol", pa.string()),
        ("raw", pa.string()),
        ("column", pa.string()),
        ("defect", pa.string()),
        ("reason", pa.string()),
    ]
)
_DECIMALS = (*MONEY, *COUNTS)  # both are typed as decimals first, so that a fractional count is noticed
_DECIMAL = pa.decimal128(18, 2)


@dataclass(frozen=True, slots=True)
class LineCounts:
    """Where every physical line of a file went; `physical` is the sum of the others, always."""

    physical: int
    header: int
    blank: int
    loaded: int
    rejected: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What a daily file holds: `rows` in `PARSED_SCHEMA`, in the file's order, and `rejected` in `REJECTED_SCHEMA`."""

    name: str
    rows: pa.Table
    rejected: pa.Table
    layout: str
    lines: LineCounts


def parse(content: bytes, name: str, *, corrections: Mapping[int, bytes] = MappingProxyType({})) -> ParsedFile:
    """Type the rows of a daily file (gzip or plain CSV), keeping each line that cannot be typed with the reason.

    Thousands commas are dropped; `-` and an empty cell are null. Of two rows of one symbol the first is kept. `corrections` take the place
    of whole physical lines, by number, before anything is read. Raises `UnreadableFile` where there is no text to read, `UnknownLayout`
    where the header is new, and `UsageError` for a correction of a line that is not there or stands above the rows; all name the file.
    """
    text = unpack(content, name)
    if corrections:
        text = _corrected(text, name, corrections)
    refuse_too_many(text, name, MAX_LINES)
    lead, header, body = split_header(text, name)
    layout = layout_of(header, name, line=lead + 1)
    first_line = lead + 2
    rows = read_quickly(body, header, first_line=first_line)
    if rows is not None:
        counts = LineCounts(physical=lead + 1 + rows.num_rows, header=1, blank=lead, loaded=rows.num_rows, rejected=0, duplicates=0)
        return ParsedFile(name, rows, none_rejected(), layout, counts)
    lines = [line.removesuffix(b"\r") for line in body.removesuffix(b"\n").split(b"\n")] if body else []
    good, rejected, blank = sort_lines(lines, header, first_line=first_line)
    duplicates = sum(row.defect in DUPLICATES for row in rejected)
    counts = LineCounts(
        physical=lead + 1 + len(lines),
        header=1,
        blank=lead + blank,
        loaded=len(good),
        rejected=len(rejected) - duplicates,
        duplicates=duplicates,
    )
    return ParsedFile(name, _typed_rows(good), _rejected_table(rejected), layout, counts)


@cache
def none_rejected() -> pa.Table:
    """Return the table of rejected lines of a perfect file."""
    return REJECTED_SCHEMA.empty_table()


def lines_of(content: bytes, name: str, numbers: Collection[int]) -> dict[int, bytes]:
    """Return physical lines of a daily file as they came, by number, without their line breaks; a number beyond the file is left out."""
    lines = _physical(unpack(content, name), name)
    return {number: lines[number - 1].removesuffix(b"\r") for number in numbers if 0 < number <= len(lines)}


def _physical(text: bytes, name: str) -> list[bytes]:
    """Return the physical lines; what follows the last line break is one only where something follows it."""
    refuse_too_many(text, name, MAX_LINES)
    return text.removesuffix(b"\n").split(b"\n")


def _corrected(text: bytes, name: str, corrections: Mapping[int, bytes]) -> bytes:
    lines = _physical(text, name)
    header = next((number for number, line in enumerate(lines, start=1) if line.strip()), 0)
    for number, line in corrections.items():
        if not header < number <= len(lines):
            raise UsageError(f"{name} has its rows on lines {header + 1} to {len(lines)}; line {number} cannot be corrected.")
        lines[number - 1] = line + lines[number - 1][len(lines[number - 1].removesuffix(b"\r")) :]
    return b"\n".join(lines) + (b"\n" if text.endswith(b"\n") else b"")


def to_silver(parsed: ParsedFile, session: date) -> pa.Table:
    """Return the rows as silver of `session`: `SILVER_SCHEMA`, one row a symbol, sorted by symbol."""
    rows = parsed.rows.sort_by("symbol").drop_columns(["line"])
    sessions = pa.repeat(pa.scalar(session, pa.date32()), rows.num_rows)
    return pa.Table.from_arrays([sessions, *rows.columns], schema=SILVER_SCHEMA).combine_chunks()


def _typed_rows(good: Sequence[GoodRow]) -> pa.Table:
    columns = good[0].cells if good else PARSED_SCHEMA.names[:-1]
    texts = {column: pa.array([row.cells[column] for row in good], pa.string()) for column in columns}
    return _typed(texts, pa.array([row.line for row in good], pa.int32()))


def _typed(texts: Mapping[str, pa.Array], lines: pa.Array) -> pa.Table:
    """Type cells by column; raises `pa.ArrowInvalid` where one does not fit."""
    size = len(lines)
    present = [column for column in _DECIMALS if column in texts]
    # One cast over all columns: a cast costs more to call than to do on 350 rows.
    together = _valued(pa.concat_arrays([texts[column] for column in present])).cast(_DECIMAL)
    typed = {column: together.slice(at * size, size) for at, column in enumerate(present)}
    typed |= {column: typed[column].cast(pa.int64()) for column in COUNTS}
    typed["confidence"] = _valued(texts["confidence"]).cast(pa.float64())
    typed["symbol"], typed["line"] = texts["symbol"], lines
    return pa.Table.from_arrays(
        [typed[field.name] if field.name in typed else pa.nulls(size, field.type) for field in PARSED_SCHEMA], schema=PARSED_SCHEMA
    )


def _valued(cells: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_in(cells, value_set=pa.array(["", "-"])), None, pc.replace_substring(cells, ",", ""))


def _rejected_table(rejected: Sequence[Rejected]) -> pa.Table:
    return pa.Table.from_pylist([asdict(row) for row in rejected], schema=REJECTED_SCHEMA)
