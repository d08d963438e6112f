"""Ticks that were set aside and are taken in after all: their windows are made anew, beside what the stream made of them."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from engine.market.rules import rules_on
from engine.stream.bars import START, SYMBOL, Bars, bars_of, no_bars
from engine.stream.intake import Reason
from engine.stream.processor import BAR_SECONDS
from engine.stream.received import Received
from engine.stream.ticks import SECOND, Ints, Symbols
from engine.stream.trailing import grouped

_DAY = 24 * 60 * 60 * SECOND


@dataclass(frozen=True, slots=True)
class Correction:
    """What taking ticks in comes to."""

    symbols: Symbols
    bars: Bars  # every minute that one of them belongs to
    days: Bars  # and every symbol's day
    offsets: Ints  # of those that were taken in: a trade that is in the session already is not
    after: Received  # what stands then


def corrected(found: Received, offsets: Collection[int]) -> Correction:
    """Return the windows that the ticks at `offsets` belong to; `ValueError` where an offset holds none that may be taken in."""
    new = found.takeable(offsets)
    after, records = found.with_taken(new), found.records
    if not len(new):
        return Correction(records.symbols, no_bars(), no_bars(), new, after)
    there = after.reasons == Reason.ACCEPTED
    group = grouped(records.ticks.take(there & np.isin(records.ticks.symbol, np.unique(records.ticks.symbol[new]))).in_order())
    lot = rules_on(found.session).board_lot
    minutes = bars_of(group, BAR_SECONDS * SECOND, lot)
    touched = _keys(records.ticks.symbol[new].astype(np.int64), records.ticks.time[new] // (BAR_SECONDS * SECOND))
    which = np.isin(_keys(minutes.matrix[SYMBOL], minutes.matrix[START]), touched)
    return Correction(records.symbols, minutes.take(which), bars_of(group, _DAY, lot), new, after)


def _keys(symbol: Ints, start: Ints) -> Ints:
    keys: Ints = symbol * 2**40 + start
    return keys
