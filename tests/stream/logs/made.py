"""Records made by hand, and ways to look at what came back."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from engine.stream.contracts import first_id
from engine.stream.records import Records, Unread
from engine.stream.ticks import SECOND, Symbols, Ticks

SESSION, NEXT = date(2024, 7, 17), date(2024, 7, 18)
START = 1_721_193_300 * SECOND  # 11:00 in Nepal


def records(first: int, count: int, *, symbols: Symbols | None = None, names: str = "ABC", bad: Sequence[int] = ()) -> Records:
    """Trades number `first` and on, one a second; those whose row is in `bad` cannot be read."""
    known = symbols or Symbols()
    number = np.arange(first, first + count)
    codes = known.codes(names[n % len(names)] for n in number.tolist())
    there = np.ones(count, np.bool_)
    there[list(bad)] = False
    ticks = Ticks(
        np.where(there, first_id(SESSION) + 1_000_001 + number, 0),
        np.where(there, START + number * SECOND, 0),
        np.where(there, codes, 0).astype(np.uint16),
        np.where(there, 10 + number, 0),
        np.where(there, 100_00 + number, 0),
    )
    unread = tuple(Unread(row, b"\xff{" + str(first + row).encode(), f"broken {first + row}") for row in bad)
    return Records(ticks, known, START + number * SECOND + number % 3, unread)


def rows(found: Records) -> list[tuple[Any, ...]]:
    """What records say, row by row, without codes."""
    ticks, broken = found.ticks, {it.row: (it.raw, it.reason) for it in found.unread}
    return [
        broken[row]
        if row in broken
        else (
            int(ticks.contract[row]),
            int(ticks.time[row]),
            found.symbols.names[ticks.symbol[row]],
            int(ticks.quantity[row]),
            int(ticks.rate[row]),
            int(found.ingest[row]),
        )
        for row in range(len(found))
    ]
