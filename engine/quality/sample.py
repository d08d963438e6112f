"""What the checks look at: the rows of one session as arrays, with the rules of its day and what was known before it."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.features.state import FeatureState
from engine.market.daily_file import LineCounts
from engine.market.reference import Reference
from engine.market.rules import MarketRules, rules_on

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

CLOSES, VOLUMES = 0, 2  # series of the carried windows
FEWEST_KNOWN = 0.5  # of a file's symbols in the list of securities; below it the list is of another market


@dataclass(frozen=True, slots=True)
class History:
    """What was known before the session: every symbol's newest rows, and the session and layout before it."""

    state: FeatureState = field(default_factory=FeatureState.empty)
    layout: str | None = None

    @property
    def session(self) -> date | None:
        """The newest session before, or None where there is none."""
        return self.state.session


@dataclass(frozen=True)
class Sample:
    """One session to judge; n rows long.

    `rows` are in `PARSED_SCHEMA` (any order, a symbol may come twice), `lines` says where every line of the file went. Every array that it
    gives is n long and NaN where there is no value; prices are in NPR.
    """

    session: date
    rows: pa.Table
    layout: str
    lines: LineCounts
    reference: Reference = field(default_factory=Reference)
    history: History = field(default_factory=History)

    @property
    def size(self) -> int:
        """The number of rows."""
        return int(self.rows.num_rows)

    @cached_property
    def rules(self) -> MarketRules:
        """The exchange's rules on the session's day."""
        return rules_on(self.session)

    @cached_property
    def symbols(self) -> pa.Array:
        """The symbols as one array."""
        return _whole(self.rows["symbol"])

    @cached_property
    def line_numbers(self) -> pa.Int32Array:
        """The lines of the file that the rows stood on."""
        return _whole(self.rows["line"])

    @cached_property
    def _columns(self) -> dict[str, Floats]:
        return {}

    def __getitem__(self, column: str) -> Floats:
        """Return a column as floats: money in NPR, counts as they are."""
        known = self._columns
        if column not in known:
            known[column] = _floats(_whole(self.rows[column]))
        return known[column]

    def has(self, column: str) -> bool:
        """Say whether the file has a value in that column at all."""
        return int(self.rows[column].null_count) < self.size

    @cached_property
    def _coded(self) -> pa.DictionaryArray:
        return self.symbols.dictionary_encode("encode")  # a null is a symbol of its own

    @property
    def distinct(self) -> pa.StringArray:
        """Every symbol once: what is asked of symbols is asked of these."""
        return self._coded.dictionary

    @cached_property
    def codes(self) -> Codes:
        """The position of each row's symbol in `distinct`."""
        return np.asarray(self._coded.indices.to_numpy())

    @cached_property
    def previous(self) -> Floats:
        """The previous close where it is above zero: what moves are measured from."""
        previous = self["previous_close"]
        return np.where(previous > 0, previous, np.nan)

    def move(self, column: str) -> Floats:
        """Return by how many percent a price moved from the previous close."""
        known = self._moves
        if column not in known:
            known[column] = 100 * (self[column] / self.previous - 1)
        return known[column]

    @cached_property
    def _moves(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _place(self) -> Ints:
        """The position of each row's symbol in the carried state; -1 where it is new."""
        found = pc.index_in(self.distinct, value_set=self.history.state.symbols)
        return np.asarray(found.fill_null(-1).to_numpy(), np.int64)[self.codes]

    @cached_property
    def unseen(self) -> Flags:
        """Whether the symbol has no row in any session before."""
        return self._place < 0

    def _carried(self, values: Floats) -> Floats:
        padded = np.append(values, np.nan)  # -1 finds the NaN at the end
        taken: Floats = padded[self._place]
        return taken

    @cached_property
    def own_close(self) -> Floats:
        """The symbol's close in the session right before; NaN where it did not trade in that one."""
        state = self.history.state
        if not len(state.rows):
            return np.full(self.size, np.nan)
        current = state.last_sessions == state.last_sessions.max()
        return self._carried(np.where(current, state.windows[CLOSES, -1], np.nan))

    @cached_property
    def own_volume(self) -> Floats:
        """The symbol's volume in the session right before; NaN where it did not trade in that one."""
        state = self.history.state
        if not len(state.rows):
            return np.full(self.size, np.nan)
        current = state.last_sessions == state.last_sessions.max()
        return self._carried(np.where(current, state.windows[VOLUMES, -1], np.nan))

    @cached_property
    def usual_log_volume(self) -> tuple[Floats, Floats]:
        """Median and median absolute deviation of the logarithm of the symbol's last 20 volumes; NaN where it has fewer than 20."""
        if not len(self.history.state.rows):
            return np.full(self.size, np.nan), np.full(self.size, np.nan)
        volumes = self.history.state.windows[VOLUMES]
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.sort(np.where(volumes > 0, np.log(volumes), np.nan), axis=0)  # NaN sorts to the end, and stays in the middle
        middle = (logs[9] + logs[10]) / 2
        spread = np.sort(np.abs(logs - middle), axis=0)
        whole = ~np.isnan(logs[-1])
        return (
            self._carried(np.where(whole, middle, np.nan)),
            self._carried(np.where(whole, (spread[9] + spread[10]) / 2, np.nan)),
        )

    @cached_property
    def listed(self) -> Flags | None:
        """Whether the symbol is in the list of securities; None where there is no list, or one of another market."""
        if not self.reference.securities:
            return None
        found = self._among(self.reference.listed)
        return found if np.count_nonzero(found) >= FEWEST_KNOWN * self.size else None

    @cached_property
    def halted(self) -> bool:
        """Whether the index (where it is not published: the median symbol) moved so far that trading was stopped for the day."""
        halt = float(self.rules.day_halt_pct)
        index = self.reference.index.get(self.session)
        if index is not None and index.change_pct is not None:
            return abs(index.change_pct) >= halt * 0.99  # published with two decimals
        moves = self.move("close")
        known = moves[~np.isnan(moves)]
        return bool(len(known)) and abs(float(np.median(known))) >= halt * 0.75

    @cached_property
    def is_fund(self) -> Flags:
        """Whether the row is of a mutual fund: by the list of securities, else by a price near the NPR 10 of a unit."""
        near_ten = self["close"] < 20  # noqa: PLR2004, no share has ever traded there
        return near_ten if self.listed is None else self._among(self.reference.funds) | (near_ten & ~self.listed)

    @cached_property
    def is_promoter(self) -> Flags:
        """Whether the row is of promoter shares: the symbol of a company that is known, with P or PO behind it."""
        ends = pc.or_(pc.ends_with(self.distinct, "P"), pc.ends_with(self.distinct, "PO")).fill_null(fill_value=False)
        named = np.flatnonzero(ends.to_numpy(zero_copy_only=False))
        flags: Flags = np.zeros(len(self.distinct), bool)
        for at, symbol in zip(named, self.distinct.take(pa.array(named)).to_pylist(), strict=True):  # some fifteen a session
            flags[at] = len(symbol.removesuffix("O")) >= 3 and self._is_company(symbol[:-1], symbol.removesuffix("PO"))  # noqa: PLR2004, two letters and the P
        return flags[self.codes]

    def _is_company(self, *names: str) -> bool:
        if any(name in self.reference.securities for name in names):
            return True
        asked = pa.array(names, pa.string())
        return any(pc.any(pc.is_in(asked, value_set=known)).as_py() for known in (self.history.state.symbols, self.distinct))

    @cached_property
    def near_book_closure(self) -> Flags:
        """Whether the company closes its books within five days of the session."""
        symbols, days = self.reference.closures
        near = np.flatnonzero(np.abs(days - self.session.toordinal()) <= 5)  # noqa: PLR2004, days; 169 of 227 restated closes lie within
        return self._among(symbols.take(pa.array(near)))

    def _among(self, symbols: pa.StringArray) -> Flags:
        found = pc.is_in(self.distinct, value_set=symbols)
        flags: Flags = found.to_numpy(zero_copy_only=False)[self.codes]
        return flags


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _floats(column: pa.Array) -> Floats:
    if pa.types.is_decimal(column.type):
        # 18 digits fit in the low word of a decimal128, and a division rounds correctly where Arrow's own cast does not.
        paisa = np.frombuffer(column.buffers()[1], np.int64, count=2 * len(column), offset=16 * column.offset)[::2]
        values = paisa / 100.0
    else:
        values = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    if column.null_count:
        values = np.where(column.is_valid().to_numpy(zero_copy_only=False), values, np.nan)
    return values
