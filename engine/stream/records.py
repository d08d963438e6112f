"""What a stream receives: ticks, and what came in the place of one and cannot be read, in the order of arrival."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.stream.ticks import Ints, Symbols, Ticks, joined, no_ticks


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that could not be read: its row, its bytes as they came, and why."""

    row: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Records:
    """Records, one row each: where one could not be read, every column of the ticks holds 0, which no trade has."""

    ticks: Ticks
    symbols: Symbols  # what the codes of the ticks stand for
    ingest: Ints  # when each was taken in, in microseconds since 1970, UTC
    unread: Sequence[Unread] = ()

    def __len__(self) -> int:
        return len(self.ticks)

    def part(self, start: int, end: int) -> "Records":
        """Return the rows from `start` to before `end`."""
        rows = slice(start, end)
        unread = tuple(Unread(it.row - start, it.raw, it.reason) for it in self.unread if start <= it.row < end)
        return Records(self.ticks.take(rows), self.symbols, self.ingest[rows], unread)

    def read(self) -> Ticks:
        """Return the ticks that could be read."""
        if not self.unread:
            return self.ticks
        there = np.ones(len(self), np.bool_)
        there[[it.row for it in self.unread]] = False
        return self.ticks.take(there)


def no_records(symbols: Symbols) -> Records:
    """Return no record."""
    return Records(no_ticks(), symbols, np.empty(0, np.int64))


def all_of(parts: Sequence[Records], symbols: Symbols) -> Records:
    """Return the records of all parts, one part after the other; their codes have to be those of `symbols`."""
    if not parts:
        return no_records(symbols)
    if len(parts) == 1:
        return parts[0]
    starts = np.cumsum([0, *map(len, parts)]).tolist()
    unread = tuple(Unread(start + it.row, it.raw, it.reason) for start, part in zip(starts, parts, strict=False) for it in part.unread)
    return Records(joined([part.ticks for part in parts]), symbols, np.concatenate([part.ingest for part in parts]), unread)


def recoded(records: Records, known: Symbols) -> Records:
    """Return records whose codes are those of the session's symbols."""
    names = records.symbols.names
    if records.symbols is known or (names and names == known.names[: len(names)]):
        return records
    codes = known.codes(names)
    if not len(codes) or (codes == np.arange(len(codes))).all():
        return records
    return replace(records, ticks=replace(records.ticks, symbol=codes[records.ticks.symbol]), symbols=known)
