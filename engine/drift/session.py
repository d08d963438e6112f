"""One session as drift sees it: a few values a row, and one a watched feature, from its silver rows and the sessions before."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import combinations, count

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.drift.pair import Floats
from engine.drift.series import column_medians
from engine.drift.watched import BY_SECTOR, DISTRIBUTIONS, SECTOR_MIX, SECTORS
from engine.market.layouts import COLUMNS as COLUMN_NAMES
from engine.market.layouts import LAYOUTS
from engine.market.money import MONEY, one_array, paisa
from engine.market.reference import Reference
from engine.market.rules import rules_on

PAST = 60  # sessions that a symbol's own median is of
FEWEST_OWN = 10  # of them; a symbol with fewer has no median
USUAL_OF, USUAL = 20, 18  # a symbol is usual that stood in 18 of the last 20 sessions
FUND_BELOW = 2_000  # paisa: no share has ever traded below NPR 20, a fund's unit is NPR 10
FEWEST_OF_SECTOR = 3  # usual symbols; a smaller sector may well not trade
FEWEST_IN_SECTOR = 8  # rows; a sector of fewer has no median worth watching
UNLISTED = "not listed"  # what the list of securities does not have; no sector
_ALL = slice(None)
_TOLERANCE = 0.005  # of a turnover against volume times average price, which is rounded

COLUMNS = (*DISTRIBUTIONS, "raw_log_volume", "raw_trade_size", "close", "volume")  # of a sample, in this order
_PAIRED = ("open", "high", "low", "close", "vwap", "previous_close")
PAIRS = (*combinations(_PAIRED, 2), ("volume", "trades"))
_COUNTED = ("open", "high", "low", "close", "last_price", "vwap", "previous_close", "volume", "turnover", "trades")
PARTS = ("equal_columns", "nulls", "zeros", "missing_sector")  # features that are the part which moved most

Codes = NDArray[np.int64]
_CODES: defaultdict[str, int] = defaultdict(count().__next__)  # every symbol that was ever seen here, in this order: some five hundred


@dataclass(frozen=True)
class SessionSample:
    """What is kept of a session: `columns` (len(COLUMNS), rows) in single precision, and levels by name (`feature` or `feature:part`)."""

    session: date
    symbols: tuple[str, ...]
    columns: NDArray[np.float32]
    levels: Mapping[str, float]
    halted: bool

    def values(self, name: str) -> NDArray[np.float32]:
        """Return one column."""
        return np.asarray(self.columns[COLUMNS.index(name)])

    @cached_property
    def codes(self) -> Codes:
        """The number of each row's symbol: the same in all samples of this process."""
        return codes_of(self.symbols)


def sample_of(
    silver: pa.Table, past: Sequence[SessionSample], reference: Reference, *, layout: str = "", set_aside: float = 0.0
) -> SessionSample:
    """Return a session's sample. `past` are the samples of the sessions right before, oldest first (60 are looked at).

    `set_aside` is the share of the file's lines that the gate held back; a column that its `layout` does not have is not empty.
    """
    session = silver["session"][0].as_py()
    symbols = tuple(silver["symbol"].to_pylist())
    codes = codes_of(symbols)
    sectors = np.array([sector_of(symbol, reference) for symbol in symbols])
    table = table_of(silver)
    recent = past[-PAST:]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = _columns(table, codes, recent)
        levels = _rates(table, symbols, reference, session) | _cells(table, layout) | _presence(table, codes, recent, reference)
        levels |= _levels(table, columns) | _sector_levels(columns, sectors)
    levels["set_aside"] = set_aside
    known = {name: float(value) for name, value in levels.items() if np.isfinite(value)}
    kept = np.array([columns[name] for name in COLUMNS], np.float32)
    return SessionSample(session, symbols, kept, known, _halted(session, reference, levels["market_return"]))


def codes_of(symbols: Sequence[str]) -> Codes:
    """Return the number of each symbol in this process."""
    return np.fromiter(map(_CODES.__getitem__, symbols), np.int64, len(symbols))


def _halted(session: date, reference: Reference, market_return: float) -> bool:
    """Say whether the index (where it is not published: the median symbol) moved so far that trading was stopped for the day."""
    halt = float(rules_on(session).day_halt_pct)
    index = reference.index.get(session)
    if index is not None and index.change_pct is not None:
        return abs(index.change_pct) >= halt * 0.99  # published with two decimals
    return bool(abs(100 * np.expm1(market_return)) >= halt * 0.75)


def _column(silver: pa.Table, name: str) -> Floats:
    """Return a column as floats, money in paisa, NaN for null."""
    column = one_array(silver[name])
    values = (paisa(column) if column.type == MONEY else column.fill_null(0).to_numpy(zero_copy_only=False)).astype(np.float64)
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), values, np.nan) if column.null_count else values


def _columns(table: Mapping[str, Floats], codes: Codes, recent: Sequence[SessionSample]) -> dict[str, Floats]:
    previous = np.where(table["previous_close"] > 0, table["previous_close"], np.nan)
    log_volume = _logarithm(table["volume"])
    trade_size = log_volume - _logarithm(table["trades"])
    own_volume, own_size = (
        column_medians(own_past(codes, recent, name), fewest=FEWEST_OWN) for name in ("raw_log_volume", "raw_trade_size")
    )
    moved, opened = _logarithm(table["close"] / previous), _logarithm(table["open"] / previous)
    spread = _mad(moved)
    width = table["high"] - table["low"]
    wide = np.where(width > 0, width, np.nan)
    own = log_volume - own_volume
    ranged = width / previous
    return {
        "log_return": (moved - _median(moved)) / spread,
        "log_volume": own - _median(own),
        "trade_size": trade_size - own_size,
        "range": ranged / _positive(_median(ranged)),
        "close_location": (table["close"] - table["low"]) / wide,
        "gap": (opened - _median(opened)) / spread,
        "raw_log_volume": log_volume,
        "raw_trade_size": trade_size,
        "close": table["close"],
        "volume": table["volume"],
        "moved": moved,
        "own": own,
    }


def _levels(table: Mapping[str, Floats], columns: Mapping[str, Floats]) -> dict[str, float]:
    """Return the mean of each distribution between its 5 % and 95 % (wild values are for the distances), and the market's levels."""
    found = {name: _trimmed_mean(columns[name]) for name in DISTRIBUTIONS}
    found |= {"market_return": _median(columns["moved"]), "dispersion": float(np.log(_mad(columns["moved"])))}
    return found | {"activity": _median(columns["own"]), "rows": float(np.log(max(len(table["close"]), 1)))}


def _sector_levels(columns: Mapping[str, Floats], sectors: NDArray[np.str_]) -> dict[str, float]:
    """Return how many symbols each sector has, and its median in the features that sectors are watched by."""
    names, place = np.unique(sectors, return_inverse=True)
    counts = np.bincount(place)
    found = {f"{SECTOR_MIX}:{name}": float(count) for name, count in zip(names, counts, strict=True)}
    for number in np.flatnonzero((counts >= FEWEST_IN_SECTOR) & (names != UNLISTED)):
        inside = place == number
        found |= {f"{SECTORS}:{name}/{names[number]}": _median(columns[name][inside]) for name in BY_SECTOR}
    return found


def table_of(silver: pa.Table) -> dict[str, Floats]:
    """Return the columns that are watched as floats, money in paisa, NaN for null."""
    return {name: _column(silver, name) for name in _COUNTED}


def flagged(
    table: Mapping[str, Floats], symbols: Sequence[str], reference: Reference, session: date
) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_] | slice]]:
    """Return by level (`feature` or `feature:part`) which rows count for its share, and which rows it is a share of."""
    close, last = table["close"], table["last_price"]
    tick = float(rules_on(session).tick_shares) * 100
    funds = _funds(reference)
    shares = (close >= FUND_BELOW) & ~np.array([symbol in funds for symbol in symbols], bool)
    found: dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_] | slice]] = {
        "off_grid": (close % tick != 0, shares),
        "close_not_last": (close != last, ~np.isnan(last)),
        "reconciliation": (np.abs(table["turnover"] / (table["volume"] * table["vwap"]) - 1) > _TOLERANCE, _ALL),
    }
    return found | {f"equal_columns:{one}={two}": (table[one] == table[two], _ALL) for one, two in PAIRS}


def _rates(table: Mapping[str, Floats], symbols: Sequence[str], reference: Reference, session: date) -> dict[str, float]:
    return {name: _share(flags[of]) for name, (flags, of) in flagged(table, symbols, reference, session).items()}


def _cells(table: Mapping[str, Floats], layout: str) -> dict[str, float]:
    """Return the share of empty cells and of zeros of each column that the file has."""
    there = {COLUMN_NAMES[name] for name in LAYOUTS[layout] if name in COLUMN_NAMES} if layout in LAYOUTS else set(_COUNTED)
    known = [name for name in _COUNTED if name in there]
    return {f"nulls:{name}": _share(np.isnan(table[name])) for name in known} | {
        f"zeros:{name}": _share(table[name] == 0) for name in known
    }


def _funds(reference: Reference) -> frozenset[str]:
    return frozenset(reference.funds.to_pylist()) if len(reference.funds) else frozenset()


def _presence(table: Mapping[str, Floats], codes: Codes, recent: Sequence[SessionSample], reference: Reference) -> dict[str, float]:
    """Return what can be said of who is there; nothing where there are too few sessions before."""
    if not recent:
        return {}
    before = own_past(codes, recent[-1:], "close")[0], own_past(codes, recent[-1:], "volume")[0]
    both = ~np.isnan(before[0])
    same = (table["close"].astype(np.float32) == before[0]) & (table["volume"].astype(np.float32) == before[1])
    found = {"repeated": _share(same[both])}
    if len(recent) < USUAL_OF:
        return found
    known, here, seen = usual(recent), np.zeros(len(_CODES), bool), np.zeros(len(_CODES), bool)
    here[codes] = True
    for sample in recent:
        seen[sample.codes] = True
    found |= {"missing_symbols": _share(~here[known]), "new_symbols": _share(~seen[codes])}
    symbols = list(_CODES)
    names, place = np.unique([sector_of(symbols[code], reference) for code in known], return_inverse=True)
    of_each, gone = np.bincount(place), np.bincount(place, weights=~here[known])
    large = np.flatnonzero(of_each >= FEWEST_OF_SECTOR)
    return found | {f"missing_sector:{names[at]}": float(gone[at] / of_each[at]) for at in large if names[at] != UNLISTED}


def usual(recent: Sequence[SessionSample]) -> Codes:
    """Return the symbols that stood in nearly each of the last 20 sessions."""
    counts = np.bincount(np.concatenate([sample.codes for sample in recent[-USUAL_OF:]]))
    return np.flatnonzero(counts >= USUAL)


def sector_of(symbol: str, reference: Reference) -> str:
    """Return the sector of a symbol by the list of securities."""
    security = reference.securities.get(symbol)
    return (security.sector if security else "") or UNLISTED


def own_past(codes: Codes, window: Sequence[SessionSample], name: str) -> Floats:
    """Return a column of earlier sessions for the symbols of `codes` as (sessions, symbols), NaN where one was not there."""
    places = [sample.codes for sample in window]  # all of them first: a sample that was just read may know symbols that are new here
    past: Floats = np.full((max(len(window), 1), len(_CODES)), np.nan)
    for at, (sample, place) in enumerate(zip(window, places, strict=True)):
        past[at, place] = sample.values(name)
    return past[:, codes]


def _logarithm(values: Floats) -> Floats:
    return np.log(np.where(values > 0, values, np.nan))


def _share(flags: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(flags) / len(flags)) if len(flags) else float("nan")


def _median(values: Floats) -> float:
    known = np.sort(values[~np.isnan(values)])  # a third of what np.median takes for some hundred values
    return float((known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2) if len(known) else float("nan")


def _mad(values: Floats) -> float:
    return _positive(_median(np.abs(values - _median(values))))


def _positive(value: float) -> float:
    return value if value > 0 else float("nan")


def _trimmed_mean(values: Floats) -> float:
    known = np.sort(values[np.isfinite(values)])
    cut = len(known) // 20
    return float(known[cut : len(known) - cut].mean()) if len(known) else float("nan")
