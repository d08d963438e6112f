"""Trades as columns of whole numbers, which is how the stream carries them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint16]
Mask = NDArray[np.bool_]

SECOND = 1_000_000  # microseconds
MAX_SYMBOLS = 65_535  # a symbol's code has 16 bits: numpy sorts those in linear time


@dataclass(frozen=True, slots=True)
class Ticks:
    """Trades, one entry each in every column."""

    contract: Ints  # date, partition and sequence: 16 decimal digits
    time: Ints  # microseconds since 1970, UTC
    symbol: Codes
    quantity: Ints  # shares
    rate: Ints  # paisa

    def __len__(self) -> int:
        return len(self.contract)

    def columns(self) -> Sequence[Ints | Codes]:
        """Return the columns one after the other."""
        return self.contract, self.time, self.symbol, self.quantity, self.rate

    def take(self, which: Ints | Mask | slice) -> "Ticks":
        """Return those that `which` selects, in its order."""
        if isinstance(which, slice) or which.dtype == np.bool_:
            return Ticks(self.contract[which], self.time[which], self.symbol[which], self.quantity[which], self.rate[which])
        # A third faster than brackets.
        columns = self.contract.take(which), self.time.take(which), self.symbol.take(which), self.quantity.take(which)
        return Ticks(*columns, self.rate.take(which))

    def in_order(self) -> "Ticks":
        """Return them by (time, contract): the order in which they were traded."""
        later = self.time[1:] > self.time[:-1]
        if later.all() or (later | ((self.time[1:] == self.time[:-1]) & (self.contract[1:] > self.contract[:-1]))).all():
            return self
        return self.take(np.lexsort((self.contract, self.time)))


def no_ticks() -> Ticks:
    """Return columns without an entry."""
    nothing = np.empty(0, np.int64)
    return Ticks(nothing, nothing, np.empty(0, np.uint16), nothing, nothing)


def joined(parts: Sequence[Ticks]) -> Ticks:
    """Return the ticks of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_ticks()
    return Ticks(
        np.concatenate([part.contract for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.symbol for part in parts]),
        np.concatenate([part.quantity for part in parts]),
        np.concatenate([part.rate for part in parts]),
    )


class Symbols:
    """The codes of a stream's symbols, given in the order in which they first came."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names: list[str] = list(names)
        self._codes = {name: code for code, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def known(self, names: Iterable[str]) -> list[int | None]:
        """Return the codes of symbols, None for those that have none."""
        return list(map(self._codes.get, names))

    def code(self, name: str) -> int:
        """Return the symbol's code, a new one where it has none; `OverflowError` for more symbols than codes."""
        known = self._codes.get(name)
        if known is not None:
            return known
        if len(self.names) >= MAX_SYMBOLS:
            raise OverflowError(f"the stream has {MAX_SYMBOLS:,} symbols already; {name!r} has no code left")
        self._codes[name] = len(self.names)
        self.names.append(name)
        return self._codes[name]

    def codes(self, names: Iterable[str]) -> Codes:
        """Return the codes of many symbols."""
        return np.fromiter(map(self.code, names), np.uint16)
