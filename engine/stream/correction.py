"""Ticks that were set aside and are taken in after all: their windows are made anew, beside what the stream made of them."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from engine.stream.bars import START, SYMBOL, Bars, bars_of, no_bars
from engine.stream.intake import Reason
from engine.stream.log import TickLog
from engine.stream.processor import BAR_SECONDS, Processor
from engine.stream.records import Records
from engine.stream.ticks import SECOND, Ints, Symbols, Ticks
from engine.stream.trailing import grouped
from engine.thresholds import Thresholds

TAKEN_IN = (
    Reason.LATE,
    Reason.FUTURE,
    Reason.OUT_OF_HOURS,
)  # what a person may take in; the others are no trades of the session, or are in it
_EVERYTHING = 2**62
_DAY = 24 * 60 * 60 * SECOND


@dataclass(frozen=True, slots=True)
class Correction:
    """What taking ticks in comes to."""

    symbols: Symbols
    bars: Bars  # every minute that one of them belongs to
    days: Bars  # and every symbol's day


def corrected(log: TickLog, session: date, thresholds: Thresholds, offsets: Collection[int], *, before: Collection[int] = ()) -> Correction:
    """Return the windows that the ticks at `offsets` belong to, those at `before` having been taken in earlier.

    `ValueError` where an offset holds no tick that may be taken in.
    """
    records = log.read(session, 0, _EVERYTHING).records
    reasons = _judged(log, session, thresholds)
    new = np.array(sorted(set(offsets)), np.int64)
    wrong = [int(at) for at in new if at >= len(records) or Reason(int(reasons[at])) not in TAKEN_IN]
    if wrong:
        raise ValueError(f"at offset {wrong[0]:,} there is no tick that may be taken in")
    return windows(session, records, reasons, thresholds, new, before=before)


def windows(
    session: date, records: Records, reasons: Ints, thresholds: Thresholds, offsets: Collection[int], *, before: Collection[int] = ()
) -> Correction:
    """Return the windows that the ticks at `offsets` belong to, by a `Reason` for every record."""
    new = np.array(sorted(set(offsets)), np.int64)
    taken = reasons == Reason.ACCEPTED
    taken[[*before, *new.tolist()]] = True
    ticks = _of_symbols(records.ticks, taken, np.unique(records.ticks.symbol[new]))
    if not len(new):
        return Correction(records.symbols, no_bars(), no_bars())
    group = grouped(ticks.in_order())
    lot = Processor(session, records.symbols, thresholds).rules.board_lot
    minutes = bars_of(group, BAR_SECONDS * SECOND, lot)
    touched = _keys(records.ticks.symbol[new].astype(np.int64), records.ticks.time[new] // (BAR_SECONDS * SECOND))
    which = np.isin(_keys(minutes.matrix[SYMBOL], minutes.matrix[START]), touched)
    return Correction(records.symbols, minutes.take(which), bars_of(group, _DAY, lot))


def with_taken_in(figures: Mapping[Any, Any], reasons: Collection[str]) -> dict[str, Any]:
    """Return the counts of a session (`stream_state`) with ticks taken in that were set aside for these reasons."""
    taken = Counter(reasons)
    aside = {reason: number - taken[reason] for reason, number in (figures["aside"] or {}).items() if number > taken[reason]}
    return {"aside": aside, "accepted": figures["accepted"] + len(reasons), "missing": max(figures["missing"] - len(reasons), 0)}


def _judged(log: TickLog, session: date, thresholds: Thresholds) -> Ints:
    """Return a `Reason` for every record of a session, as the stream judged it."""
    records = log.read(session, 0, _EVERYTHING).records
    reasons = np.full(len(records), int(Reason.MALFORMED), np.int64)
    there = np.ones(len(records), np.bool_)
    there[[it.row for it in records.unread]] = False
    output = Processor(session, records.symbols, thresholds).feed(records.ticks.take(there), records.ingest[there])
    reasons[there] = output.reasons
    return reasons


def _of_symbols(ticks: Ticks, taken: np.ndarray, symbols: np.ndarray) -> Ticks:
    return ticks.take(taken & np.isin(ticks.symbol, symbols))


def _keys(symbol: Ints, start: Ints) -> Ints:
    keys: Ints = symbol * 2**40 + start
    return keys
