"""Ticks that people took in or out after the session: their windows are made anew, beside what the stream made of them."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.market.rules import rules_on
from engine.stream.bars import COLUMNS, START, SYMBOL, Bars, bars_of, joined, no_bars
from engine.stream.intake import Reason
from engine.stream.processor import BAR_SECONDS
from engine.stream.received import Received
from engine.stream.ticks import SECOND, Ints, Symbols, Ticks
from engine.stream.trailing import grouped

_DAY = 24 * 60 * 60 * SECOND
_SYMBOL = 2**40  # more minutes than there will be


@dataclass(frozen=True, slots=True)
class Correction:
    """What taking ticks in or out comes to."""

    symbols: Symbols
    bars: Bars  # every minute that one of them belongs to; without a trade where none is left
    days: Bars  # and every symbol's day
    days_gone: Collection[str]  # symbols of which no trade is left
    after: Received  # what stands then


def corrected(before: Received, after: Received) -> Correction:
    """Return the windows of the ticks that are in the session on one side alone; `after` may have more records than `before`."""
    was = np.zeros(len(after.records), np.bool_)
    was[: len(before.records)] = before.reasons == Reason.ACCEPTED
    there, records = after.reasons == Reason.ACCEPTED, after.records
    changed = records.ticks.take(was != there)
    if not len(changed):
        return Correction(records.symbols, no_bars(), no_bars(), (), after)
    touched = np.unique(_keys(changed.symbol.astype(np.int64), changed.time // (BAR_SECONDS * SECOND)))
    ticks = records.ticks.take(there & np.isin(records.ticks.symbol, changed.symbol))
    bars, days = _made(after, ticks) if len(ticks) else (no_bars(), no_bars())
    bars = bars.take(np.isin(_keys(bars.matrix[SYMBOL], bars.matrix[START]), touched))
    emptied = np.setdiff1d(touched, _keys(bars.matrix[SYMBOL], bars.matrix[START]))
    gone = np.setdiff1d(changed.symbol, days.matrix[SYMBOL]).tolist()
    return Correction(records.symbols, joined([bars, _empty(emptied)]), days, [records.symbols.names[code] for code in gone], after)


def _empty(keys: Ints) -> Bars:
    bars = np.zeros((len(COLUMNS), len(keys)), np.int64)
    bars[SYMBOL], bars[START] = np.divmod(keys, _SYMBOL)
    return Bars(bars)


def _made(found: Received, ticks: Ticks) -> tuple[Bars, Bars]:
    group, lot = grouped(ticks.in_order()), rules_on(found.session).board_lot
    return bars_of(group, BAR_SECONDS * SECOND, lot), bars_of(group, _DAY, lot)


def _keys(symbol: Ints, start: Ints) -> Ints:
    keys: Ints = symbol * _SYMBOL + start
    return keys
