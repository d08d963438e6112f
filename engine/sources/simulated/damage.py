"""How a faulty daily file differs from the whole one: pure functions from lines to lines."""

from collections.abc import Callable, Sequence

import numpy as np

from engine.sources.simulated.bits import Bits
from engine.sources.simulated.daily_table import cells_of, line_of
from engine.sources.simulated.faults import FaultKind

_HANDFUL = 5  # rows that a partial file holds at least
_NEW_NAMES = {"Vol": "Traded Shares", "Trans.": "No. of Trades"}


def handful(lines: Sequence[str], bits: Bits) -> list[str]:
    """Return the 5 to 12 first rows, as a scrape that broke off leaves them."""
    return list(lines[: _HANDFUL + int(bits[0] % np.uint64(8))])


def unknown_header(header: Sequence[str]) -> tuple[str, ...]:
    """Return the header with two names that no file ever had."""
    return tuple(_NEW_NAMES.get(name, name) for name in header)


def _unparsable(cells: dict[str, str]) -> None:
    cells["Turnover"] = f"{cells['Turnover']} NPR"


def _blank_symbol(cells: dict[str, str]) -> None:
    cells["Symbol"] = ""


def _crossed(cells: dict[str, str]) -> None:
    # Below the low, and not the two exchanged: many rows have a single price.
    low = float(cells["Low"].replace(",", ""))
    cells["High"] = f"{low - 0.1:,.2f}"


def _outside_band(cells: dict[str, str]) -> None:
    previous = float(cells["Prev. Close"].replace(",", ""))
    beyond = f"{previous * 1.4:,.2f}"
    cells |= {"Close": beyond, "High": beyond}
    if "LTP" in cells:
        cells["LTP"] = beyond


def _zero_price(cells: dict[str, str]) -> None:
    cells["Low"] = "0.00"


def _as_is(_cells: dict[str, str]) -> None:
    pass


def _volume_doubled(cells: dict[str, str]) -> None:
    cells["Vol"] = f"{2 * float(cells['Vol'].replace(',', '')):,.2f}"


_EDITS: dict[FaultKind, Callable[[dict[str, str]], None]] = {
    FaultKind.UNPARSABLE: _unparsable,
    FaultKind.RAGGED: _as_is,
    FaultKind.BLANK_SYMBOL: _blank_symbol,
    FaultKind.CROSSED: _crossed,
    FaultKind.MANY_CROSSED: _crossed,
    FaultKind.OUTSIDE_BAND: _outside_band,
    FaultKind.ZERO_PRICE: _zero_price,
    FaultKind.DUPLICATE: _volume_doubled,
}


def with_bad_rows(lines: Sequence[str], header: Sequence[str], *, rows: dict[FaultKind, int], bits: Bits) -> list[str]:
    """Return the lines with some rows spoilt, each in one way; `rows` says how many of which kind."""
    kinds = [kind for kind, count in rows.items() for _ in range(count)]
    # Rows of a first listing day have no Prev. Close to be outside of.
    fit = [n for n, line in enumerate(lines) if cells_of(line)[header.index("Prev. Close")] != "0.00"]
    chosen = [n for _, n in sorted(zip(bits.tolist(), fit, strict=False))]
    spoilt: dict[int, list[str]] = {}
    for kind, n in zip(kinds, chosen, strict=False):
        cells = dict(zip(header, cells_of(lines[n]), strict=True))
        _EDITS[kind](cells)
        texts = list(cells.values())
        damaged = line_of(texts[:-3] if kind is FaultKind.RAGGED else texts)
        spoilt[n] = [lines[n], damaged] if kind is FaultKind.DUPLICATE else [damaged]
    return [line for n, whole in enumerate(lines) for line in spoilt.get(n, [whole])]
