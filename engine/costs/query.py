"""What a query costs: the bytes that an engine really reads of Parquet files, and how engines round and bill them.

Bytes read = the compressed sizes of the chosen columns, in the row groups whose least and greatest values meet the predicate. The sizes
come from the files' own metadata (`layout`), never from an assumed share.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from engine.costs.line import ONE, ZERO, Category, CostLine, cost_line, rounded
from engine.costs.price_book import TB, PriceBook, near, plain
from engine.costs.storage_classes import STANDARD
from engine.errors import UnknownName, UsageError

CODECS = ("none", "snappy", "lz4", "zstd", "gzip", "brotli")


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column of one row group: its bytes on disk, and its least and greatest value where the file says so."""

    size: int
    least: Any = None
    greatest: Any = None

    def meets(self, low: Any, high: Any) -> bool:
        """Whether a value between `low` and `high` (None: open) can be in it; what the file does not say may be anything."""
        if self.least is None or self.greatest is None:
            return True
        return not ((low is not None and self.greatest < low) or (high is not None and self.least > high))


RowGroup = Mapping[str, Chunk]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a query reads: its columns (None: all), and rows by the range of one of them; `low` and `high` belong to the range."""

    columns: tuple[str, ...] | None = None
    by: str | None = None
    low: Any = None
    high: Any = None


@dataclass(frozen=True, slots=True)
class BytesRead:
    """Bytes and row groups that a scan reads, beside all there are."""

    size: int
    of_size: int
    row_groups: int
    of_row_groups: int

    @property
    def share(self) -> float:
        """The share of all bytes that is read."""
        return self.size / self.of_size if self.of_size else 0.0


def layout(metadata: pq.FileMetaData) -> tuple[RowGroup, ...]:
    """Return the row groups of one file from its metadata; nested columns count under their outermost name."""
    return tuple(_row_group(metadata.row_group(number)) for number in range(metadata.num_row_groups))


def _row_group(group: pq.RowGroupMetaData) -> RowGroup:
    chunks: dict[str, Chunk] = {}
    for number in range(group.num_columns):
        column = group.column(number)
        name = column.path_in_schema.split(".")[0]
        seen = column.statistics
        known = seen is not None and seen.has_min_max and name not in chunks
        size = column.total_compressed_size + (chunks[name].size if name in chunks else 0)
        chunks[name] = Chunk(size, seen.min, seen.max) if known else Chunk(size)
    return chunks


def bytes_read(row_groups: Iterable[RowGroup], scan: Scan) -> BytesRead:
    """Return what a scan reads; `UnknownName` for a column that no row group has."""
    groups = tuple(row_groups)
    known = {name for group in groups for name in group}
    for name in (*(scan.columns or ()), *((scan.by,) if scan.by else ())):
        if groups and name not in known:
            raise UnknownName(f"there is no column called {name!r}; {near(name, sorted(known))}")
    wanted = known if scan.columns is None else {*scan.columns, *((scan.by,) if scan.by else ())}
    met = [group for group in groups if scan.by is None or scan.by not in group or group[scan.by].meets(scan.low, scan.high)]
    return BytesRead(
        size=sum(chunk.size for group in met for name, chunk in group.items() if name in wanted),
        of_size=sum(chunk.size for group in groups for chunk in group.values()),
        row_groups=len(met),
        of_row_groups=len(groups),
    )


def billed_bytes(book: PriceBook, engine: str, scanned: Decimal) -> Decimal:
    """Return the bytes that one query is billed: at least the engine's minimum, rounded up as it rounds; 0 only if the engine has none."""
    if not scanned.is_finite() or scanned < 0:
        raise UsageError(f"{scanned} bytes scanned cannot be priced: it must be 0 or more")
    below = f"query.{book.named('query engine', 'query.', engine)}."
    billed = max(scanned, book.term(below + "minimum_bytes"))
    step = book.term(below + "rounding_bytes")
    return (billed / step).to_integral_value(ROUND_CEILING) * step if step else billed


@dataclass(frozen=True, slots=True)
class Free:
    """Bytes that one part of a scenario is given over all its months, out of those that its engine gives `parts` parts together."""

    size: Decimal
    parts: int = 1


def query_lines(
    book: PriceBook,
    engine: str,
    scanned: Decimal,
    queries: Decimal,
    *,
    what: str = "queries",
    months: Decimal = ONE,
    free: Free | None = None,
) -> tuple[CostLine, ...]:
    """Price `queries` a month that scan so many bytes each, for some months; `free` None: nobody else asks the engine."""
    if queries < 0 or months < 0:
        raise UsageError(f"{what}: {queries} queries over {months} months cannot be priced: both must be 0 or more")
    each = billed_bytes(book, engine, scanned)
    given = free or Free(shared_out(free_bytes(book, engine), [(each * queries, months)])[0])
    rounding = "" if each == scanned else f" (billed as {plain(each)} B)"
    how = f"{plain(queries)} queries x {plain(scanned)} B{rounding} x {plain(months)} months"
    if given.size:
        a_month = f"{plain(free_bytes(book, engine))} B a month"
        of = f"its share of {a_month} among {given.parts} parts" if given.parts > 1 else f"of {a_month}"
        how = f"({how} - {rounded(given.size)} B free, {of})"
    price = book.price(f"query.{engine}")
    quantity = (each * queries * months - given.size) / TB
    return (cost_line(Category.QUERY, f"{what}: scanned by {engine}", max(quantity, ZERO), price, how=f"{how} / 2^40"),)


def shared_out(free: Decimal, parts: Sequence[tuple[Decimal, Decimal]]) -> list[Decimal]:
    """Return how many free bytes each part is given over its months, of `free` a month for all of them; a part is (bytes a month, months).

    All parts begin together. In each month what is free goes to those that ask in it, in proportion to what they ask, so that their order
    does not matter.
    """
    given = [ZERO] * len(parts)
    begin = ZERO
    for end in sorted({months for _, months in parts}):
        asked = [size if months >= end else ZERO for size, months in parts]
        wanted = sum(asked, ZERO)
        left = min(free, wanted)
        given = [so_far + size * left * (end - begin) / (wanted or ONE) for so_far, size in zip(given, asked, strict=True)]
        begin = end
    return given


def opening_lines(book: PriceBook, objects: Decimal, queries: Decimal, *, what: str, months: Decimal = ONE) -> tuple[CostLine, ...]:
    """Price the files that queries open: one GET each, out of Standard."""
    get = book.get(f"storage.{STANDARD}.get")
    if not objects or get is None:
        return ()
    how = f"{plain(queries)} queries x {plain(objects)} files x {plain(months)} months"
    return (cost_line(Category.REQUESTS, f"{what}: files opened", queries * objects * months, get, how=how),)


def free_bytes(book: PriceBook, engine: str) -> Decimal:
    """Return the bytes a month that an engine scans for nothing."""
    return book.term(f"query.{engine}.free_bytes_a_month")


def codec_sizes(sample: pa.Table, codecs: Sequence[str] = CODECS, **written: Any) -> dict[str, int]:
    """Return the bytes of a table written as Parquet with each codec, in memory: measured, not assumed; `written` as the files are."""
    sizes = {}
    for codec in codecs:
        sink = pa.BufferOutputStream()
        pq.write_table(sample, sink, **(written | {"compression": codec}))
        sizes[codec] = sink.getvalue().size
    return sizes


def dates_of(first: date, last: date, by: str) -> Scan:
    """Return a scan of all columns over a range of dates."""
    if last < first:
        raise UsageError(f"the range ends ({last}) before it begins ({first})")
    return Scan(None, by, first, last)
